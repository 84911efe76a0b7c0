/** What RabbitMQ 3.10.8 answered, one file a group of calls in `golden/`. Written by record.ts. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transcripts } from './played.ts';

const DIRECTORY = join(import.meta.dirname, 'golden');

export function readGolden(): Transcripts {
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(DIRECTORY, file), 'utf8');
      return [file.replace('.txt', '').replaceAll('-', ' '), text.split(/(?<=\n)(?! )/)];
    }),
  );
}

/** Replaces all that is recorded. */
export function writeGolden(transcripts: Transcripts): void {
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY);
  for (const [group, answers] of transcripts) {
    writeFileSync(join(DIRECTORY, `${group.replaceAll(' ', '-')}.txt`), answers.join(''));
  }
}
