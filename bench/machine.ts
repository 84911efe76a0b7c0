/** The machine that results were measured on: figures mean nothing without it. */

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { monotonicUs } from '../src/perf/load-board.ts';

export interface MachineDescription {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
  readonly system: string;
  readonly fileSystem: string;
  /** Median time of one 4 KiB append with fdatasync. */
  readonly syncMs: number;
  readonly node: string;
  readonly date: string;
  readonly commit: string;
  /** Targets that were left out, and why. */
  readonly notes: readonly string[];
}

const syncCount = 100;

/** Describes this machine; `directory` is where brokers keep their data in the benchmark. */
export function describeMachine(directory: string, notes: readonly string[]): MachineDescription {
  return {
    cores: os.availableParallelism(),
    processor: os.cpus()[0]?.model ?? 'unknown processor',
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    fileSystem: fileSystemOf(directory),
    syncMs: medianSyncMs(directory),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(import.meta.dirname),
    notes,
  };
}

function fileSystemOf(directory: string): string {
  return commandOutput('stat', ['-f', '-c', '%T', directory]);
}

function commitOf(directory: string): string {
  return commandOutput('git', ['-C', directory, 'rev-parse', '--short', 'HEAD']);
}

function commandOutput(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // A machine without the command, or a source tree without a history: the page says so.
    return 'unknown';
  }
}

function medianSyncMs(directory: string): number {
  const file = path.join(directory, `leveret-bench-sync-${process.pid}`);
  const descriptor = fs.openSync(file, 'w');
  const block = Buffer.alloc(4096, 'x');
  const times: number[] = [];
  for (let count = 0; count < syncCount; count++) {
    const beginUs = monotonicUs();
    fs.writeSync(descriptor, block);
    fs.fdatasyncSync(descriptor);
    times.push(monotonicUs() - beginUs);
  }
  fs.closeSync(descriptor);
  fs.rmSync(file);
  return times.sort((a, b) => a - b)[syncCount >> 1]! / 1e3;
}
