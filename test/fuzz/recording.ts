/**
 * What a client sent in one session, and how far the broker had answered before each part of it: kept as text, one line a
 * part, so that a recording can be read and compared.
 *
 *   client 414d515000000901     octets that the client sent
 *   server 1                    frames that the broker sent before the client went on
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export type Part =
  | { readonly kind: 'client'; readonly bytes: Buffer }
  | { readonly kind: 'server'; readonly frames: number };

export interface Recording {
  readonly name: string;
  readonly parts: readonly Part[];
}

const DIRECTORY = join(import.meta.dirname, 'recordings');
const EXTENSION = '.session';

export function saveRecording({ name, parts }: Recording): void {
  const lines = parts.map((part) =>
    part.kind === 'client' ? `client ${part.bytes.toString('hex')}` : `server ${part.frames}`,
  );
  writeFileSync(join(DIRECTORY, name + EXTENSION), `${lines.join('\n')}\n`);
}

/** All recordings of the directory, by name. */
export function loadRecordings(): Recording[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith(EXTENSION))
    .sort()
    .map((file) => ({
      name: basename(file, EXTENSION),
      parts: readParts(readFileSync(join(DIRECTORY, file), 'utf8')),
    }));
}

function readParts(text: string): Part[] {
  return text
    .trim()
    .split('\n')
    .map((line): Part => {
      const [kind, value = ''] = line.split(' ');
      if (kind === 'client') return { kind, bytes: Buffer.from(value, 'hex') };
      return { kind: 'server', frames: Number(value) };
    });
}
