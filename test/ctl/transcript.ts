/**
 * Command lines and what came of them as lines of text, with what belongs to the machine or the moment taken out:
 *
 *   delete_user nobody
 *     67
 *     > Deleting user "nobody" ...
 *     ! Error:
 *     ! User "nobody" does not exist
 */
import type { CommandLine } from './command-lines.ts';

/** The first word of a line for another tool than the first one. */
export const OTHER_TOOLS = /^rabbitmq-(diagnostics|plugins|queues|upgrade)$/;

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the tool for one broker. */
export interface ToolUnderTest {
  readonly nodeName: string;
  readonly amqpPort: number;
  /** What it calls itself in its texts. */
  readonly program: string;
  run(words: readonly string[], stdin: string): Promise<Outcome>;
}

const ESCAPE = String.fromCharCode(27);
const BOLD = new RegExp(`${ESCAPE}\\[\\dm`, 'g');
/** How a terminal of the seventies is told to draw lines: RabbitMQ's tool does so on a pipe, too. */
const LINES = new RegExp(`${ESCAPE}\\(0([a-z]+)${ESCAPE}\\(B`, 'g');
const DRAWN: Readonly<Record<string, string>> = Object.fromEntries(
  [...'lqwkxtnumvj'].map((letter, index) => [letter, [...'┌─┬┐│├┼┤└┴┘'][index]!]),
);
/** Behind it each tool tells what it knows of the nodes that there are. */
const DIAGNOSTICS = /(?<=Please see diagnostics information and suggestions below\.\n)[\s\S]*/;
/** A client's; no other number has five digits. */
const PORT = /\b\d{5}\b/g;
const WARNING_OF_ERLANG = /\n\d\d:\d\d:\d\d\.\d+ \[warning\].*\n/g;

export async function played(tool: ToolUnderTest, given: string | CommandLine): Promise<string> {
  const { line, stdin = '' } = typeof given === 'string' ? { line: given } : given;
  const { exitCode, stdout, stderr } = await tool.run(
    wordsOf(line.replace('NODE', tool.nodeName).replace('AMQP_PORT', String(tool.amqpPort))),
    stdin,
  );
  const piped = stdin === '' ? '' : ` <<< ${JSON.stringify(stdin)}`;
  const printed = linesOf(tool, stdout);
  const lines = [
    String(exitCode),
    ...(/\blist_/.test(line) ? inOrder(printed) : printed).map((each) => `> ${each}`.trimEnd()),
    ...linesOf(tool, stderr).map((each) => `! ${each}`.trimEnd()),
  ];
  return `${line}${piped}\n${lines.map((each) => `  ${each}\n`).join('')}`;
}

/** As a shell would, without its variables. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g), ([word]) => word.replace(/(["'])(.*?)\1/gs, '$2'));
}

function linesOf({ nodeName, amqpPort, program }: ToolUnderTest, text: string): string[] {
  const plain = text
    .replace(BOLD, '')
    .replace(LINES, (_, letters: string) => [...letters].map((letter) => DRAWN[letter]).join(''))
    .replace(WARNING_OF_ERLANG, '')
    .replace(DIAGNOSTICS, '')
    .replace(new RegExp(`<${nodeName.replaceAll('.', '\\.')}[^ \\t]*>`, 'g'), '<PID>')
    .replaceAll(`'${nodeName}'`, 'NODE')
    .replaceAll(nodeName, 'NODE')
    .replaceAll(String(amqpPort), 'AMQP_PORT')
    .replace(PORT, 'PORT')
    .replace(new RegExp(`(?<![\\w/])${program}(?= )`, 'g'), 'PROGRAM');
  if (plain === '') return [];
  return plain.endsWith('\n') ? plain.slice(0, -1).split('\n') : [...plain.split('\n'), '(no end of the line)'];
}

/** Lists have no order that one could rely on. */
function inOrder(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^,(?={)/, '')).sort();
}
