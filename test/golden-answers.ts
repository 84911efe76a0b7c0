/** Answers that were recorded of RabbitMQ 3.10.8: one file a group, one behind the other; only their first lines are not indented. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** By group. */
export type Transcripts = ReadonlyMap<string, readonly string[]>;

export function readAnswers(directory: string): Transcripts {
  const files = readdirSync(directory).filter((name) => name.endsWith('.txt'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(directory, file), 'utf8');
      return [file.replace('.txt', '').replaceAll('-', ' '), text.split(/(?<=\n)(?! )/)];
    }),
  );
}

/** Replaces all that is recorded. */
export function writeAnswers(directory: string, transcripts: Transcripts): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const [group, answers] of transcripts) {
    writeFileSync(join(directory, `${group.replaceAll(' ', '-')}.txt`), answers.join(''));
  }
}
