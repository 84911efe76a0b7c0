/**
 * What RabbitMQ 3.10.8 answered, kept as text: one file a group of sessions in `golden/`, one section a session.
 * Written by `record.ts`; read where RabbitMQ is not installed, and checked against it where it is.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from './session.ts';

const DIRECTORY = join(import.meta.dirname, 'golden');
const SECTION = '=== ';

/** Transcripts by session title. */
export type Transcripts = Map<string, string>;

/** All that is recorded. */
export function readGolden(): Transcripts {
  const transcripts: Transcripts = new Map();
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt'))) {
    const sections = readFileSync(join(DIRECTORY, file), 'utf8')
      .split(new RegExp(`^${SECTION}`, 'm'))
      .slice(1);
    for (const section of sections) {
      const end = section.indexOf('\n');
      transcripts.set(section.slice(0, end), section.slice(end + 1).replace(/\n+$/, '\n'));
    }
  }
  return transcripts;
}

/** Replaces all that is recorded. */
export function writeGolden(sessions: readonly Session[], transcripts: Transcripts): void {
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY);
  for (const group of new Set(sessions.map((session) => session.group))) {
    const sections = sessions
      .filter((session) => session.group === group)
      .map(({ title }) => `${SECTION}${title}\n${transcripts.get(title)}`);
    writeFileSync(join(DIRECTORY, `${group.replaceAll(' ', '-')}.txt`), sections.join('\n'));
  }
}
