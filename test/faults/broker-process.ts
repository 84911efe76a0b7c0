/** A broker in a process of its own, over a data directory that outlives it: it is killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokerEnvironment } from '../broker-environment.ts';
import { LEVERET } from '../integration/leveret-process.ts';

/** A line of the log that tells of a fault, and not of what a client did. */
export const OWN_ERROR = /\[error\] <(?!connection>|channel>)/;

const START_DEADLINE_MS = 60_000;

export interface BrokerProcessOptions {
  readonly dataDir: string;
  /** Lines of a configuration file. */
  readonly settings?: readonly string[];
  /** A command that runs the broker: `strace`, say, with its arguments. It has to end when the broker does. */
  readonly wrapper?: readonly string[];
  /** The sources, if none is given. */
  readonly program?: string;
}

export class BrokerProcess {
  readonly #options: BrokerProcessOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<unknown> = Promise.resolve();
  port = 0;
  stdout = '';
  stderr = '';

  constructor(options: BrokerProcessOptions) {
    this.#options = options;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  /** Of the broker, and not of what runs it; undefined while it does not run. */
  get pid(): number | undefined {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#options.wrapper === undefined) return pid;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return Number(child) || undefined;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Resolves when it is ready. @throws Error with what it printed when it ends before */
  async start(): Promise<void> {
    this.spawn();
    const ready = /listens on +amqp:\/\/\S*:(\d+)[\s\S]*ready in/;
    const deadline = performance.now() + START_DEADLINE_MS;
    for (let found = ready.exec(this.stdout); ; found = ready.exec(this.stdout)) {
      if (found !== null) {
        this.port = Number(found[1]);
        return;
      }
      if (this.#child === null) throw new Error(`the broker ended before it was ready: ${this.stderr}`);
      if (performance.now() > deadline) throw new Error(`the broker is not ready: ${this.stdout}${this.stderr}`);
      await Promise.race([once(this.#child.stdout!, 'data'), this.#exited]);
    }
  }

  /** Starts the process and waits for nothing. */
  spawn(): void {
    const { dataDir, settings = [], wrapper = [], program: leveret = LEVERET } = this.#options;
    const config = `${dataDir}.conf`;
    writeFileSync(config, `${settings.join('\n')}\n`);
    const flags = ['--port', '0', '--data-dir', dataDir, '--config', config, '--control-socket', 'none'];
    const [program, ...rest] = [...wrapper, process.execPath, leveret, ...flags];
    const child = spawn(program!, rest, { env: brokerEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.stdout = '';
    this.stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.#child = child;
    this.#exited = once(child, 'close').then(([code, signal]) => {
      this.#child = null;
      return code ?? signal;
    });
  }

  /** kill -9. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM. @returns the exit code, or the signal that ended it */
  async stop(): Promise<unknown> {
    this.#signal('SIGTERM');
    return this.#exited;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid !== undefined) process.kill(pid, signal);
  }

  /** Where its journal lies. */
  get journal(): string {
    return join(this.#options.dataDir, 'journal');
  }
}
