/**
 * Clients of other languages: a program of the client's own ecosystem runs every scenario and reports one line of JSON for
 * each, which becomes a test here.
 *
 *   program -> test   {"scenario": "...", "error": null | "traceback"}   one finished scenario
 *                     {"ask": "go-down"}     answered with "stopped" by a broker that told its clients, or with "cut"
 *                     {"ask": "come-back"}   answered with "back"
 *                     {"ask": "fill-disk"}   answered with "full" once nothing can be written any more, or with "impossible"
 *                     {"ask": "free-disk"}   answered with "free"
 *                     {"finished": 12}                                   the last line: how many scenarios ran
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import type { RestartableBroker } from './broker-under-test.ts';
import { withDeadline } from './waiting.ts';

/** How to start a program. Where it speaks to a broker, the broker's URL is added as its last argument. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Ask = 'go-down' | 'come-back' | 'fill-disk' | 'free-disk';

interface ProgramLine {
  readonly scenario?: string;
  readonly error?: string | null;
  readonly ask?: Ask;
  readonly finished?: number;
}

/**
 * Whether what a test needs is missing on this machine: then the test is skipped with `package` in its message, except in
 * continuous integration, where it fails.
 */
export function isMissing(t: TestContext, program: Program, debianPackage: string): boolean {
  const found = spawnSync(program.command, program.args, { env: { ...process.env, ...program.env }, stdio: 'ignore' });
  if (found.status === 0) return false;
  const text = `${debianPackage} is not installed`;
  assert.ok(!process.env.CI, `${text}, and continuous integration leaves nothing out`);
  t.skip(text);
  return true;
}

/** Runs every scenario of `program` against `broker`, each as a subtest of `t`. */
export async function runScenarios(t: TestContext, program: Program, broker: RestartableBroker): Promise<void> {
  const child = spawn(program.command, [...program.args, broker.url], {
    env: { ...process.env, ...program.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  t.signal.addEventListener('abort', () => child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const complaints = collectText(child);
  let reported = 0;
  let finished: number | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = parseLine(text);
    if (line.ask !== undefined) {
      child.stdin.write(`${await answer(broker, line.ask)}\n`);
    } else if (line.scenario !== undefined) {
      reported += 1;
      await t.test(line.scenario, () => {
        if (line.error) assert.fail(line.error);
      });
    } else {
      finished = line.finished;
    }
  }
  const [exitCode, signal] = await withDeadline('the program to exit', exited);
  assert.deepEqual({ exitCode, signal, finished }, { exitCode: 0, signal: null, finished: reported }, complaints());
  assert.ok(reported > 0, 'a program without scenarios proves nothing');
}

async function answer(broker: RestartableBroker, ask: Ask): Promise<string> {
  switch (ask) {
    case 'go-down':
      await broker.goDown();
      return broker.stopsInOrder ? 'stopped' : 'cut';
    case 'come-back':
      await broker.comeBack();
      return 'back';
    case 'fill-disk':
      broker.fillDisk();
      return broker.canBlock ? 'full' : 'impossible';
    case 'free-disk':
      broker.freeDisk();
      return 'free';
  }
}

function parseLine(text: string): ProgramLine {
  try {
    return JSON.parse(text) as ProgramLine;
  } catch (cause) {
    throw new Error(`the program printed something that is no report: ${text}`, { cause });
  }
}

/** Keeps what a program writes to its standard error, to be shown when it fails as a whole. */
function collectText(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString().trim() || 'the program failed without a word';
}
