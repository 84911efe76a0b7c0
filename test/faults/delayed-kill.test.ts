/**
 * Rounds of kill -9 under delayed messages: published with confirms, moved to segments, released, consumed. Each one that was
 * confirmed is delivered, none before its time, and none twice unless it is marked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { eventually } from '../conformance/waiting.ts';
import { killedInRounds, ROUNDS, WaitingTraffic } from './delayed-rounds.ts';

const LONGEST_DELAY_MS = 3000;
const DRAIN_MS_MAX = 120_000;

class DelayedTraffic extends WaitingTraffic {
  readonly #dueAtMs = new Map<string, number>();
  readonly counts = { confirmed: 0, received: 0, repeated: 0, redelivered: 0, segments: 0 };

  async declare(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    await channel.assertQueue('now');
    await channel.bindQueue('now', 'later', '');
  }

  protected publishOne(channel: ConfirmChannel, id: string): void {
    const delayMs = 1 + this.random.below(LONGEST_DELAY_MS);
    this.#dueAtMs.set(id, Date.now() + delayMs);
    this.send(channel, 'later', '', id, { headers: { 'x-delay': delayMs } });
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
      if (this.arrived.has(id)) {
        assert(isRepeated || message.fields.redelivered, `${id} came twice, and is not marked`);
      }
      if (isRepeated) this.counts.repeated++;
      if (message.fields.redelivered) this.counts.redelivered++;
      this.arrived.add(id);
      this.counts.received++;
      channel.ack(message);
    });
  }
}

test(`no delayed message is lost, or comes twice unmarked, in ${ROUNDS} rounds of kill -9`, async (t) => {
  const { broker, traffic } = await killedInRounds(t, 'leveret-delayed-kill-', (random) => new DelayedTraffic(random));
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
