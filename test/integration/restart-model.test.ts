/**
 * Durable queues against a model of them, through stops and starts: random publishes, acks, requeues, rejects and purges, and after
 * each start the queues hold exactly the persistent messages that the model does, in its order.
 *
 *   LEVERET_SEED=1234 repeats one run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';

const RUNS = 5;
const RESTARTS = 5;
const STEPS_BETWEEN = 60;

interface ModelMessage {
  readonly body: string;
  readonly persistent: boolean;
  readonly priority: number;
  /** Higher priorities first, and within one the order of publishing: what is given back goes to its place. */
  readonly sequence: number;
  wasDelivered: boolean;
  /** How often it was given back. */
  returns: number;
}

interface ModelQueue {
  readonly name: string;
  readonly maxPriority: number;
  /** How often a message may be given back: queues that count it are quorum queues. */
  readonly deliveryLimit: number | null;
  readonly deadLetters: string | null;
  ready: ModelMessage[];
}

interface Held {
  readonly queue: ModelQueue;
  readonly message: ModelMessage;
  readonly delivery: GetMessage;
}

const PLAIN = 'plain';
const BY_PRIORITY = 'by priority';
const COUNTING = 'counting deliveries';
const DEAD = 'dead';
/** The least that there may be, so that some of the messages are moved to disk. */
const MESSAGE_MEMORY_BYTES = 4 * 1024 * 1024;

/** One run: a broker, a client and the model of its queues. */
class Run {
  readonly #random: () => number;
  readonly #dataDir: string;
  readonly #queues = new Map<string, ModelQueue>();
  #held: Held[] = [];
  #sequence = 0;
  #broker!: Broker;
  #connection!: ChannelModel;
  #channel!: ConfirmChannel;

  constructor(seed: number, dataDir: string) {
    this.#random = randomOf(seed);
    this.#dataDir = dataDir;
    this.#add({ name: PLAIN, maxPriority: 0, deliveryLimit: null, deadLetters: DEAD });
    this.#add({ name: BY_PRIORITY, maxPriority: 3, deliveryLimit: null, deadLetters: null });
    this.#add({ name: COUNTING, maxPriority: 0, deliveryLimit: 2, deadLetters: DEAD });
    this.#add({ name: DEAD, maxPriority: 0, deliveryLimit: null, deadLetters: null });
  }

  #add(queue: Omit<ModelQueue, 'ready'>): void {
    this.#queues.set(queue.name, { ...queue, ready: [] });
  }

  async start(): Promise<void> {
    this.#broker = await startBroker({
      port: 0,
      dataDir: this.#dataDir,
      messageMemoryBytes: MESSAGE_MEMORY_BYTES,
      logLevel: 'none',
    });
    assert.deepEqual(this.#broker.damage, []);
    this.#connection = await connect(this.#broker.url, { noDelay: true });
    this.#connection.on('error', () => undefined);
    this.#channel = await this.#connection.createConfirmChannel();
    for (const { name, maxPriority, deliveryLimit, deadLetters } of this.#queues.values()) {
      await this.#channel.assertQueue(name, {
        durable: true,
        ...(maxPriority > 0 ? { maxPriority } : {}),
        ...(deadLetters === null ? {} : { deadLetterExchange: '', deadLetterRoutingKey: deadLetters }),
        arguments: deliveryLimit === null ? {} : { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit },
      });
    }
  }

  /** Stops the broker, with the client connected or not; what it held goes back, what is transient is lost. */
  async stop(): Promise<void> {
    if (this.#random() < 0.5) await this.#connection.close();
    await this.#broker.stop();
    this.#giveBack(this.#held.map(({ queue, message }) => [queue, message]));
    this.#held = [];
    for (const queue of this.#queues.values()) {
      // Whatever is in a quorum queue is kept.
      queue.ready = queue.ready.filter(({ persistent }) => persistent || queue.deliveryLimit !== null);
    }
  }

  /** Whatever became of the test. */
  async end(): Promise<void> {
    await this.#broker.stop();
  }

  #giveBack(messages: readonly (readonly [ModelQueue, ModelMessage])[]): void {
    for (const [queue, message] of messages) {
      message.returns++;
      if (queue.deliveryLimit !== null && message.returns > queue.deliveryLimit) this.#deadLetter(queue, message);
      else queue.ready.push(message);
      sort(queue);
    }
  }

  #deadLetter({ deadLetters }: ModelQueue, message: ModelMessage): void {
    const dead = deadLetters === null ? undefined : this.#queues.get(deadLetters);
    dead?.ready.push({ ...message, sequence: this.#sequence++, wasDelivered: false, returns: 0 });
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.45) return this.#publish();
    if (dice < 0.75) return this.#take();
    if (dice < 0.78) return this.#purge();
    return this.#settle();
  }

  #anyQueue(): ModelQueue {
    const queues = [...this.#queues.values()];
    return queues[Math.floor(this.#random() * queues.length)]!;
  }

  async #publish(): Promise<void> {
    const queue = this.#anyQueue();
    const count = 1 + Math.floor(this.#random() * 5);
    for (let index = 0; index < count; index++) {
      const persistent = this.#random() < 0.8;
      const priority = Math.floor(this.#random() * 5);
      const sequence = this.#sequence++;
      const padding = 'x'.repeat(this.#random() < 0.1 ? 200_000 : 10);
      const message = {
        body: `${sequence} ${padding}`,
        persistent,
        priority,
        sequence,
        wasDelivered: false,
        returns: 0,
      };
      this.#channel.sendToQueue(queue.name, Buffer.from(message.body), { persistent, priority });
      queue.ready.push(message);
    }
    sort(queue);
    await this.#channel.waitForConfirms();
  }

  async #take(): Promise<void> {
    const queue = this.#anyQueue();
    const delivery = await this.#channel.get(queue.name);
    const message = queue.ready.shift();
    assert.equal(
      delivery === false ? undefined : delivery.content.toString(),
      message?.body,
      `the head of ${queue.name}`,
    );
    if (delivery === false || message === undefined) return;
    this.#delivered(queue, message, delivery);
    this.#held.push({ queue, message, delivery });
  }

  #delivered(queue: ModelQueue, message: ModelMessage, { fields, properties }: GetMessage): void {
    // Beyond that it may be marked without need: a queue remembers over a stop up to where it delivered, not each message.
    if (message.wasDelivered) assert.equal(fields.redelivered, true, `${message.sequence} was delivered before`);
    if (queue.deliveryLimit !== null) assert.equal(properties.headers?.['x-delivery-count'] ?? 0, message.returns);
    message.wasDelivered = true;
  }

  async #purge(): Promise<void> {
    const queue = this.#anyQueue();
    const { messageCount } = await this.#channel.purgeQueue(queue.name);
    assert.equal(messageCount, queue.ready.length);
    queue.ready = [];
  }

  async #settle(): Promise<void> {
    if (this.#held.length === 0) return;
    const index = Math.floor(this.#random() * this.#held.length);
    const [{ queue, message, delivery }] = this.#held.splice(index, 1) as [Held];
    const dice = this.#random();
    if (dice < 0.5) this.#channel.ack(delivery);
    else if (dice < 0.75) {
      this.#channel.nack(delivery);
      this.#giveBack([[queue, message]]);
    } else {
      this.#channel.reject(delivery, false);
      this.#deadLetter(queue, message);
    }
    await this.#channel.checkQueue(queue.name); // What was settled is done before its answer.
  }

  /** Takes all that is there, compares, and gives it back. */
  async check(): Promise<void> {
    for (const queue of this.#queues.values()) {
      const bodies: string[] = [];
      let last: GetMessage | null = null;
      for (let next = await this.#channel.get(queue.name); next !== false; next = await this.#channel.get(queue.name)) {
        const expected = queue.ready[bodies.length];
        if (expected !== undefined) this.#delivered(queue, expected, next);
        bodies.push(next.content.toString());
        last = next;
      }
      assert.deepEqual(
        bodies.map(shortened),
        queue.ready.map(({ body }) => shortened(body)),
        queue.name,
      );
      const taken = queue.ready;
      queue.ready = [];
      this.#giveBack(taken.map((message) => [queue, message]));
      if (last !== null) this.#channel.nack(last, true);
      await this.#channel.checkQueue(queue.name);
    }
  }
}

/** Enough of a body to tell it from others, and to be read where they differ. */
function shortened(body: string): string {
  return `${body.slice(0, 12)} (${body.length})`;
}

function sort(queue: ModelQueue): void {
  const rank = ({ priority }: ModelMessage) => Math.min(priority, queue.maxPriority);
  queue.ready.sort((one, other) => rank(other) - rank(one) || one.sequence - other.sequence);
}

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

describe('durable queues and their model', { timeout: 120_000 }, () => {
  const given = process.env.LEVERET_SEED;
  const seeds =
    given === undefined ? Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(given)];
  for (const seed of seeds) {
    test(`are the same after every start, LEVERET_SEED=${seed}`, async (t) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'leveret-model-'));
      t.after(() => rmSync(dataDir, { recursive: true, force: true }));
      const run = new Run(seed, dataDir);
      t.after(() => run.end());
      await run.start();
      for (let restart = 0; restart < RESTARTS; restart++) {
        for (let step = 0; step < STEPS_BETWEEN; step++) await run.step();
        await run.stop();
        await run.start();
        await run.check();
      }
      await run.stop();
    });
  }
});
