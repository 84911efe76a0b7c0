/** What RabbitMQ 3.10.8's rabbitmqctl printed, one file a group of command lines in `golden/`. Written by record.ts. */
import { join } from 'node:path';
import { readAnswers, type Transcripts, writeAnswers } from '../golden-answers.ts';
import { busyClient } from '../management/clients.ts';
import { COMMAND_LINES, type CommandLine, LINES_WITH_A_CLIENT } from './command-lines.ts';
import { played, type ToolUnderTest } from './transcript.ts';

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

export const readGolden = (): Transcripts => readAnswers(DIRECTORY);

/** Replaces all that is recorded. */
export const writeGolden = (transcripts: Transcripts): void => writeAnswers(DIRECTORY, transcripts);
