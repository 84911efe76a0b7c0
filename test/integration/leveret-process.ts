/** `leveret` as a user starts it: a process, what it prints, and how it ends. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { brokerEnvironment } from '../broker-environment.ts';
import { withDeadline } from '../conformance/waiting.ts';

export const LEVERET = join(import.meta.dirname, '../../src/cli/leveret.ts');

/** A process starts in a fraction of a second, or in many where a machine has other things to do. */
const DEADLINE_MS = 60_000;

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export class LeveretProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  /** Killed with its test, if it is still there. Of the machine's environment it gets no settings, unless `env` has some. */
  constructor(t: TestContext, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { env: brokerEnvironment(), ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      return { exit: code ?? signal, stdout: this.stdout, stderr: this.stderr };
    });
    t.after(() => this.child.kill('SIGKILL'));
  }

  /** From the checkout, with the arguments that a user would type. */
  static start(t: TestContext, ...args: string[]): LeveretProcess {
    return new LeveretProcess(t, process.execPath, [LEVERET, ...args]);
  }

  /** The port that it says it listens on. @throws Error when it ends before */
  async port(deadlineMs = DEADLINE_MS): Promise<number> {
    await this.printed(/ready in \d+ ms/, deadlineMs);
    return Number(/listens on +amqp:\/\/\S*:(\d+)$/m.exec(this.stdout)?.[1]);
  }

  /** Resolves when that was printed to its standard output. @throws Error when it ends before */
  async printed(pattern: RegExp, deadlineMs = DEADLINE_MS): Promise<void> {
    const found = async (): Promise<void> => {
      while (!pattern.test(this.stdout)) await once(this.child.stdout!, 'data');
    };
    const ended = this.ended.then(({ exit, stderr }) => {
      throw new Error(`it ended with ${exit} before it printed ${pattern}: ${stderr}`);
    });
    await withDeadline(`${pattern} from the command`, Promise.race([found(), ended]), deadlineMs);
  }
}

/** Runs the command to its end. */
export async function runLeveret(t: TestContext, ...args: string[]): Promise<Ended> {
  return withDeadline(`leveret ${args.join(' ')}`, LeveretProcess.start(t, ...args).ended, DEADLINE_MS);
}
