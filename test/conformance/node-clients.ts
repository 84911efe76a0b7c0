/**
 * The Node clients behind one set of verbs, for what is the same to users of each: each verb is what that library's documentation
 * says to do. What differs between them is tested in each one's own file.
 */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { AMQPClient } from '@cloudamqp/amqp-client';
import amqp, { type ChannelWrapper } from 'amqp-connection-manager';
import { type ConfirmChannel, type ConsumeMessage, connect, type GetMessage } from 'amqplib';
import { type AsyncMessage, type Channel, Connection } from 'rabbitmq-client';
import { variantOf } from './broker-under-test.ts';
import { Inbox, withDeadline } from './waiting.ts';

export interface SessionOptions {
  readonly frameMax?: number;
  readonly heartbeatSeconds?: number;
}

export interface QueueOptions {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export interface Message {
  readonly body: Buffer;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Properties {
  readonly persistent?: boolean;
  readonly priority?: number;
  readonly headers?: Record<string, unknown>;
}

/** One connection with a confirming channel. Whatever the broker refuses rejects with the broker's text. */
export interface Session {
  /** @returns the queue's name, which the broker chooses for '' */
  declareQueue(name: string, options: QueueOptions): Promise<string>;
  declareExchange(name: string, type: string): Promise<void>;
  deleteExchange(name: string): Promise<void>;
  bind(queue: string, exchange: string, routingKey: string): Promise<void>;
  /** Ready messages, by a passive declare on a channel of its own. */
  countOf(queue: string): Promise<number>;
  /** Whether an exchange is there, by a passive declare on a channel of its own. */
  findExchange(name: string): Promise<void>;
  /** Resolves with the broker's confirm. */
  publish(exchange: string, routingKey: string, body: Buffer, properties?: Properties): Promise<void>;
  /** Takes a message without acknowledging it. */
  hold(queue: string): Promise<void>;
  /** Takes a message out of the queue. */
  get(queue: string): Promise<Message | undefined>;
  /** Acknowledges nothing: the broker takes a delivery for done. */
  consume(queue: string, onMessage: (message: Message) => void): Promise<void>;
  /** Opens one more channel. @returns what publishes on it */
  openChannel(): Promise<(routingKey: string, body: Buffer) => Promise<void>>;
  /** The reason with which the broker blocks publishers, and null when it lets them go on. */
  readonly blockings: Inbox<string | null>;
  /** What the library says when the connection ends without having been closed by it. */
  readonly ended: Promise<string>;
}

export interface NodeClient {
  readonly name: string;
  /** Octets of a frame, the smallest and the largest that it can be told. */
  readonly frameSizes: readonly [number, number];
  /** The session ends with its test. Those that connect again by themselves do so later than any test takes. */
  open(t: TestContext, url: string, options?: SessionOptions): Promise<Session>;
}

const blockingInbox = () => new Inbox<string | null>('connection.blocked or connection.unblocked');

/** Longer than a test, in seconds. */
const NEVER_SECONDS = 300;

export const nodeClients: readonly NodeClient[] = [
  { name: 'amqplib', frameSizes: [4096, 131_072], open: openAmqplib },
  { name: 'rabbitmq-client', frameSizes: [4096, 131_072], open: openRabbitMqClient },
  { name: '@cloudamqp/amqp-client', frameSizes: [8192, 131_072], open: openCloudAmqp },
  { name: 'amqp-connection-manager', frameSizes: [4096, 131_072], open: openConnectionManager },
];

function withQuery(url: string, { frameMax, heartbeatSeconds }: SessionOptions): string {
  const query: Record<string, string> = {};
  if (frameMax !== undefined) query.frameMax = String(frameMax);
  if (heartbeatSeconds !== undefined) query.heartbeat = String(heartbeatSeconds);
  return variantOf(url, { query });
}

/** What waits when a channel closes is told only that it did; the channel's error says why. */
async function orReason<T>(waiting: Promise<T>, closed: Promise<never>): Promise<T> {
  try {
    return await Promise.race([waiting, closed]);
  } catch (error) {
    if ((error as Error).message === 'channel closed') return await closed;
    throw error;
  }
}

function ofAmqplib({ content, fields, properties }: ConsumeMessage | GetMessage): Message {
  const { exchange, routingKey, redelivered } = fields;
  return { body: content, exchange, routingKey, redelivered, headers: properties.headers ?? {} };
}

async function openAmqplib(t: TestContext, url: string, options: SessionOptions = {}): Promise<Session> {
  const connection = await connect(withQuery(url, options));
  const ended = Promise.withResolvers<string>();
  let isOpen = true;
  connection.on('error', () => undefined); // 'close' follows and tells the same.
  connection.on('close', (error?: Error) => {
    isOpen = false;
    ended.resolve(error?.message ?? 'closed by the client');
  });
  const blockings = blockingInbox();
  connection.on('blocked', blockings.put);
  connection.on('unblocked', () => blockings.put(null));
  // close() never settles when the connection breaks meanwhile.
  t.after(() => (isOpen ? Promise.race([connection.close(), ended.promise]) : undefined));
  /** A channel error surfaces as an event; what was under way then says less. */
  const onChannel = async <T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> => {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    const result = await use(channel);
    await channel.close();
    return result;
  };
  const channel = await connection.createConfirmChannel();
  const closed = (once(channel, 'error') as Promise<[Error]>).then(([error]) => Promise.reject(error));
  closed.catch(() => undefined);
  return {
    ended: ended.promise,
    blockings,
    declareQueue: async (name, queueOptions) =>
      (await channel.assertQueue(name, amqplibQueueOptions(queueOptions))).queue,
    declareExchange: async (name, type) => void (await channel.assertExchange(name, type, { durable: false })),
    deleteExchange: async (name) => void (await channel.deleteExchange(name)),
    bind: async (queue, exchange, routingKey) => void (await channel.bindQueue(queue, exchange, routingKey)),
    countOf: (queue) => onChannel(async (fresh) => (await fresh.checkQueue(queue)).messageCount),
    findExchange: (name) => onChannel(async (fresh) => void (await fresh.checkExchange(name))),
    publish(exchange, routingKey, body, properties) {
      const confirmed = new Promise<void>((resolve, reject) => {
        channel.publish(exchange, routingKey, body, { ...properties }, (error) => (error ? reject(error) : resolve()));
      });
      return orReason(confirmed, closed);
    },
    hold: async (queue) => void (await channel.get(queue)),
    async get(queue) {
      const message = await channel.get(queue, { noAck: true });
      return message === false ? undefined : ofAmqplib(message);
    },
    async consume(queue, onMessage) {
      await channel.consume(queue, (message) => message !== null && onMessage(ofAmqplib(message)), { noAck: true });
    },
    async openChannel() {
      const fresh = await connection.createChannel();
      return async (routingKey, body) => void fresh.sendToQueue(routingKey, body);
    },
  };
}

function amqplibQueueOptions(options: QueueOptions) {
  const { durable = false, exclusive = false, autoDelete = false, arguments: args } = options;
  return { durable, exclusive, autoDelete, arguments: { ...args } };
}

async function openRabbitMqClient(t: TestContext, url: string, options: SessionOptions = {}): Promise<Session> {
  const { frameMax, heartbeatSeconds: heartbeat } = options;
  const connection = new Connection({
    url,
    retryLow: NEVER_SECONDS * 1000,
    ...(frameMax === undefined ? {} : { frameMax }),
    ...(heartbeat === undefined ? {} : { heartbeat }),
  });
  const ended = Promise.withResolvers<string>();
  connection.on('error', (error: Error) => ended.resolve(error.message));
  const blockings = blockingInbox();
  connection.on('connection.blocked', blockings.put);
  connection.on('connection.unblocked', () => blockings.put(null));
  t.after(() => connection.unsafeDestroy());
  const channel = await Promise.race([
    connection.acquire(),
    ended.promise.then((text) => Promise.reject(new Error(text))),
  ]);
  await channel.confirmSelect();
  const onChannel = async <T>(use: (fresh: Channel) => Promise<T>): Promise<T> => {
    const fresh = await connection.acquire();
    const result = await use(fresh);
    await fresh.close();
    return result;
  };
  return {
    ended: ended.promise,
    blockings,
    async declareQueue(queue, { durable = false, exclusive = false, autoDelete = false, arguments: args }) {
      const declared = await channel.queueDeclare({ queue, durable, exclusive, autoDelete, arguments: { ...args } });
      return declared.queue;
    },
    declareExchange: async (exchange, type) => void (await channel.exchangeDeclare({ exchange, type, durable: false })),
    deleteExchange: async (exchange) => void (await channel.exchangeDelete({ exchange })),
    bind: async (queue, exchange, routingKey) => void (await channel.queueBind({ queue, exchange, routingKey })),
    countOf: (queue) => onChannel(async (fresh) => (await fresh.queueDeclare({ queue, passive: true })).messageCount),
    findExchange: (exchange) =>
      onChannel(async (fresh) => void (await fresh.exchangeDeclare({ exchange, passive: true }))),
    async publish(exchange, routingKey, body, { persistent = false, priority, headers } = {}) {
      const envelope = { exchange, routingKey, durable: persistent, ...(priority === undefined ? {} : { priority }) };
      await channel.basicPublish({ ...envelope, ...(headers === undefined ? {} : { headers }) }, body);
    },
    hold: async (queue) => void (await channel.basicGet({ queue, noAck: false })),
    async get(queue) {
      const message = await channel.basicGet({ queue, noAck: true });
      return message && ofRabbitMqClient(message);
    },
    async consume(queue, onMessage) {
      await channel.basicConsume({ queue, noAck: true }, (message) => onMessage(ofRabbitMqClient(message)));
    },
    async openChannel() {
      const fresh = await connection.acquire();
      return (routingKey, body) => fresh.basicPublish({ routingKey }, body);
    },
  };
}

function ofRabbitMqClient(message: AsyncMessage | NonNullable<Awaited<ReturnType<Channel['basicGet']>>>): Message {
  const { body, exchange, routingKey, redelivered, headers } = message;
  return { body: Buffer.from(body), exchange, routingKey, redelivered, headers: headers ?? {} };
}

async function openCloudAmqp(t: TestContext, url: string, options: SessionOptions = {}): Promise<Session> {
  const client = new AMQPClient(withQuery(url, options), undefined, null);
  const ended = Promise.withResolvers<string>();
  client.onerror = (error) => ended.resolve(error.message);
  const blockings = blockingInbox();
  client.onblocked = blockings.put;
  client.onunblocked = () => blockings.put(null);
  const connection = await client.connect();
  t.after(async () => {
    if (!connection.closed) await Promise.race([connection.close(), ended.promise]);
  });
  const quietChannel = async () => {
    const fresh = await connection.channel();
    fresh.onerror = () => undefined; // What was under way is rejected with the same.
    return fresh;
  };
  const channel = await quietChannel();
  const closed = new Promise<never>((_, reject) => {
    channel.onerror = (text: unknown) => reject(new Error(String(text)));
  });
  closed.catch(() => undefined);
  await channel.confirmSelect();
  return {
    ended: ended.promise,
    blockings,
    async declareQueue(name, { durable = false, exclusive = false, autoDelete = false, arguments: args = {} }) {
      return (await channel.queueDeclare(name, { durable, exclusive, autoDelete }, { ...args })).name;
    },
    declareExchange: async (name, type) => void (await channel.exchangeDeclare(name, type, { durable: false })),
    deleteExchange: async (name) => void (await channel.exchangeDelete(name)),
    bind: async (queue, exchange, routingKey) => void (await channel.queueBind(queue, exchange, routingKey)),
    async countOf(queue) {
      const fresh = await quietChannel();
      const { messageCount } = await fresh.queueDeclare(queue, { passive: true });
      await fresh.close();
      return messageCount;
    },
    async findExchange(name) {
      const fresh = await quietChannel();
      await fresh.exchangeDeclare(name, '', { passive: true });
      await fresh.close();
    },
    async publish(exchange, routingKey, body, { persistent = false, priority, headers } = {}) {
      const properties = {
        deliveryMode: persistent ? 2 : 1,
        ...(priority === undefined ? {} : { priority }),
        ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
      };
      await Promise.race([channel.basicPublish(exchange, routingKey, body, properties), closed]);
    },
    hold: async (queue) => void (await channel.basicGet(queue, { noAck: false })),
    async get(queue) {
      const message = await channel.basicGet(queue, { noAck: true });
      return message === null ? undefined : ofCloudAmqp(message);
    },
    async consume(queue, onMessage) {
      await channel.basicConsume(queue, { noAck: true }, (message) => onMessage(ofCloudAmqp(message)));
    },
    async openChannel() {
      const fresh = await connection.channel();
      return async (routingKey, body) => void (await fresh.basicPublish('', routingKey, body));
    },
  };
}

function ofCloudAmqp(message: {
  readonly body: Uint8Array | null;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: { readonly headers?: object };
}): Message {
  const { exchange, routingKey, redelivered, properties } = message;
  return {
    body: Buffer.from(message.body ?? []),
    exchange,
    routingKey,
    redelivered,
    headers: { ...properties.headers },
  };
}

async function openConnectionManager(t: TestContext, url: string, options: SessionOptions = {}): Promise<Session> {
  const { frameMax, heartbeatSeconds = 60 } = options;
  const manager = amqp.connect([withQuery(url, frameMax === undefined ? {} : { frameMax })], {
    heartbeatIntervalInSeconds: heartbeatSeconds,
    reconnectTimeInSeconds: NEVER_SECONDS,
  });
  const ended = Promise.withResolvers<string>();
  manager.on('disconnect', ({ err }) => ended.resolve(err.message));
  const blockings = blockingInbox();
  manager.on('blocked', ({ reason }) => blockings.put(reason));
  manager.on('unblocked', () => blockings.put(null));
  t.after(() => Promise.race([manager.close(), ended.promise]));
  const refused = new Promise<never>((_, reject) => manager.on('connectFailed', ({ err }) => reject(err)));
  refused.catch(() => undefined);
  const createChannel = async (onError: (error: Error) => void = () => undefined): Promise<ChannelWrapper> => {
    // An error of a channel that nobody listens for ends the connection.
    const setup = async (amqplibChannel: ConfirmChannel) => void amqplibChannel.on('error', onError);
    const fresh = manager.createChannel({ setup });
    await withDeadline('the channel to be set up', Promise.race([fresh.waitForConnect(), refused]));
    return fresh;
  };
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const channel = await createChannel(failed.reject);
  return {
    ended: ended.promise,
    blockings,
    declareQueue: async (name, queueOptions) =>
      (await channel.assertQueue(name, amqplibQueueOptions(queueOptions))).queue,
    declareExchange: async (name, type) => void (await channel.assertExchange(name, type, { durable: false })),
    deleteExchange: async (name) => void (await channel.deleteExchange(name)),
    bind: (queue, exchange, routingKey) => channel.bindQueue(queue, exchange, routingKey),
    async countOf(queue) {
      const fresh = await createChannel();
      const { messageCount } = await fresh.checkQueue(queue);
      await fresh.close();
      return messageCount;
    },
    async findExchange(name) {
      const fresh = await createChannel();
      await fresh.checkExchange(name);
      await fresh.close();
    },
    publish: async (exchange, routingKey, body, properties) =>
      void (await orReason(channel.publish(exchange, routingKey, body, { ...properties }), failed.promise)),
    hold: async (queue) => void (await channel.get(queue)),
    async get(queue) {
      const message = await channel.get(queue, { noAck: true });
      return message === false ? undefined : ofAmqplib(message);
    },
    async consume(queue, onMessage) {
      await channel.consume(queue, (message) => onMessage(ofAmqplib(message)), { noAck: true });
    },
    async openChannel() {
      const fresh = await createChannel();
      return async (routingKey, body) => void (await fresh.sendToQueue(routingKey, body));
    },
  };
}
