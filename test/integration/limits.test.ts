/** Every limit of docs/limits.md: what a client sees at it. The time limits are short here, and awaited. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Limits } from '../../src/broker.ts';
import { MAX_TABLE_DEPTH } from '../../src/protocol/field-table.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import type { Received } from '../differential/raw-client.ts';
import { PROTOCOL_HEADER } from '../differential/wire-format.ts';
import { LimitedBroker, readyCount } from './limited-broker.ts';

const start = (t: TestContext, limits: Partial<Limits>) => LimitedBroker.start(t, { limits });

function assertClose({ name, args }: Received, replyCode: number, replyText: string): void {
  assert.ok(name === 'channel.close' || name === 'connection.close', name);
  assert.deepEqual({ code: args.replyCode, text: args.replyText }, { code: replyCode, text: replyText });
}

/** A TCP connection that reads until it is closed. @returns what came */
async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await withDeadline('the broker to close the socket', once(socket, 'close'));
  return Buffer.concat(chunks);
}

describe('limits of connections and channels', { concurrency: true }, () => {
  test('connection_max: one more is closed without a word, and may come when another has gone', async (t) => {
    const broker = await start(t, { maxConnections: 2 });
    const first = await broker.open();
    await broker.open();
    const third = connect(broker.port, '127.0.0.1');
    third.write(PROTOCOL_HEADER);
    assert.equal((await readToEnd(third)).length, 0);
    await first.close();
    await eventually('a place to be free', async () => {
      const client = await broker.connect();
      const isIn = await client
        .open()
        .then(() => true)
        .catch(() => false);
      client.abort();
      return isIn;
    });
  });

  test('channel_max: one channel more closes the connection with 530', async (t) => {
    const client = await (await start(t, { channelMax: 3 })).open();
    await client.openChannel(2);
    await client.openChannel(3);
    client.channel(4).send('channel.open');
    const text = 'NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)';
    assertClose(await client.channel(0).read(), 530, text);
  });

  test('channel_max: more than was offered ends the handshake', async (t) => {
    const broker = await start(t, { channelMax: 3 });
    const client = await broker.connect();
    await assert.rejects(client.handshake({ tune: { channelMax: 4 } }), /socket closed/);
  });

  test('handshake_timeout: who does not get to connection.open in time is cut off without a word', async (t) => {
    const broker = await start(t, { handshakeTimeoutMs: 1000 });
    const silent = connect(broker.port, '127.0.0.1');
    assert.equal((await readToEnd(silent)).length, 0);
    const slow = connect(broker.port, '127.0.0.1');
    slow.write(PROTOCOL_HEADER);
    const received = await readToEnd(slow);
    assert.equal(received.readUInt32BE(7), 0x000a000a, 'connection.start, and no more');
    assert.equal(received.length, received.readUInt32BE(3) + 8);
    // Who is in is not asked to hurry.
    const client = await broker.open();
    await eventually('several handshakes to be cut off', async () => {
      const again = connect(broker.port, '127.0.0.1');
      await readToEnd(again);
      return true;
    });
    await client.call('basic.qos');
  });
});

describe('limits of messages', { concurrency: true }, () => {
  const OVERSIZED = 'PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000';

  test("max_message_size: a larger body closes the channel with 406, in RabbitMQ's words, and is not kept", async (t) => {
    const client = await (await start(t, { maxMessageBytes: 1000 })).open();
    await client.call('queue.declare', { queue: 'q' });
    client.publish({ routingKey: 'q', body: Buffer.alloc(1000) });
    client.publish({ routingKey: 'q', body: Buffer.alloc(1001) });
    assertClose(await client.read(1), 406, OVERSIZED);
    // What was on its way on the channel is ignored, whole messages too.
    client.publish({ routingKey: 'q', body: 'late' });
    client.send('channel.close-ok');
    await client.call('channel.open');
    assert.equal(await readyCount(client, 'q'), 1);
  });

  test('max_message_size: in a transaction too, and of what is announced, not of what has come', async (t) => {
    const client = await (await start(t, { maxMessageBytes: 1000 })).open();
    await client.call('tx.select');
    client.send('basic.publish', { routingKey: 'q' });
    client.channel(1).sendContentHeader(1001);
    assertClose(await client.read(1), 406, OVERSIZED);
  });

  test('unfinished_messages_max: messages begun on many channels and never finished close the connection with 506', async (t) => {
    const broker = await start(t, { maxAssemblyBytes: 300_000, frameMaxBytes: 16_384 });
    const client = await broker.open();
    await client.call('queue.declare', { queue: 'q' });
    for (let i = 0; i < 10; i++) client.publish({ routingKey: 'q', body: Buffer.alloc(100_000) });
    assert.equal(await readyCount(client, 'q'), 10, 'finished ones do not count');
    for (let number = 2; number < 5; number++) {
      const channel = await client.openChannel(number);
      channel.send('basic.publish', { routingKey: 'q' });
      channel.sendContentHeader(100_000);
      for (let i = 0; i < 6; i++) channel.sendBody(Buffer.alloc(16_000));
    }
    const text = 'RESOURCE_ERROR - unfinished messages of the connection take more than 300000 bytes';
    assertClose(await client.channel(0).read(), 506, text);
  });

  test('unfinished_messages_max: a channel that is closed no longer counts', async (t) => {
    const client = await (await start(t, { maxAssemblyBytes: 150_000, frameMaxBytes: 16_384 })).open();
    for (let i = 0; i < 5; i++) {
      client.send('basic.publish', { routingKey: 'q' });
      client.channel(1).sendContentHeader(100_000);
      for (let part = 0; part < 6; part++) client.channel(1).sendBody(Buffer.alloc(16_000));
      client.channel(1).sendBody(Buffer.alloc(4_000));
      client.send('queue.declare', { queue: 'missing', passive: true });
      await client.expect('channel.close');
      client.send('channel.close-ok');
      await client.call('channel.open');
    }
  });

  test('frame_max: a larger frame closes the connection with 501', async (t) => {
    const client = await (await start(t, { frameMaxBytes: 4096 })).open();
    client.send('basic.publish', { routingKey: 'q' });
    client.channel(1).sendContentHeader(5000);
    client.channel(1).sendBody(Buffer.alloc(5000));
    const { args } = await client.channel(0).expect('connection.close');
    assert.equal(args.replyCode, 501);
    assert.match(String(args.replyText), /^FRAME_ERROR - type 3, .*: \{frame_too_large,5000,4088\}$/);
  });

  test('frame_max: headers must fit into one frame', async (t) => {
    const client = await (await start(t, { frameMaxBytes: 4096 })).open();
    client.publish({ routingKey: 'q', properties: { headers: { large: 'x'.repeat(4096) } } });
    const { args } = await client.channel(0).expect('connection.close');
    assert.equal(args.replyCode, 501);
    assert.match(String(args.replyText), /^FRAME_ERROR - type 2, .*: \{frame_too_large,\d+,4088\}$/);
  });

  function nested(levels: number): Record<string, unknown> {
    return levels === 1 ? {} : { a: nested(levels - 1) };
  }

  test('tables in tables: headers go down as deep as they may and come out whole, deeper ones close the connection', async (t) => {
    const client = await (await start(t, {})).open();
    await client.call('queue.declare', { queue: 'q' });
    client.publish({ routingKey: 'q', properties: { headers: nested(MAX_TABLE_DEPTH) } });
    client.send('basic.get', { queue: 'q', noAck: true });
    const { properties } = await client.expect('basic.get-ok');
    assert.equal(JSON.stringify(properties).split('"a"').length, MAX_TABLE_DEPTH);
    client.publish({ routingKey: 'q', properties: { headers: nested(MAX_TABLE_DEPTH + 1) } });
    assertClose(await client.channel(0).read(), 541, 'INTERNAL_ERROR');
  });

  test('tables in tables: arguments that are nested deeper close the connection with 502', async (t) => {
    const client = await (await start(t, {})).open();
    await client.call('queue.declare', { queue: 'q', arguments: { deep: nested(MAX_TABLE_DEPTH - 1) } });
    client.send('queue.declare', { queue: 'r', arguments: { deep: nested(MAX_TABLE_DEPTH) } });
    const text = `SYNTAX_ERROR - malformed field table: a table nested deeper than ${MAX_TABLE_DEPTH} levels`;
    assertClose(await client.channel(0).read(), 502, text);
  });
});
