/** Child processes of the benchmark: started with a list of arguments, ended by their own id, never outliving the benchmark. */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { brokerEnvironment } from '../test/broker-environment.ts';

const termMsMax = 10_000;
const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface RunningChild {
  readonly pid: number;
  /** What the child wrote to its standard error, its end. */
  errorText(): string;
  /** Sends it a message and awaits its answer; for a child with a channel. */
  ask(message: string): Promise<unknown>;
  /** Whether it has ended by itself. */
  hasEnded(): boolean;
  /** SIGTERM, after 10 s SIGKILL; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** What is TypeScript still, the floor and the probe, costs neither the time nor the memory of its compiler when it was compiled before. */
const env = {
  ...brokerEnvironment(),
  NODE_COMPILE_CACHE: path.join(import.meta.dirname, '../node_modules/.cache/node'),
};

/** Starts this Node with a script. @param channel to ask it by. @throws Error when the process cannot be started. */
export function startNode(args: readonly string[], directory: string, channel = false): RunningChild {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...(channel ? (['ipc'] as const) : [])];
  const child = spawn(process.execPath, args, { cwd: directory, env, stdio });
  if (child.pid === undefined) throw new Error(`node ${args.join(' ')} did not start`);
  let errorText = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errorText = (errorText + text).slice(-4000);
  });
  running.add(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  ended.then(() => running.delete(child));
  return {
    pid: child.pid,
    errorText: () => errorText,
    ask: async (message) => {
      child.send(message);
      return (await once(child, 'message'))[0];
    },
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop: () => stopChild(child, ended),
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), termMsMax);
  await ended;
  clearTimeout(impatience);
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
