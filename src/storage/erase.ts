/** Forgets all messages of a data directory, for a node that is to be as new. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DELAYED_DIRECTORY } from './delay-files.ts';
import { JOURNAL_DIRECTORY, SPILL_FILE } from './message-store.ts';

/** @param directory the data directory, whose store nobody has open */
export function eraseMessages(directory: string): void {
  const names = [JOURNAL_DIRECTORY, SPILL_FILE, DELAYED_DIRECTORY];
  for (const name of names) rmSync(join(directory, name), { recursive: true, force: true });
}
