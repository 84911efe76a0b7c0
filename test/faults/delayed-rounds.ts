/** Rounds of kill -9 of a broker in which messages wait to be released. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import { withDeadline } from '../conformance/waiting.ts';
import { BrokerProcess } from './broker-process.ts';
import { Random, seedFromEnvironment } from './random.ts';

export interface WaitingTraffic {
  readonly counts: { segments: number };
  declare(connection: ChannelModel): Promise<unknown>;
  consume(connection: ChannelModel): Promise<unknown>;
  publish(connection: ChannelModel, isOver: () => boolean): Promise<unknown>;
}

export interface Rounds {
  readonly rounds: number;
  readonly settings: readonly string[];
}

/** @returns the broker, started once more behind the last kill, and what was sent to it */
export async function killedInRounds<T extends WaitingTraffic>(
  t: TestContext,
  prefix: string,
  { rounds, settings }: Rounds,
  trafficOf: (random: Random) => T,
): Promise<{ broker: BrokerProcess; traffic: T }> {
  const seed = seedFromEnvironment();
  t.diagnostic(`LEVERET_SEED=${seed}; LEVERET_ROUNDS=n makes it longer`);
  const directory = mkdtempSync(join(tmpdir(), prefix));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const dataDir = join(directory, 'data');
  const broker = new BrokerProcess({ dataDir, settings });
  const random = new Random(seed);
  const traffic = trafficOf(random);
  for (let round = 1; round <= rounds; round++) {
    await broker.start();
    const connection = await connect(broker.url);
    connection.on('error', () => undefined);
    await traffic.declare(connection);
    await traffic.consume(connection);
    let isOver = false;
    const publishing = traffic.publish(connection, () => isOver).catch(() => undefined);
    await delay(200 + random.below(1200));
    traffic.counts.segments += readdirSync(join(dataDir, 'delayed'), { recursive: true }).length;
    isOver = true;
    await broker.kill();
    await withDeadline('the end of publishing', publishing);
  }
  await broker.start();
  return { broker, traffic };
}
