/** A node becomes a new one: all that its directory holds of messages and definitions goes. */
import { eraseDefinitions } from '../metadata/bootstrap.ts';
import { openSqliteStore } from '../metadata/sqlite-store.ts';
import type { Slices } from '../runtime/slices.ts';
import { eraseMessages } from '../storage/erase.ts';

/** The lock of the store keeps other brokers away meanwhile. */
export async function eraseAll(directory: string, clusterName: string, slices: Slices): Promise<void> {
  const metadata = openSqliteStore({ directory, clusterName, slices });
  try {
    // Messages first: queues without them are as good as new, and messages without queues would be others'.
    eraseMessages(directory);
    await eraseDefinitions(metadata);
  } finally {
    metadata.close();
  }
}
