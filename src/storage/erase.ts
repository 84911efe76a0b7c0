/** Forgets all messages of a data directory, for a node that is to be as new. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_DIRECTORY, SPILL_FILE } from './message-store.ts';

/** @param directory the data directory, whose store nobody has open */
export function eraseMessages(directory: string): void {
  for (const name of [JOURNAL_DIRECTORY, SPILL_FILE]) rmSync(join(directory, name), { recursive: true, force: true });
}
