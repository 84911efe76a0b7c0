/**
 * The clients of the fault tests: they publish, consume and commit until their broker dies under them, and write down in a
 * ledger what they were promised.
 *
 *   publisher    confirms; to a plain queue, to three by a fanout exchange, by priority, to a quorum queue, to one with dead letters
 *   consumer     acks, returns, rejects; now and then a marker message, whose confirm tells that all before it is kept
 *   token        a transaction takes the one message of a queue and puts its successor there
 *   groups       a transaction publishes several messages
 */
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { type RawChannel, RawClient } from '../differential/raw-client.ts';
import type { Found, Ledger, QueueTraits } from './ledger.ts';
import type { Random } from './random.ts';

export const QUEUES: readonly QueueTraits[] = [
  { name: 'plain' },
  { name: 'fan-1' },
  { name: 'fan-2' },
  { name: 'fan-3' },
  { name: 'by-priority', hasPriorities: true },
  { name: 'quorum', countsReturns: true },
  { name: 'with-dead-letters', deadLetters: 'dead' },
];
const FANOUT = ['fan-1', 'fan-2', 'fan-3'];
const MAX_PRIORITY = 3;
/** Publishes that may wait for their confirm. */
const WINDOW = 150;
/** Messages in queues at which publishers wait: consumers get to the end, and journal files die. */
const BACKLOG = 1500;
const PREFETCH = 60;
const SIZES = [0, 10, 100, 1000, 4000, 60_000];

const ARGUMENTS: Readonly<Record<string, object>> = {
  'by-priority': { 'x-max-priority': MAX_PRIORITY },
  quorum: { 'x-queue-type': 'quorum' },
  'with-dead-letters': { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
  marker: { 'x-max-length': 3 },
};

/** Every queue that a start is looked at for. */
export const ALL_QUEUES = [...QUEUES.map(({ name }) => name), 'dead', 'token', 'groups'];

/** What transactions have come to. */
export interface Transactions {
  /** The number of the token whose commit was answered, and of the one that was asked for last. */
  token: number;
  tokenAsked: number;
  /** Size of each group whose commit was asked for, and whether it was answered; without those that were taken away since. */
  readonly groups: Map<number, { readonly size: number; committed: boolean }>;
  nextGroup: number;
}

export function newTransactions(): Transactions {
  return { token: 0, tokenAsked: 0, groups: new Map(), nextGroup: 0 };
}

/** Declares everything; the first time there must be a token. */
export async function setUp(url: string, withToken: boolean): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange('fan', 'fanout', { durable: true });
  for (const name of [...ALL_QUEUES, 'marker']) {
    await channel.assertQueue(name, { durable: true, arguments: ARGUMENTS[name] ?? {} });
  }
  for (const name of FANOUT) await channel.bindQueue(name, 'fan', '');
  if (withToken) {
    channel.sendToQueue('token', Buffer.from('token-0'), { persistent: true });
    await channel.waitForConfirms();
  }
  await connection.close();
}

/** Empties the queues that nobody consumes. A message that is confirmed behind it tells that it is kept. */
export async function clear(url: string, queues: readonly string[]): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  for (const name of queues) await channel.purgeQueue(name);
  channel.sendToQueue('marker', Buffer.from('cleared'), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

/** Everybody at work, until the connection is lost. */
export class Traffic {
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #transactions: Transactions;
  readonly #numbers: Map<string, number>;
  #stopped = false;
  #failure: unknown = null;
  readonly #ends: (() => void)[] = [];
  readonly #work: Promise<void>[] = [];

  constructor(random: Random, ledger: Ledger, transactions: Transactions, numbers: Map<string, number>) {
    this.#random = random;
    this.#ledger = ledger;
    this.#transactions = transactions;
    this.#numbers = numbers;
  }

  /** @param publishing false: consumers come to the end of the queues, messages of a low priority included. */
  async start(url: string, port: number, publishing: boolean): Promise<void> {
    if (publishing) for (const publisher of ['a', 'b']) await this.#publish(url, publisher);
    await this.#consume(url);
    this.#work.push(this.#passToken(await this.#raw(port)), this.#commitGroups(await this.#raw(port)));
  }

  /** Ends what is left after the broker is gone. @throws what a promise that was broken threw */
  async end(): Promise<void> {
    this.#stopped = true;
    for (const end of this.#ends) end();
    await Promise.all(this.#work);
    if (this.#failure !== null) throw this.#failure;
  }

  /** A broken promise stops everything; that the broker is gone is what the test wants. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error;
      this.#stopped = true;
    }
  }

  async #connect(url: string): Promise<ChannelModel> {
    const connection = await connect(url);
    connection.on('error', () => {});
    this.#ends.push(() => connection.close().catch(() => {}));
    return connection;
  }

  async #raw(port: number): Promise<RawChannel> {
    const client = await RawClient.connect(port);
    await client.open();
    await client.call('tx.select');
    this.#ends.push(() => client.abort());
    return client.channel(1);
  }

  // --- publishing ---

  async #publish(url: string, publisher: string): Promise<void> {
    const channel = await (await this.#connect(url)).createConfirmChannel();
    channel.on('error', () => {});
    let waiting = 0;
    const fill = (): void => {
      while (!this.#stopped && waiting < WINDOW && this.#ledger.unsettled < BACKLOG) {
        waiting++;
        this.#publishOne(channel, publisher, () => {
          waiting--;
          // A turn of the loop later: the confirms of one write come together.
          setImmediate(fill);
        });
      }
    };
    // Also when the backlog has become smaller.
    const timer = setInterval(fill, 5);
    this.#ends.push(() => clearInterval(timer));
  }

  #publishOne(channel: ConfirmChannel, publisher: string, confirmed: () => void): void {
    const number = this.#numbers.get(publisher) ?? 0;
    this.#numbers.set(publisher, number + 1);
    const id = `${publisher}-${number}`;
    const target = this.#random.pick(['plain', 'fan', 'by-priority', 'quorum', 'with-dead-letters']);
    const queues = target === 'fan' ? FANOUT : [target];
    const priority = this.#random.below(MAX_PRIORITY + 1);
    const body = Buffer.from(`${id} `.padEnd(this.#random.pick(SIZES), '.'));
    this.#ledger.published(id, queues);
    const [exchange, key] = target === 'fan' ? ['fan', ''] : ['', target];
    try {
      channel.publish(exchange, key, body, { persistent: true, priority }, (error) => {
        if (error !== null) return;
        this.#guard(() => this.#ledger.confirmed(id, queues));
        confirmed();
      });
    } catch {
      this.#stopped = true; // the channel is gone
    }
  }

  // --- consuming ---

  async #consume(url: string): Promise<void> {
    const channel = await (await this.#connect(url)).createConfirmChannel();
    channel.on('error', () => {});
    await channel.prefetch(PREFETCH, false);
    const markers = new Markers(channel);
    for (const { name } of QUEUES) {
      await channel.consume(name, (message) => {
        if (message === null || this.#stopped) return;
        this.#guard(() => this.#take(channel, markers, name, message));
      });
    }
    this.#ends.push(() => markers.stop());
  }

  #take(channel: ConfirmChannel, markers: Markers, queue: string, message: ConsumeMessage): void {
    const found = foundOf(message);
    markers.after(this.#ledger.delivered(queue, found));
    const choice = this.#random.below(20);
    try {
      if (choice < 16) {
        channel.ack(message);
        markers.after(this.#ledger.settled(queue, found.id, 'acknowledged'));
      } else if (choice < 18 && queue === 'with-dead-letters') {
        channel.reject(message, false);
        markers.after(this.#ledger.settled(queue, found.id, 'rejected'));
      } else if (choice < 19) {
        channel.nack(message, false, true);
        markers.after(this.#ledger.returned(queue, found.id));
      }
      // The others stay unacked until the broker dies.
    } catch {
      this.#stopped = true; // the channel is gone
    }
  }

  // --- transactions ---

  async #passToken(channel: RawChannel): Promise<void> {
    const transactions = this.#transactions;
    try {
      while (!this.#stopped) {
        const { args, body } = await channel.call('basic.get', { queue: 'token' });
        const next = Number(String(body).split('-')[1]) + 1;
        channel.publish({ routingKey: 'token', properties: { deliveryMode: 2 }, body: `token-${next}` });
        channel.send('basic.ack', { deliveryTag: args.deliveryTag });
        transactions.tokenAsked = next;
        await channel.call('tx.commit');
        transactions.token = next;
      }
    } catch {} // the broker is gone: what became of the token is found at the next start
  }

  async #commitGroups(channel: RawChannel): Promise<void> {
    const { groups } = this.#transactions;
    try {
      while (!this.#stopped) {
        const group = this.#transactions.nextGroup++;
        const size = 1 + this.#random.below(6);
        for (let i = 0; i < size; i++) {
          const body = `g-${group} `.padEnd(this.#random.pick([20, 2000, 250_000]), '.');
          channel.publish({ routingKey: 'groups', properties: { deliveryMode: 2 }, body });
        }
        groups.set(group, { size, committed: false });
        await channel.call('tx.commit');
        groups.set(group, { size, committed: true });
      }
    } catch {} // as above
  }
}

export function foundOf({ content, fields, properties }: ConsumeMessage): Found {
  const id = content.subarray(0, 40).toString().split(' ')[0]!;
  const returns = Number(properties.headers?.['x-delivery-count'] ?? 0);
  return { id, redelivered: fields.redelivered, priority: properties.priority ?? 0, returns };
}

/** Messages that are published after acks on the same channel: the confirm of one tells that the acks before it are kept. */
class Markers {
  readonly #channel: ConfirmChannel;
  readonly #timer: NodeJS.Timeout;
  #effects: (() => void)[] = [];

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
    this.#timer = setInterval(() => this.#publish(), 15);
  }

  after(effect: () => void): void {
    this.#effects.push(effect);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #publish(): void {
    const effects = this.#effects;
    this.#effects = [];
    if (effects.length === 0) return;
    try {
      this.#channel.sendToQueue('marker', Buffer.from('marker'), { persistent: true }, (error) => {
        if (error === null) for (const effect of effects) effect();
      });
    } catch {
      this.stop(); // the channel is gone
    }
  }
}
