/** What connections cost a broker that do nothing: how fast they open, and how much memory each one takes. */

import { setTimeout as delay } from 'node:timers/promises';
import { ReadBuffer } from './frame-scanner.ts';
import { monotonicUs } from './load-board.ts';
import { type Endpoint, LoadConnection } from './load-connection.ts';
import { cpuSecondsOf, residentBytesOf } from './process-usage.ts';

export interface IdleOptions extends Endpoint {
  /** Connections to open, one after the other, one channel each. */
  readonly connections: number;
  /** How long they stay before the memory is read. */
  readonly holdSeconds: number;
  readonly brokerPids: readonly number[];
}

export interface IdleReport {
  readonly connections: number;
  readonly openedPerSecond: number;
  readonly memoryBeginBytes: number;
  readonly memoryEndBytes: number;
  readonly bytesPerConnection: number;
  /** CPU of the broker for each opening, microseconds. */
  readonly brokerCpuUsPerConnection: number;
}

/** Opens connections, holds them and closes them. @throws LoadConnectionError when one cannot be opened. */
export async function openIdleConnections(options: IdleOptions): Promise<IdleReport> {
  const { connections, holdSeconds, brokerPids } = options;
  const memoryBeginBytes = residentBytesOf(brokerPids);
  const cpuBegin = cpuSecondsOf(brokerPids);
  const beginUs = monotonicUs();
  const close = await openConnections(options, connections);
  try {
    const openSeconds = (monotonicUs() - beginUs) / 1e6;
    const brokerCpuUsPerConnection = ((cpuSecondsOf(brokerPids) - cpuBegin) * 1e6) / connections;
    await delay(holdSeconds * 1e3);
    const memoryEndBytes = residentBytesOf(brokerPids);
    return {
      connections,
      openedPerSecond: connections / openSeconds,
      memoryBeginBytes,
      memoryEndBytes,
      bytesPerConnection: (memoryEndBytes - memoryBeginBytes) / connections,
      brokerCpuUsPerConnection,
    };
  } finally {
    await close();
  }
}

/** Opens connections, one after the other. @returns what closes them. @throws LoadConnectionError when one cannot be opened. */
export async function openConnections(endpoint: Endpoint, count: number): Promise<() => Promise<void>> {
  const readBuffer = new ReadBuffer();
  const open: LoadConnection[] = [];
  const close = async (): Promise<void> => {
    for (const connection of open) await connection.close();
  };
  try {
    while (open.length < count) open.push(await LoadConnection.open(endpoint, readBuffer));
    return close;
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Tries until a connection opens and returns the milliseconds from `sinceUs`, on the clock of `monotonicUs`.
 * @throws LoadConnectionError when none opened in `timeoutMs`, or `isHopeless` says that none will.
 */
export async function awaitReady(
  endpoint: Endpoint,
  sinceUs: number,
  timeoutMs: number,
  isHopeless: () => boolean = () => false,
): Promise<number> {
  const readBuffer = new ReadBuffer();
  for (;;) {
    try {
      const connection = await LoadConnection.open(endpoint, readBuffer);
      const readyMs = (monotonicUs() - sinceUs) / 1e3;
      await connection.close();
      return readyMs;
    } catch (error) {
      if (isHopeless() || monotonicUs() - sinceUs > timeoutMs * 1e3) throw error;
      await delay(5);
    }
  }
}
