/**
 * Who sends many declarations before it reads an answer gets the same answers, in the same order, as who waits for each one,
 * and the same is declared in the end.
 *
 *   LEVERET_SEED=1234 repeats one run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../src/broker.ts';
import type { RawClient, Received } from '../differential/raw-client.ts';
import type { MethodArguments } from '../differential/wire-format.ts';
import { Random, seedFromEnvironment } from '../faults/random.ts';
import { ask } from '../management/http-client.ts';
import { clientOf, start } from './declaring-clients.ts';

type Step = readonly [method: string, args: MethodArguments];

const DURABLE = { durable: true };

const shown = ({ name, args }: Received): string => `${name} ${JSON.stringify(args)}`;

/** All answers up to the first refusal. */
async function answersAtOnce(client: RawClient, steps: readonly Step[]): Promise<string[]> {
  for (const [method, args] of steps) client.send(method, args);
  const answers: string[] = [];
  while (answers.length < steps.length && !answers.at(-1)?.startsWith('channel.close')) {
    answers.push(shown(await client.read(1)));
  }
  return answers;
}

async function answersOneByOne(client: RawClient, steps: readonly Step[]): Promise<string[]> {
  const answers: string[] = [];
  for (const step of steps) {
    const [answer] = await answersAtOnce(client, [step]);
    answers.push(answer!);
    if (answer!.startsWith('channel.close')) break;
  }
  return answers;
}

async function declaredIn({ managementUrl }: Broker): Promise<unknown> {
  const { body } = await ask(managementUrl!, { method: 'GET', path: '/api/definitions' });
  const { queues, exchanges, bindings } = body as Record<string, object[]>;
  return [queues, exchanges, bindings].map((list) => list!.map((each) => JSON.stringify(each)).sort());
}

const NAMES = ['a', 'b', 'c'];
const EXCHANGES = ['amq.direct', 'x', 'z'];
/** What most rounds begin with, so that not everything is refused for want of it. */
const BEGINNING: readonly Step[] = [
  ...NAMES.map((queue): Step => ['queue.declare', { queue, ...DURABLE }]),
  ['exchange.declare', { exchange: 'x', type: 'direct', ...DURABLE }],
  ['exchange.declare', { exchange: 'z', type: 'direct', ...DURABLE, autoDelete: true }],
  ['queue.bind', { queue: 'a', exchange: 'z', routingKey: 'one' }],
];

const BIND_TO_Z: Step = ['queue.bind', { queue: 'b', exchange: 'z', routingKey: 'one' }];

/** Rounds that chance would seldom bring: an exchange goes with its last binding, or may not go since it has got one. */
const RARE: readonly (readonly Step[])[] = [
  [['queue.unbind', { queue: 'a', exchange: 'z', routingKey: 'one' }], BIND_TO_Z],
  [['queue.delete', { queue: 'a' }], BIND_TO_Z],
  [BIND_TO_Z, ['queue.unbind', { queue: 'a', exchange: 'z', routingKey: 'one' }]],
  [
    ['queue.bind', { queue: 'a', exchange: 'x', routingKey: 'one' }],
    ['exchange.delete', { exchange: 'x', ifUnused: true }],
  ],
];

function randomStep(random: Random): Step {
  const queue = random.pick(NAMES);
  const exchange = random.pick(EXCHANGES);
  const routingKey = random.oneIn(4) ? 'two' : 'one';
  const declared = random.pick(['x', 'z']);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return ['queue.declare', { queue, ...DURABLE }];
    case 3:
    case 4:
      return ['exchange.declare', { exchange: declared, type: 'direct', ...DURABLE, autoDelete: declared === 'z' }];
    case 5:
      return ['queue.delete', { queue }];
    case 6:
      return ['exchange.bind', { destination: declared, source: exchange, routingKey }];
    case 7:
      return ['queue.unbind', { queue, exchange, routingKey }];
    case 8:
      return ['exchange.delete', { exchange: declared, ifUnused: random.oneIn(2) }];
    case 9:
      return ['queue.declare', { queue, passive: random.oneIn(2), durable: !random.oneIn(8) }];
    default:
      return ['queue.bind', { queue: random.oneIn(8) ? '' : queue, exchange, routingKey }];
  }
}

test('the answers to random declarations are the same, and come in the same order, whether a client waits for them or not', async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const brokers = [await start(t), await start(t)] as const;
  for (let round = 0; round < 150; round++) {
    const rest = RARE[round] ?? Array.from({ length: 1 + random.below(12) }, () => randomStep(random));
    const steps = RARE[round] === undefined && random.oneIn(5) ? rest : [...BEGINNING, ...rest];
    const clients = [await clientOf(t, brokers[0]), await clientOf(t, brokers[1])] as const;
    const [hasty, patient] = await Promise.all([answersAtOnce(clients[0], steps), answersOneByOne(clients[1], steps)]);
    assert.deepEqual(hasty, patient, `seed ${seed}, round ${round}: ${JSON.stringify(steps)}`);
    for (const client of clients) await client.close();
    assert.deepEqual(await declaredIn(brokers[0]), await declaredIn(brokers[1]), `seed ${seed}, round ${round}`);
  }
});

test('queues and their bindings that are declared without waiting are there, and a close behind them comes last', async (t) => {
  const broker = await start(t);
  const client = await clientOf(t, broker);
  const names = Array.from({ length: 1500 }, (_, index) => `queue ${index}`);
  for (const queue of names) {
    client.send('queue.declare', { queue, ...DURABLE });
    client.send('queue.bind', { queue, exchange: 'amq.direct', routingKey: queue });
  }
  client.channel(0).send('connection.close', { replyCode: 200 });
  for (const queue of names) {
    assert.equal((await client.expect('queue.declare-ok')).args.queue, queue);
    await client.expect('queue.bind-ok');
  }
  await client.channel(0).expect('connection.close-ok');
  const { body } = await ask(broker.managementUrl!, { method: 'GET', path: '/api/definitions' });
  const { queues, bindings } = body as Record<string, object[]>;
  assert.deepEqual([queues!.length, bindings!.length], [1500, 1500]);
});

test('a limit of queues counts those that are being declared', async (t) => {
  const broker = await start(t);
  const path = '/api/vhost-limits/%2F/max-queues';
  await ask(broker.managementUrl!, { method: 'PUT', path, body: { value: 10 } });
  const client = await clientOf(t, broker);
  const steps = Array.from(
    { length: 20 },
    (_, index): Step => ['queue.declare', { queue: `queue ${index}`, ...DURABLE }],
  );
  const answers = await answersAtOnce(client, steps);
  assert.equal(answers.length, 11);
  assert.match(answers[10]!, /^(channel|connection)\.close .*queue limit/);
});
