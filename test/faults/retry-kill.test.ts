/**
 * Rounds of kill -9 under dead letters that wait: what was confirmed fails at every attempt, comes back no earlier than its delay,
 * and is parked in the end, whenever the broker dies. None is lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { killedInRounds, ROUNDS, WaitingTraffic } from './delayed-rounds.ts';

const DELAYS_MS = [60, 700, 1500];
const STALE_DELAY_MS = 300;
/** Without anything new that is parked. */
const STANDSTILL_MS_MAX = 120_000;

interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
}

class FailingTraffic extends WaitingTraffic {
  /** When a message is back at the earliest, by its id and the attempt. */
  readonly #backAtMs = new Map<string, number>();
  failure: unknown = null;
  readonly counts = { confirmed: 0, rejected: 0, expired: 0, parked: 0, segments: 0 };

  async declare(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    await channel.assertExchange('parked', 'fanout');
    await channel.assertQueue('parked');
    await channel.bindQueue('parked', 'parked', '');
    const again = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work' };
    const ladder = { 'x-dead-letter-delays': DELAYS_MS, 'x-dead-letter-final-exchange': 'parked' };
    await channel.assertQueue('work', { arguments: { ...again, ...ladder } });
    const once = { 'x-message-ttl': 20, 'x-dead-letter-delays': [STALE_DELAY_MS] };
    await channel.assertQueue('stale', { arguments: { ...again, ...once } });
  }

  protected publishOne(channel: ConfirmChannel, id: string): void {
    const queue = this.random.below(4) === 0 ? 'stale' : 'work';
    if (queue === 'stale') this.#backAtMs.set(`${id} 0`, Date.now() + STALE_DELAY_MS);
    this.send(channel, '', queue, id, {});
  }

  async consume(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    await channel.prefetch(200);
    await channel.consume('work', (message) => {
      if (message === null) return;
      this.#guard(() => this.#tried(message));
      channel.reject(message, false);
    });
    await channel.consume('parked', (message) => {
      if (message === null) return;
      this.#guard(() => this.#isParked(message));
      channel.ack(message);
    });
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.failure ??= error;
    }
  }

  #tried(message: ConsumeMessage): void {
    const id = String(message.properties.messageId);
    const attempt = deathCount(message, 'work', 'rejected');
    const backAtMs = this.#backAtMs.get(`${id} ${attempt}`);
    if (backAtMs !== undefined) assert(Date.now() >= backAtMs, `${id} is early at attempt ${attempt}`);
    assert(attempt <= DELAYS_MS.length, `${id} at attempt ${attempt}`);
    const next = `${id} ${attempt + 1}`;
    const nextMs = DELAYS_MS[attempt];
    // Where it comes twice, after a kill, the first one counts.
    if (nextMs !== undefined && !this.#backAtMs.has(next)) this.#backAtMs.set(next, Date.now() + nextMs);
    this.counts.rejected++;
  }

  #isParked(message: ConsumeMessage): void {
    const id = String(message.properties.messageId);
    assert.equal(deathCount(message, 'work', 'rejected'), DELAYS_MS.length + 1, id);
    this.counts.expired += deathCount(message, 'stale', 'expired');
    this.arrived.add(id);
    this.counts.parked++;
  }
}

function deathCount({ properties }: ConsumeMessage, queue: string, reason: string): number {
  const deaths = (properties.headers?.['x-death'] ?? []) as readonly Death[];
  return deaths.find((death) => death.queue === queue && death.reason === reason)?.count ?? 0;
}

test(`no dead letter that waits is lost, or comes early, in ${ROUNDS} rounds of kill -9`, async (t) => {
  const { broker, traffic } = await killedInRounds(t, 'leveret-retry-kill-', (random) => new FailingTraffic(random));
  const connection = await connect(broker.url);
  await traffic.consume(connection);
  for (let [parked, sinceMs] = [-1, 0]; traffic.missing > 0 && traffic.failure === null; await delay(20)) {
    if (traffic.counts.parked > parked) [parked, sinceMs] = [traffic.counts.parked, Date.now()];
    assert(Date.now() - sinceMs < STANDSTILL_MS_MAX, `${traffic.missing} messages are lost`);
  }
  if (traffic.failure !== null) throw traffic.failure;
  await connection.close();
  await broker.stop();
  t.diagnostic(JSON.stringify(traffic.counts));
  for (const [what, count] of Object.entries(traffic.counts)) assert(count > 0, `${what}: ${count}`);
});
