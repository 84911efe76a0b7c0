/** A disk of 8 MiB that is really full: publishers are blocked, no confirm lies, consumers go on, and so does all the rest with room. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import { RawClient } from '../differential/raw-client.ts';
import { BrokerProcess } from './broker-process.ts';
import { SmallDisk } from './small-disk.ts';

const DEADLINE_MS = 60_000;
const QUEUE = 'on a small disk';
const BODY_SIZE = 1024;
/** Publishes that may wait for their confirm. */
const WINDOW = 200;

/** Publishes until it is blocked, and goes on when it is not. */
class Publisher {
  readonly confirmed: number[] = [];
  readonly blocked: Promise<unknown[]>;
  readonly unblocked: Promise<unknown[]>;
  isStopped = false;
  /** How many it publishes in all. */
  most = Number.POSITIVE_INFINITY;
  #next = 0;
  #waiting = 0;
  readonly #channel: ConfirmChannel;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#channel = channel;
    this.blocked = once(connection, 'blocked');
    this.unblocked = once(connection, 'unblocked');
    // The broker is killed before anybody has to be told.
    for (const event of [this.blocked, this.unblocked]) event.catch(() => {});
    this.#fill();
  }

  static async start(broker: BrokerProcess): Promise<Publisher> {
    const connection = await open(broker);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    await channel.assertQueue(QUEUE, { durable: true });
    return new Publisher(connection, channel);
  }

  #fill(): void {
    while (!this.isStopped && this.#waiting < WINDOW && this.#next < this.most) {
      const number = this.#next++;
      this.#waiting++;
      const body = Buffer.from(`${number} `.padEnd(BODY_SIZE, '.'));
      try {
        this.#channel.sendToQueue(QUEUE, body, { persistent: true }, (error) => {
          if (error !== null) return;
          this.confirmed.push(number);
          this.#waiting--;
          setImmediate(() => this.#fill());
        });
      } catch {
        return; // the broker is gone
      }
    }
  }

  get published(): number {
    return this.#next;
  }

  /** Publishes no more, and waits for what is still to be confirmed. */
  async finish(): Promise<void> {
    this.isStopped = true;
    await eventually('the last confirms', async () => this.#waiting === 0);
  }
}

/** A connection whose end is no error: the broker is killed, and takes all of them with it. */
async function open(broker: BrokerProcess): Promise<ChannelModel> {
  const connection = await connect(broker.url);
  connection.on('error', () => {});
  return connection;
}

/** A broker on a small disk. */
function onSmallDisk(t: TestContext, work: (broker: BrokerProcess, disk: SmallDisk) => Promise<void>): Promise<void> {
  return SmallDisk.with(t, '8m', async (disk) => {
    const dataDir = join(disk.path, 'data');
    mkdirSync(dataDir);
    // The journal is to find the disk full: with a limit, publishers would be stopped long before.
    const broker = new BrokerProcess({ dataDir, settings: ['disk_free_limit.absolute = 0'] });
    try {
      await work(broker, disk);
    } finally {
      await broker.kill();
    }
  });
}

/** Fills the disk until the broker blocks its publisher. */
async function fillUp(broker: BrokerProcess): Promise<Publisher> {
  const publisher = await Publisher.start(broker);
  const [reason] = await withDeadline('connection.blocked', publisher.blocked, DEADLINE_MS);
  assert.equal(String(reason), 'low on disk');
  await eventually('the reason in the log', async () => /low on disk.*ENOSPC/.test(broker.stderr));
  // What was confirmed before it was blocked may still be on its way.
  await eventually('the confirms to stand still', async () => {
    const { length } = publisher.confirmed;
    await new Promise((next) => setTimeout(next, 100));
    return publisher.confirmed.length === length;
  });
  return publisher;
}

const numberOf = ({ content }: ConsumeMessage): number => Number.parseInt(content.toString(), 10);

function without(numbers: readonly number[], others: readonly number[]): number[] {
  const known = new Set(others);
  return numbers.filter((number) => !known.has(number));
}

/** Consumes and acks `count` messages. */
async function consume(connection: ChannelModel, count: number): Promise<number[]> {
  const channel = await connection.createChannel();
  await channel.prefetch(50);
  const numbers: number[] = [];
  const enough = Promise.withResolvers<void>();
  await channel.consume(QUEUE, (message) => {
    if (message === null || numbers.length === count) return;
    numbers.push(numberOf(message));
    channel.ack(message);
    if (numbers.length === count) enough.resolve();
  });
  await withDeadline(`${count} messages`, enough.promise, DEADLINE_MS);
  // Answered once the acks before it were taken.
  await channel.prefetch(1);
  await channel.close();
  return numbers;
}

test('publishers are blocked, consumers drain, and what was confirmed is there after kill -9 and a start with room', async (t) =>
  onSmallDisk(t, async (broker, disk) => {
    await broker.start();
    const publisher = await fillUp(broker);
    assert(publisher.confirmed.length > 3000, `${publisher.confirmed.length} were confirmed`);
    assert(publisher.published > publisher.confirmed.length, 'the last ones were not');
    // Another consumer, on a connection of its own: it never published and is not stopped.
    const taken = await consume(await open(broker), 100);
    assert.deepEqual(
      taken,
      Array.from({ length: 100 }, (_, i) => i),
    );
    publisher.isStopped = true;
    const confirmed = [...publisher.confirmed];
    await broker.kill();

    disk.resize('16m');
    await broker.start();
    const connection = await open(broker);
    const channel = await connection.createChannel();
    const { messageCount } = await channel.checkQueue(QUEUE);
    const there = await consume(connection, messageCount);
    assert.deepEqual(without(confirmed, [...there, ...taken]), [], 'confirmed and lost');
    assert.deepEqual(
      there,
      [...new Set(there)].sort((a, b) => a - b),
      'in order, and once',
    );
    const again = await Publisher.start(broker);
    await eventually('confirms', async () => again.confirmed.length > 100);
    await again.finish();
  }));

test('consuming makes room, and publishers go on without a restart', async (t) =>
  onSmallDisk(t, async (broker) => {
    await broker.start();
    const publisher = await fillUp(broker);
    // Less than would fill it again.
    publisher.most = publisher.published + 1000;
    const taken = await consume(await open(broker), publisher.confirmed.length);
    await withDeadline('connection.unblocked', publisher.unblocked, DEADLINE_MS);
    await eventually('all confirms', async () => publisher.confirmed.length === publisher.most);
    const rest = await consume(await open(broker), publisher.confirmed.length - taken.length);
    assert.deepEqual(
      [...taken, ...rest],
      Array.from({ length: publisher.published }, (_, i) => i),
    );
  }));

test('a flood without confirms fills it too, and gets through as room is made', async (t) =>
  onSmallDisk(t, async (broker) => {
    await broker.start();
    const connection = await open(broker);
    const channel = await connection.createChannel();
    await channel.assertQueue(QUEUE, { durable: true });
    const blocked = once(connection, 'blocked');
    const count = 30_000;
    for (let i = 0; i < count; i++) {
      channel.sendToQueue(QUEUE, Buffer.from(`${i} `.padEnd(BODY_SIZE, '.')), { persistent: true });
    }
    await withDeadline('connection.blocked', blocked, DEADLINE_MS);
    assert.deepEqual(
      await consume(await open(broker), count),
      Array.from({ length: count }, (_, i) => i),
    );
  }));

test('room that somebody else gives back is noticed, and nothing was confirmed before it was true', async (t) =>
  onSmallDisk(t, async (broker, disk) => {
    disk.addBallast(3 * 1024 * 1024);
    await broker.start();
    const publisher = await fillUp(broker);
    const before = publisher.confirmed.length;
    disk.dropBallast();
    await withDeadline('connection.unblocked', publisher.unblocked, DEADLINE_MS);
    await eventually('more confirms', async () => publisher.confirmed.length > before + 500);
    publisher.isStopped = true;
    await broker.kill();
    disk.resize('16m');
    await broker.start();
    const connection = await open(broker);
    const { messageCount } = await (await connection.createChannel()).checkQueue(QUEUE);
    const there = await consume(connection, messageCount);
    assert.deepEqual(without(publisher.confirmed, there), []);
  }));

test('a declaration that cannot be kept is refused with the reason, and the node lives', async (t) =>
  onSmallDisk(t, async (broker, disk) => {
    await broker.start();
    const publisher = await Publisher.start(broker);
    await eventually('confirms', async () => publisher.confirmed.length > 300);
    await publisher.finish();
    disk.fill();
    // As many as it takes to use up what the database still has in its file.
    let refusal = '';
    for (let i = 0; refusal === '' && i < 2000; i += 100) refusal = await declare(broker, i, 100);
    assert.match(refusal, /^541 INTERNAL_ERROR - .*metadata\.sqlite cannot be used: database or disk is full/);
    const connection = await open(broker);
    const { messageCount } = await (await connection.createChannel()).checkQueue(QUEUE);
    assert.equal(messageCount, publisher.confirmed.length);
    assert.equal((await consume(connection, 50)).length, 50);
    disk.dropBallast();
    await (await connection.createChannel()).assertQueue('with room again', { durable: true });
    const client = await RawClient.connect(broker.port);
    await client.open();
    await client.call('queue.declare', { queue: 'with room again', passive: true });
    await client.close();
  }));

test('the first declaration of all, which no number can be kept for, is refused in the same way', async (t) =>
  onSmallDisk(t, async (broker, disk) => {
    await broker.start();
    disk.fill();
    assert.match(
      await declare(broker, 0, 1),
      /^541 INTERNAL_ERROR - .*metadata\.sqlite cannot be used: database or disk is full/,
    );
    disk.dropBallast();
    assert.equal(await declare(broker, 0, 1), '');
  }));

/** Declares durable queues. @returns the code and text that ended it, or nothing */
async function declare(broker: BrokerProcess, from: number, count: number): Promise<string> {
  const client = await RawClient.connect(broker.port);
  try {
    await client.open();
    for (let i = from; i < from + count; i++) {
      const { name, args } = await client.channel(1).ask('queue.declare', { queue: `queue ${i}`, durable: true });
      if (name === 'connection.close') return `${args.replyCode} ${args.replyText}`;
    }
    return '';
  } finally {
    client.abort();
  }
}
