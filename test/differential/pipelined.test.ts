/**
 * Whatever a client sends at once, on several channels and cut anywhere, each channel gets the same answers as when it waits for
 * each of them, and as RabbitMQ gives it then.
 *
 *   LEVERET_SEED=1234 repeats one run. LEVERET_DIFFERENTIAL=golden leaves RabbitMQ out.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import { Random, seedFromEnvironment } from '../faults/random.ts';
import { ask } from '../management/http-client.ts';
import { isRabbitMqInstalled, startRabbitMq } from './rabbitmq.ts';
import { RawClient, type Received } from './raw-client.ts';
import {
  encodeContentHeader,
  encodeFrame,
  encodeMethod,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_METHOD,
  type MethodArguments,
} from './wire-format.ts';

type Step = readonly [method: string, args: MethodArguments];

const asksRabbitMq = process.env.LEVERET_DIFFERENTIAL !== 'golden' && isRabbitMqInstalled();
const CHANNEL_COUNT = 3;
const ROUND_COUNT = 40;
/** Of these; RabbitMQ takes its time. */
const RABBITMQ_ROUND_COUNT = 15;
/** Answered at once, when all before it is answered. */
const LAST: Step = ['channel.flow', { active: true }];

const EXCHANGES = { x: { durable: true }, z: { durable: true, autoDelete: true }, t: {} };
const QUEUES = { a: { durable: true }, b: {}, c: { exclusive: true } };
/** Nothing is published to it: how many messages it has would depend on when its consumer gets them. */
const CONSUMED = { durable: true, autoDelete: true };

/** What one channel asks for, about things of its own. */
class Plan {
  readonly #random: Random;
  readonly #prefix: string;
  #consumerCount = 0;

  constructor(random: Random, prefix: string) {
    this.#random = random;
    this.#prefix = prefix;
  }

  steps(): Step[] {
    const length = 1 + this.#random.below(16);
    const beginning = this.#random.oneIn(5) ? [] : this.#beginning();
    return [...beginning, ...Array.from({ length }, () => this.#step())];
  }

  #beginning(): Step[] {
    return [
      ...Object.entries(QUEUES).map(([name, kind]): Step => ['queue.declare', { queue: this.#name(name), ...kind }]),
      ...Object.keys(EXCHANGES).map((name) => this.#declareExchange(name)),
      ['queue.declare', { queue: this.#name('d'), ...CONSUMED }],
      ['queue.bind', { queue: this.#name('a'), exchange: this.#name('z'), routingKey: 'one' }],
    ];
  }

  #name(name: string): string {
    return `${this.#prefix}${name}`;
  }

  get #queue(): string {
    return this.#name(this.#random.pick(Object.keys(QUEUES)));
  }

  get #exchange(): string {
    return this.#random.oneIn(6) ? 'amq.direct' : this.#name(this.#random.pick(Object.keys(EXCHANGES)));
  }

  get #isWithoutAnswer(): boolean {
    return this.#random.oneIn(6);
  }

  #declareExchange(name: string): Step {
    const kind = EXCHANGES[name as keyof typeof EXCHANGES];
    return ['exchange.declare', { exchange: this.#name(name), type: 'direct', ...kind, nowait: this.#isWithoutAnswer }];
  }

  #declareQueue(): Step {
    const name = this.#random.pick(Object.keys(QUEUES));
    const kind = this.#random.oneIn(12) ? {} : QUEUES[name as keyof typeof QUEUES];
    const queue = this.#random.oneIn(8) ? `${this.#name(name)}\n` : this.#name(name);
    return ['queue.declare', { queue, ...kind, passive: this.#random.oneIn(5), nowait: this.#isWithoutAnswer }];
  }

  #bind(): Step {
    if (this.#random.oneIn(8)) return ['queue.bind', { exchange: this.#exchange, routingKey: 'never' }];
    const method = this.#random.oneIn(3) ? 'queue.unbind' : 'queue.bind';
    // Also the prefix, since amq.direct is of all channels.
    const routingKey = this.#name(this.#random.pick(['one', 'two']));
    return [method, { queue: this.#queue, exchange: this.#exchange, routingKey }];
  }

  #bindExchange(): Step {
    const method = this.#random.oneIn(3) ? 'exchange.unbind' : 'exchange.bind';
    const destination = this.#name(this.#random.pick(Object.keys(EXCHANGES)));
    return [
      method,
      { destination, source: this.#exchange, routingKey: this.#name('one'), nowait: this.#isWithoutAnswer },
    ];
  }

  #publish(): Step {
    const mandatory = this.#random.oneIn(2);
    if (this.#random.oneIn(2)) return ['basic.publish', { routingKey: this.#queue, mandatory }];
    return ['basic.publish', { exchange: this.#exchange, routingKey: this.#name('one'), mandatory }];
  }

  #consume(): Step {
    const tag = () => `tag ${this.#random.below(this.#consumerCount + 1)}`;
    switch (this.#random.below(4)) {
      case 0:
        return ['basic.cancel', { consumerTag: tag(), nowait: this.#isWithoutAnswer }];
      case 1:
        return ['queue.declare', { queue: this.#name('d'), ...CONSUMED }];
      case 2:
        return ['queue.delete', { queue: this.#name('d'), ifUnused: this.#random.oneIn(2) }];
      default:
        return ['basic.consume', { queue: this.#name('d'), consumerTag: `tag ${this.#consumerCount++}`, noAck: true }];
    }
  }

  #step(): Step {
    switch (this.#random.below(14)) {
      case 0:
      case 1:
      case 2:
        return this.#declareQueue();
      case 3:
        return this.#declareExchange(this.#random.pick(Object.keys(EXCHANGES)));
      case 4:
      case 5:
        return this.#bind();
      case 6:
        return this.#bindExchange();
      case 7:
        return ['queue.delete', { queue: this.#queue, ifEmpty: this.#random.oneIn(3), nowait: this.#isWithoutAnswer }];
      case 8:
        return ['exchange.delete', { exchange: this.#declaredExchange, ifUnused: this.#random.oneIn(2) }];
      case 9:
        return this.#random.oneIn(3) ? ['queue.purge', { queue: this.#queue }] : this.#special();
      case 10:
        return ['basic.get', { queue: this.#queue, noAck: true }];
      case 11:
        return this.#consume();
      default:
        return this.#publish();
    }
  }

  get #declaredExchange(): string {
    return this.#name(this.#random.pick(Object.keys(EXCHANGES)));
  }

  #special(): Step {
    return ['queue.declare', { queue: this.#random.oneIn(2) ? '' : 'amq.rabbitmq.reply-to', exclusive: true }];
  }
}

function bytesOf(channel: number, [method, args]: Step): Buffer {
  const frames = [encodeFrame(FRAME_METHOD, channel, encodeMethod(method, args))];
  if (method === 'basic.publish') {
    frames.push(encodeFrame(FRAME_HEADER, channel, encodeContentHeader(4, { deliveryMode: 2 })));
    frames.push(encodeFrame(FRAME_BODY, channel, Buffer.from('body')));
  }
  return Buffer.concat(frames);
}

/** All channels' octets in one stream: in order within a channel, in any order among them. */
function mixed(random: Random, channels: readonly (readonly Step[])[]): Buffer {
  const waiting = channels.map((steps, index) => [...steps, LAST].map((step) => bytesOf(index + 1, step)));
  const parts: Buffer[] = [];
  for (let left = waiting.filter(({ length }) => length > 0); left.length > 0; ) {
    parts.push(random.pick(left).shift()!);
    left = waiting.filter(({ length }) => length > 0);
  }
  return Buffer.concat(parts);
}

const shown = ({ name, args }: Received): string =>
  `${name} ${JSON.stringify(args).replace(/amq\.gen-[\w-]+/g, 'amq.gen-...')}`;

/** What comes until all is answered or the channel is closed, without what comes by itself. */
async function answersOn(client: RawClient, channel: number): Promise<string[]> {
  const answers: string[] = [];
  for (;;) {
    const received = await client.read(channel);
    if (received.name === 'channel.flow-ok') return answers;
    if (received.name === 'basic.cancel') continue;
    answers.push(shown(received));
    if (/\.close$|socket closed/.test(received.name)) return answers;
  }
}

async function answersAtOnce(client: RawClient, random: Random, channels: readonly Step[][]): Promise<string[][]> {
  const bytes = mixed(random, channels);
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + random.below(random.oneIn(4) ? 16 : 2000);
    client.sendBytes(bytes.subarray(from, to));
    if (random.oneIn(3)) await new Promise((next) => setImmediate(next));
    from = to;
  }
  return Promise.all(channels.map((_, index) => answersOn(client, index + 1)));
}

async function answersOneByOne(client: RawClient, channels: readonly Step[][]): Promise<string[][]> {
  return Promise.all(channels.map((steps, index) => answersOfChannel(client, index + 1, steps)));
}

async function answersOfChannel(client: RawClient, channel: number, steps: readonly Step[]): Promise<string[]> {
  const answers: string[] = [];
  for (const step of steps) {
    client.sendBytes(bytesOf(channel, step));
    // RabbitMQ's queue answers it, and the channel what came behind it, each for itself.
    if (step[0] === 'basic.consume') answers.push(shown(await client.read(channel)));
    else {
      client.sendBytes(bytesOf(channel, LAST));
      answers.push(...(await answersOn(client, channel)));
    }
    if (/^(\w+\.close|socket closed) /.test(answers.at(-1) ?? '')) break;
  }
  return answers;
}

/** RabbitMQ's queue counts before it takes in what was published just before. */
function withoutCounts(answers: readonly string[]): string[] {
  return answers.map((answer) => answer.replace(/^(queue\.declare-ok .*"messageCount":)\d+/, '$1...'));
}

async function start(t: TestContext): Promise<Broker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-pipelined-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 } });
  t.after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });
  return broker;
}

async function clientOf(t: TestContext, port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.patienceMs = 60_000;
  t.after(() => client.abort());
  await client.open();
  for (let number = 2; number <= CHANNEL_COUNT; number++) await client.openChannel(number);
  return client;
}

async function declaredIn({ managementUrl }: Broker): Promise<unknown> {
  const { body } = await ask(managementUrl!, { method: 'GET', path: '/api/definitions' });
  const { queues, exchanges, bindings } = body as Record<string, object[]>;
  const lists = [queues, exchanges, bindings].map((list) => list!.map((each) => JSON.stringify(each)).sort());
  return lists;
}

test('random methods on several channels are answered as if each waited for its answers, and as RabbitMQ does', async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const [hastyBroker, patientBroker] = [await start(t), await start(t)];
  const rabbitMq = asksRabbitMq ? await startRabbitMq() : null;
  if (rabbitMq !== null) t.after(() => rabbitMq.stop());
  for (let round = 0; round < ROUND_COUNT; round++) {
    const channels = Array.from({ length: CHANNEL_COUNT }, (_, index) =>
      new Plan(random, `${round}${'kmn'[index]}`).steps(),
    );
    const about = `seed ${seed}, round ${round}: ${JSON.stringify(channels)}`;
    const clients = [await clientOf(t, hastyBroker.port), await clientOf(t, patientBroker.port)] as const;
    const hasty = await answersAtOnce(clients[0], random, channels);
    const patient = await answersOneByOne(clients[1], channels);
    assert.deepEqual(hasty, patient, about);
    if (rabbitMq !== null && round < RABBITMQ_ROUND_COUNT) {
      const client = await clientOf(t, rabbitMq.port);
      const theirs = await answersOneByOne(client, channels);
      assert.deepEqual(hasty.map(withoutCounts), theirs.map(withoutCounts), `as RabbitMQ, ${about}`);
      await client.close();
    }
    for (const client of clients) await client.close();
    assert.deepEqual(await declaredIn(hastyBroker), await declaredIn(patientBroker), about);
  }
});
