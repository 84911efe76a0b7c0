/** Rounds of kill -9 of a broker in which messages wait to be released. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { withDeadline } from '../conformance/waiting.ts';
import { BrokerProcess } from './broker-process.ts';
import { Random, seedFromEnvironment } from './random.ts';

export const ROUNDS = Number(process.env.LEVERET_ROUNDS ?? 6);
/** Little of everything, so that each round has files that are made and removed. */
const SETTINGS = ['journal_file_size = 1MiB', 'message_memory_limit = 8MiB', 'delayed_segment_size = 64KiB'];
const PUBLISHED_AT_ONCE = 40;

/** What is published in every round, and what becomes of it. */
export abstract class WaitingTraffic {
  protected readonly random: Random;
  /** Messages that have come to their end. */
  protected readonly arrived = new Set<string>();
  readonly #confirmed = new Set<string>();
  #published = 0;
  abstract readonly counts: { confirmed: number; segments: number };

  constructor(random: Random) {
    this.random = random;
  }

  abstract declare(connection: ChannelModel): Promise<void>;
  abstract consume(connection: ChannelModel): Promise<void>;
  protected abstract publishOne(channel: ConfirmChannel, id: string): void;

  /** Confirmed messages that have not come to their end. */
  get missing(): number {
    let count = 0;
    for (const id of this.#confirmed) if (!this.arrived.has(id)) count++;
    return count;
  }

  /** Publishes until the connection ends. */
  async publish(connection: ChannelModel, isOver: () => boolean): Promise<void> {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    while (!isOver()) {
      for (let i = 0; i < PUBLISHED_AT_ONCE; i++) this.publishOne(channel, `m${this.#published++}`);
      await channel.waitForConfirms();
      await delay(this.random.below(20));
    }
  }

  protected send(channel: ConfirmChannel, exchange: string, key: string, id: string, options: Options.Publish): void {
    const body = Buffer.alloc(100 + this.random.below(2000), '.');
    channel.publish(exchange, key, body, { ...options, messageId: id, persistent: true }, (error) => {
      if (error !== null && error !== undefined) return;
      this.#confirmed.add(id);
      this.counts.confirmed++;
    });
  }
}

/** @returns the broker, started once more behind the last kill, and what was sent to it */
export async function killedInRounds<T extends WaitingTraffic>(
  t: TestContext,
  prefix: string,
  trafficOf: (random: Random) => T,
): Promise<{ broker: BrokerProcess; traffic: T }> {
  const seed = seedFromEnvironment();
  t.diagnostic(`LEVERET_SEED=${seed}; LEVERET_ROUNDS=n makes it longer`);
  const directory = mkdtempSync(join(tmpdir(), prefix));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const dataDir = join(directory, 'data');
  const broker = new BrokerProcess({ dataDir, settings: SETTINGS });
  const random = new Random(seed);
  const traffic = trafficOf(random);
  for (let round = 1; round <= ROUNDS; round++) {
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
