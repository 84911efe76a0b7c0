/**
 * Rounds of kill -9 under delayed messages: published with confirms, moved to segments, released, consumed. Each one that was
 * confirmed is delivered, none before its time, and none twice unless it is marked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import { eventually } from '../conformance/waiting.ts';
import { killedInRounds } from './delayed-rounds.ts';
import type { Random } from './random.ts';

const ROUNDS = Number(process.env.LEVERET_ROUNDS ?? 6);
const LONGEST_DELAY_MS = 3000;
const DRAIN_MS_MAX = 120_000;
/** Little of everything, so that each round has files that are made and removed. */
const SETTINGS = ['journal_file_size = 1MiB', 'message_memory_limit = 8MiB', 'delayed_segment_size = 64KiB'];

class DelayedTraffic {
  readonly #random: Random;
  readonly #dueAtMs = new Map<string, number>();
  readonly #confirmed = new Set<string>();
  readonly #received = new Set<string>();
  #published = 0;
  readonly counts = { confirmed: 0, received: 0, repeated: 0, redelivered: 0, segments: 0 };

  constructor(random: Random) {
    this.#random = random;
  }

  get missing(): number {
    let count = 0;
    for (const id of this.#confirmed) if (!this.#received.has(id)) count++;
    return count;
  }

  async declare(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    await channel.assertQueue('now');
    await channel.bindQueue('now', 'later', '');
  }

  /** Publishes until the connection ends. */
  async publish(connection: ChannelModel, isOver: () => boolean): Promise<void> {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    while (!isOver()) {
      for (let i = 0; i < 50; i++) this.#publishOne(channel);
      await channel.waitForConfirms();
      await delay(this.#random.below(20));
    }
  }

  #publishOne(channel: Awaited<ReturnType<ChannelModel['createConfirmChannel']>>): void {
    const id = `m${this.#published++}`;
    const delayMs = 1 + this.#random.below(LONGEST_DELAY_MS);
    const body = Buffer.alloc(100 + this.#random.below(2000), '.');
    const options = { headers: { 'x-delay': delayMs }, messageId: id, persistent: true };
    this.#dueAtMs.set(id, Date.now() + delayMs);
    channel.publish('later', '', body, options, (error) => {
      if (error !== null && error !== undefined) return;
      this.#confirmed.add(id);
      this.counts.confirmed++;
    });
  }

  async consume(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    await channel.prefetch(200);
    await channel.consume('now', (message) => {
      if (message === null) return;
      const id = String(message.properties.messageId);
      const isRepeated = message.properties.headers!['x-delay-repeated'] === true;
      assert(Date.now() >= this.#dueAtMs.get(id)!, `${id} is early`);
      if (this.#received.has(id)) {
        assert(isRepeated || message.fields.redelivered, `${id} came twice, and is not marked`);
      }
      if (isRepeated) this.counts.repeated++;
      if (message.fields.redelivered) this.counts.redelivered++;
      this.#received.add(id);
      this.counts.received++;
      channel.ack(message);
    });
  }
}

test(`no delayed message is lost, or comes twice unmarked, in ${ROUNDS} rounds of kill -9`, async (t) => {
  const { broker, traffic } = await killedInRounds(
    t,
    'leveret-delayed-kill-',
    { rounds: ROUNDS, settings: SETTINGS },
    (random) => new DelayedTraffic(random),
  );
  const connection = await connect(broker.url);
  await traffic.consume(connection);
  const until = Date.now() + DRAIN_MS_MAX;
  await eventually('every confirmed message', async () => {
    assert(Date.now() < until, `${traffic.missing} messages are lost`);
    return traffic.missing === 0;
  });
  await connection.close();
  await broker.stop();
  t.diagnostic(JSON.stringify(traffic.counts));
  for (const [what, count] of Object.entries(traffic.counts)) assert(count > 0, `${what}: ${count}`);
});
