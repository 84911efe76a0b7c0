import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BASIC_CLASS_ID,
  CONTENT_HEADER_SIZE,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_SIZE,
  FRAME_METHOD,
  PROTOCOL_HEADER,
} from '../protocol/constants.ts';
import { fromPlain, toPlain } from '../protocol/field-table.ts';
import { decodeMethod, type Method, methodFrame, type OutgoingMethod } from '../protocol/methods.generated.ts';
import { decodeProperties, encodeProperties } from '../protocol/properties.ts';
import { IncomingMessage } from '../storage/record.ts';
import { LateReturns } from './late-returns.ts';
import { TestBroker, type TestConnection } from './test-connection.ts';

const DELAY_MS = 1000;
/** It waits from the next millisecond on. */
const DUE_MS = DELAY_MS + 1;
const DELAYED = fromPlain({ 'x-delayed-type': 'direct' });

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_SIZE);
  head[0] = type;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.of(FRAME_END)]);
}

/** What a channel was sent: methods, and the headers and bodies of returns. */
interface Sent {
  readonly channel: number;
  readonly method?: Method;
  readonly headers?: object;
  readonly body?: string;
}

function* sentIn(bytes: Buffer): Iterable<Sent> {
  for (let at = 0; at < bytes.length; ) {
    const channel = bytes.readUInt16BE(at + 1);
    const from = at + FRAME_HEADER_SIZE;
    const to = from + bytes.readUInt32BE(at + 3);
    if (bytes[at] === FRAME_METHOD) yield { channel, method: decodeMethod(bytes, from, to) };
    if (bytes[at] === FRAME_HEADER) {
      yield { channel, headers: toPlain(decodeProperties(bytes, from + CONTENT_HEADER_SIZE, to).headers!) };
    }
    if (bytes[at] === FRAME_BODY) yield { channel, body: bytes.toString('latin1', from, to) };
    at = to + 1;
  }
}

/** A client with channels 1 and 2, and an exchange `later` from which the key `k` leads to the queue `q`. */
class Client {
  readonly broker: TestBroker;
  readonly connection: TestConnection;

  constructor(broker: TestBroker) {
    this.broker = broker;
    this.connection = broker.connect();
    this.connection.receive(Buffer.from(PROTOCOL_HEADER));
    const start = { name: 'connection.start-ok', clientProperties: new Map(), mechanism: 'PLAIN' } as const;
    this.send(0, { ...start, response: '\0guest\0guest', locale: 'en_US' });
    this.send(0, { name: 'connection.tune-ok', channelMax: 10, frameMax: 131_072, heartbeat: 0 });
    this.send(0, { name: 'connection.open', virtualHost: '/' });
    for (const channel of [1, 2]) this.send(channel, { name: 'channel.open' });
    const flags = { passive: false, durable: false, autoDelete: false, noWait: false } as const;
    const exchange = { ...flags, exchange: 'later', type: 'x-delayed-message', internal: false, arguments: DELAYED };
    this.send(1, { name: 'exchange.declare', ...exchange });
    this.send(1, { name: 'queue.declare', ...flags, queue: 'q', exclusive: false, arguments: new Map() });
    const binding = { queue: 'q', exchange: 'later', routingKey: 'k', arguments: new Map() };
    this.send(1, { name: 'queue.bind', ...binding, noWait: false });
    this.connection.endTurn();
  }

  send(channel: number, method: OutgoingMethod): void {
    this.connection.receive(methodFrame(channel, method));
  }

  publish(channel: number, body: string, mandatory: boolean, headers: Record<string, number>): void {
    const publish = { name: 'basic.publish', exchange: 'later', routingKey: 'k', mandatory, immediate: false } as const;
    const head = Buffer.alloc(CONTENT_HEADER_SIZE);
    head.writeUInt16BE(BASIC_CLASS_ID, 0);
    head.writeUInt32BE(body.length, 8);
    const properties = encodeProperties({ headers: fromPlain(headers) });
    const header = frame(FRAME_HEADER, channel, Buffer.concat([head, properties]));
    const content = frame(FRAME_BODY, channel, Buffer.from(body));
    this.connection.receive(Buffer.concat([methodFrame(channel, publish), header, content]));
  }

  /** The queue goes, and the time of what waits comes. @returns what is sent then */
  release(): Sent[] {
    this.broker.propose({ kind: 'delete-queue', vhost: '/', name: 'q' });
    this.connection.endTurn();
    this.broker.clock.advance(DUE_MS);
    return [...sentIn(this.connection.endTurn())];
  }

  get unroutable(): number {
    return this.broker.context.vhost('/')!.lines.get('later')!.unroutableTotal;
  }

  get returned(): readonly number[] {
    return [1, 2].map((channel) => this.connection.connection.channels.get(channel)?.returnedTotal ?? 0);
  }
}

async function newClient(limits: Parameters<typeof TestBroker.start>[0] = {}): Promise<Client> {
  return new Client(await TestBroker.start(limits));
}

test('what nothing matches at its release is returned on the channel that published it, as it is released', async () => {
  const client = await newClient();
  client.publish(2, 'back', true, { 'x-delay': DELAY_MS, n: 7 });
  const sent = client.release();
  const [{ method }] = sent as [Sent, Sent, Sent];
  assert.deepEqual(
    { ...method },
    { name: 'basic.return', replyCode: 312, replyText: 'NO_ROUTE', exchange: 'later', routingKey: 'k' },
  );
  assert.deepEqual(sent.slice(1), [
    { channel: 2, headers: { 'x-delay': -DELAY_MS, n: 7 } },
    { channel: 2, body: 'back' },
  ]);
  assert.equal(sent[0]!.channel, 2);
  assert.deepEqual(client.returned, [0, 1]);
  assert.equal(client.unroutable, 1);
});

test('only what is mandatory is returned, whatever was published before it with the same key and properties', async () => {
  const client = await newClient();
  for (const [i, mandatory] of [false, true, false, true, true, false].entries()) {
    client.publish(1, String(i), mandatory, { 'x-delay': DELAY_MS });
  }
  const bodies = client.release().flatMap(({ body }) => body ?? []);
  assert.deepEqual(bodies, ['1', '3', '4']);
  assert.deepEqual(client.returned, [3, 0]);
  assert.equal(client.unroutable, 6);
});

test('nothing is returned where the channel is gone, or its number is that of another one by now', async () => {
  const client = await newClient();
  client.publish(1, 'first', true, { 'x-delay': DELAY_MS });
  client.publish(2, 'second', true, { 'x-delay': DELAY_MS });
  for (const number of [1, 2]) {
    client.send(number, { name: 'channel.close', replyCode: 200, replyText: '', classId: 0, methodId: 0 });
  }
  client.send(2, { name: 'channel.open' });
  client.publish(2, 'later', true, { 'x-delay': 2 * DELAY_MS });
  assert.deepEqual(client.release(), []);
  assert.deepEqual(client.returned, [0, 0]);
  assert.equal(client.unroutable, 2);
  client.broker.clock.advance(DUE_MS);
  assert.deepEqual([...sentIn(client.connection.endTurn())].at(-1), { channel: 2, body: 'later' });
});

test('nothing is returned to a connection that is gone, or to another one', async () => {
  const client = await newClient();
  client.publish(1, 'lost', true, { 'x-delay': DELAY_MS });
  client.connection.vanish();
  const other = new Client(client.broker);
  assert.deepEqual(other.release(), []);
  assert.equal(other.unroutable, 1);
});

test('reply_buffer_max: a client that does not read loses what it would be returned', async () => {
  const client = await newClient({ maxReplyBufferBytes: 1000 });
  for (let i = 0; i < 100; i++) client.publish(1, `${i} `.padEnd(200), true, { 'x-delay': DELAY_MS });
  // Until the turn ends, nothing of it is read.
  const bodies = client.release().flatMap(({ body }) => body?.trim() ?? []);
  assert.deepEqual(bodies, ['0', '1', '2', '3']);
  assert.deepEqual(client.returned, [4, 0]);
  assert.equal(client.unroutable, 100);
});

test('a start of the broker does not take the channels of another for its own', () => {
  const [one, other] = [new LateReturns(), new LateReturns()];
  const given: IncomingMessage[] = [];
  const target = { pid: 5, returnLate: (message: IncomingMessage) => given.push(message) };
  const bytes = one.add(target);
  other.add(target);
  const address = { start: bytes.readDoubleLE(0), channel: bytes.readDoubleLE(8) };
  other.giveBack(address, new IncomingMessage());
  assert.equal(given.length, 0);
  const message = new IncomingMessage();
  one.giveBack(address, message);
  assert.deepEqual(given, [message]);
  one.remove(target);
  one.giveBack(address, message);
  assert.equal(given.length, 1);
});
