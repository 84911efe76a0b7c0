/**
 * Publishers are slowed by back-pressure, consumers and acks never are; not on a connection that does both either. The rule is
 * in docs/limits.md.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import type { RawClient } from '../differential/raw-client.ts';
import { FillableDisk } from './fillable-disk.ts';
import { connectTo, listenerOptions } from './transport.ts';

const BLOCKED_BUFFER_SIZE = 65_536;
const PERSISTENT = { deliveryMode: 2 };

describe('back-pressure', () => {
  let broker: Broker;
  let dataDir: string;
  const disk = new FillableDisk();

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'leveret-limits-'));
    const limits = { maxBlockedBytes: BLOCKED_BUFFER_SIZE };
    broker = await startBroker({
      ...listenerOptions(),
      dataDir,
      disk,
      logLevel: 'none',
      limits,
    });
  });

  after(async () => {
    disk.isFull = false;
    disk.letGo();
    await broker.stop();
    await rm(dataDir, { recursive: true });
  });

  /** Channel 9 is for asking how much is in a queue. */
  async function connect(): Promise<RawClient> {
    const client = await connectTo(broker);
    await client.open();
    await client.openChannel(9);
    return client;
  }

  async function withClient(use: (client: RawClient) => Promise<void>): Promise<void> {
    const client = await connect();
    try {
      await use(client);
    } finally {
      client.abort();
    }
  }

  /** Fills the disk and lets somebody publish until the alarm is raised; ends with room on the disk and publishers let go. */
  async function whileBlocked(witness: RawClient, use: () => Promise<void>): Promise<void> {
    // Only who has published is told.
    witness.publish({ routingKey: 'nobody' });
    const somebody = await connect();
    await somebody.call('queue.declare', { queue: 'somebody', durable: true });
    disk.isFull = true;
    try {
      somebody.publish({ routingKey: 'somebody', properties: PERSISTENT, body: 'x' });
      const blocked = await witness.channel(0).expect('connection.blocked');
      assert.match(String(blocked.args.reason), /^low on disk/);
      await use();
    } finally {
      disk.isFull = false;
      if (!witness.isClosed) await witness.channel(0).expect('connection.unblocked');
      somebody.abort();
    }
  }

  async function readyCount(client: RawClient, queue: string): Promise<number> {
    const { args } = await client.channel(9).call('queue.declare', { queue, passive: true });
    return Number(args.messageCount);
  }

  async function declareWith(client: RawClient, queue: string, count: number): Promise<void> {
    await client.call('queue.declare', { queue });
    for (let i = 0; i < count; i++) client.publish({ routingKey: queue, body: `${i}` });
    await eventually(`${count} messages in ${queue}`, async () => (await readyCount(client, queue)) === count);
  }

  /** Takes what is delivered on channel 2 with the bodies 0, 1, 2 ... and acks each as it comes. */
  async function drain(client: RawClient, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { args, body } = await client.channel(2).expect('basic.deliver');
      assert.equal(body?.toString(), `${i}`);
      client.channel(2).send('basic.ack', { deliveryTag: Number(args.deliveryTag) });
    }
  }

  async function consume(client: RawClient, queue: string): Promise<void> {
    await client.openChannel(2);
    await client.channel(2).call('basic.qos', { prefetchCount: 10 });
    await client.channel(2).call('basic.consume', { queue });
  }

  /** Takes the queue's messages by basic.get: their bodies are 0, 1, 2 ... */
  async function expectInOrder(client: RawClient, queue: string, count: number): Promise<void> {
    await eventually(`${count} messages in ${queue}`, async () => (await readyCount(client, queue)) === count);
    for (let i = 0; i < count; i++) {
      client.channel(9).send('basic.get', { queue, noAck: true });
      const { body } = await client.channel(9).expect('basic.get-ok');
      assert.equal(body?.toString().split(' ')[0], `${i}`);
    }
  }

  test('while publishers are blocked, a connection that publishes on one channel drains a queue on another', async () => {
    await withClient(async (client) => {
      await declareWith(client, 'backlog', 1000);
      await client.call('queue.declare', { queue: 'output' });
      await whileBlocked(client, async () => {
        await consume(client, 'backlog');
        for (let i = 0; i < 100; i++) client.publish({ routingKey: 'output', body: `${i}` });
        await drain(client, 1000);
        await eventually('every ack to be taken', async () => (await readyCount(client, 'backlog')) === 0);
        assert.equal(await readyCount(client, 'output'), 0, 'nothing is published while publishers are blocked');
      });
      await expectInOrder(client, 'output', 100);
    });
  });

  test('while publishers are blocked, what follows a publish on its own channel waits behind it', async () => {
    await withClient(async (client) => {
      await client.call('queue.declare', { queue: 'kept-in-order' });
      await declareWith(client, 'other-work', 20);
      await consume(client, 'other-work');
      await whileBlocked(client, async () => {
        client.publish({ routingKey: 'kept-in-order', body: '0' });
        client.send('queue.purge', { queue: 'kept-in-order' });
        client.publish({ routingKey: 'kept-in-order', body: '0' });
        client.send('channel.close', { replyCode: 200, replyText: 'bye' });
        client.send('channel.open');
        client.publish({ routingKey: 'kept-in-order', body: '1' });
        await drain(client, 20);
        assert.deepEqual(client.channelsWithFrames(), []);
      });
      const { args } = await client.expect('queue.purge-ok');
      assert.equal(args.messageCount, 1);
      await client.expect('channel.close-ok');
      await client.expect('channel.open-ok');
      await expectInOrder(client, 'kept-in-order', 2);
    });
  });

  test('while publishers are blocked, a connection that closes is answered after its publishes are taken', async () => {
    await withClient(async (witness) => {
      const closing = await connect();
      await closing.call('queue.declare', { queue: 'last-words' });
      closing.publish({ routingKey: 'nobody' });
      await consume(closing, 'last-words');
      await whileBlocked(witness, async () => {
        await closing.channel(0).expect('connection.blocked');
        for (let i = 0; i < 10; i++) closing.publish({ routingKey: 'last-words', body: `${i}` });
        closing.channel(0).send('connection.close', { replyCode: 200, replyText: 'bye' });
        for (let i = 0; i < 50; i++) await readyCount(witness, 'last-words');
        assert.deepEqual(closing.channelsWithFrames(), []);
      });
      await closing.channel(0).expect('connection.unblocked');
      await closing.channel(0).expect('connection.close-ok');
      closing.abort();
      await expectInOrder(witness, 'last-words', 10);
    });
  });

  test('while publishers are blocked, one that goes on publishing is read up to blocked_buffer_max and loses nothing', async () => {
    await withClient(async (client) => {
      await declareWith(client, 'prefetched', 5);
      await client.call('queue.declare', { queue: 'flood' });
      await consume(client, 'prefetched');
      const body = Buffer.alloc(100_000, ' ');
      await withClient(async (witness) => {
        await whileBlocked(witness, async () => {
          for (let i = 0; i < 400; i++) client.publish({ routingKey: 'flood', body: Buffer.from(`${i} ${body}`) });
          for (let i = 0; i < 300; i++) await readyCount(witness, 'flood');
          assert.ok(client.unsentBytes > 0, 'the broker has read 40 MB that it may not take');
        });
      });
      await drain(client, 5);
      await expectInOrder(client, 'flood', 400);
    });
  });

  test('while publishers are blocked, one that only publishes is read no further than its next publish', async () => {
    await withClient(async (client) => {
      await client.call('queue.declare', { queue: 'patient' });
      client.publish({ routingKey: 'patient', body: '0' });
      await whileBlocked(client, async () => {
        assert.equal(await readyCount(client, 'patient'), 1, 'it has published, but does not now');
        const body = Buffer.alloc(100_000, ' ');
        for (let i = 1; i < 300; i++) client.publish({ routingKey: 'patient', body: Buffer.from(`${i} ${body}`) });
        client.channel(9).send('queue.declare', { queue: 'patient', passive: true });
        await withClient(async (witness) => {
          for (let i = 0; i < 200; i++) assert.equal(await readyCount(witness, 'patient'), 1);
        });
        assert.ok(client.unsentBytes > 0, 'the broker has read 30 MB that it may not take');
      });
      const { args } = await client.channel(9).expect('queue.declare-ok');
      assert.equal(args.messageCount, 300);
      await expectInOrder(client, 'patient', 300);
    });
  });

  test('while a slow disk has too much to write, acks are taken and publishes are held, on one connection', async () => {
    await withClient(async (client) => {
      await client.call('queue.declare', { queue: 'flooded', durable: true });
      await client.call('queue.declare', { queue: 'results', durable: true });
      await declareWith(client, 'work', 1000);
      await consume(client, 'work');
      disk.holdUp();
      try {
        await withClient(async (flooding) => {
          const body = Buffer.alloc(100_000);
          for (let i = 0; i < 1000; i++) flooding.publish({ routingKey: 'flooded', properties: PERSISTENT, body });
          await eventually('the broker to stop reading', async () => {
            const before = await readyCount(client, 'flooded');
            for (let i = 0; i < 20; i++) await readyCount(client, 'flooded');
            return before > 100 && before === (await readyCount(client, 'flooded'));
          });
          assert.ok(flooding.unsentBytes > 0, 'there was more to come');
        });
        for (let i = 0; i < 100; i++) client.publish({ routingKey: 'results', properties: PERSISTENT, body: `${i}` });
        await drain(client, 1000);
        await eventually('every ack to be taken', async () => (await readyCount(client, 'work')) === 0);
      } finally {
        disk.letGo();
      }
      await expectInOrder(client, 'results', 100);
    });
  });

  test('a channel that waits for its tx.commit holds up no other channel', async () => {
    await withClient(async (client) => {
      await client.call('queue.declare', { queue: 'committed', durable: true });
      await declareWith(client, 'meanwhile', 100);
      await client.call('tx.select');
      disk.holdUp();
      try {
        client.publish({ routingKey: 'committed', properties: PERSISTENT, body: '0' });
        client.send('tx.commit');
        await consume(client, 'meanwhile');
        await drain(client, 100);
        assert.deepEqual(client.channelsWithFrames(), [], 'nothing is committed before it is on disk');
      } finally {
        disk.letGo();
      }
      await client.expect('tx.commit-ok');
    });
  });

  test('transactions that are sent without waiting for each other are each committed', async () => {
    await withClient(async (client) => {
      await client.call('queue.declare', { queue: 'many-commits', durable: true });
      await client.call('tx.select');
      for (let i = 0; i < 50; i++) {
        client.publish({ routingKey: 'many-commits', properties: PERSISTENT, body: `${i}` });
        client.send('tx.commit');
      }
      for (let i = 0; i < 50; i++) await client.expect('tx.commit-ok');
      await expectInOrder(client, 'many-commits', 50);
    });
  });
});
