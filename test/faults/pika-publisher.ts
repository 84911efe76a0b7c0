/** A publisher with pika, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { isMissing } from '../conformance/external-program.ts';
import { withDeadline } from '../conformance/waiting.ts';

const PROGRAM = new URL('pika_publisher.py', import.meta.url).pathname;

export class PikaPublisher {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Null where pika is not installed, which is told; in continuous integration it has to be. */
  static async start(t: TestContext, url: string): Promise<PikaPublisher | null> {
    if (isMissing(t, { command: '/usr/bin/python3', args: ['-c', 'import pika'] }, 'python3-pika')) return null;
    const child = spawn('/usr/bin/python3', [PROGRAM, url], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const publisher = new PikaPublisher(child);
    if ((await publisher.next()) !== 'ready') throw new Error('pika did not start');
    return publisher;
  }

  publish(queue: string, body: string): void {
    this.#child.stdin!.write(`${queue} ${body}\n`);
  }

  async end(): Promise<void> {
    this.#child.stdin!.end();
    await withDeadline('pika to end', once(this.#child, 'exit'));
  }

  /** The next thing that it was told. */
  async next(): Promise<string | undefined> {
    return (await withDeadline('pika to be told', this.#lines.next())).value;
  }
}
