/** What RabbitMQ 3.10.8's rabbitmqctl printed, one file a group of command lines in `golden/`. Written by record.ts. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyClient } from '../management/clients.ts';
import { COMMAND_LINES, type CommandLine, LINES_WITH_A_CLIENT } from './command-lines.ts';
import { played, type ToolUnderTest } from './transcript.ts';

export type Transcripts = ReadonlyMap<string, readonly string[]>;

const DIRECTORY = join(import.meta.dirname, 'golden');

/** The broker has to be new: lines rely on what it starts with. */
export async function playAll(tool: ToolUnderTest): Promise<Transcripts> {
  const transcripts = new Map<string, readonly string[]>();
  for (const [group, lines] of Object.entries(COMMAND_LINES)) transcripts.set(group, await play(tool, lines));
  const client = await busyClient(tool.amqpPort);
  // Its connection is closed by a line.
  client.on('error', () => {});
  try {
    transcripts.set('a client', await play(tool, LINES_WITH_A_CLIENT));
  } finally {
    await client.close().catch(() => {});
  }
  return transcripts;
}

async function play(tool: ToolUnderTest, lines: readonly (string | CommandLine)[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const line of lines) outcomes.push(await played(tool, line));
  return outcomes;
}

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
