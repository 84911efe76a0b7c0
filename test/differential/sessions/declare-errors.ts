/** Declares that are refused: another declaration of the same name, and arguments of a wrong type or value. */

import { group, type Session } from '../session.ts';
import type { MethodArguments } from '../wire-format.ts';
import { typed } from '../wire-format.ts';

export const declareErrorSessions: Session[] = [];
const session = group('declare errors', declareErrorSessions);

/** What a queue was declared with first, and what is asked for then. */
const QUEUE_PAIRS: readonly (readonly [string, MethodArguments, MethodArguments])[] = [
  ['durable', { durable: true }, { durable: false }],
  ['not durable', { durable: false }, { durable: true }],
  ['auto-delete', { autoDelete: true }, { autoDelete: false }],
  ['not auto-delete', { autoDelete: false }, { autoDelete: true }],
  ['exclusive', { exclusive: true }, { exclusive: false }],
  ['not exclusive', { exclusive: false }, { exclusive: true }],
  ...argumentPairs('x-message-ttl', 1000, 2000),
  ...argumentPairs('x-expires', 100_000, 200_000),
  ...argumentPairs('x-max-length', 10, 20),
  ...argumentPairs('x-max-length-bytes', 1000, 2000),
  ...argumentPairs('x-max-priority', 5, 6),
  ...argumentPairs('x-dead-letter-exchange', 'amq.direct', 'amq.fanout'),
  ['x-dead-letter-routing-key', dlx({ 'x-dead-letter-routing-key': 'a' }), dlx({ 'x-dead-letter-routing-key': 'b' })],
  ['x-dead-letter-routing-key left out', dlx({ 'x-dead-letter-routing-key': 'a' }), dlx({})],
  ...argumentPairs('x-overflow', 'drop-head', 'reject-publish'),
  ...argumentPairs('x-queue-mode', 'lazy', 'default'),
  ...argumentPairs('x-single-active-consumer', true, false),
  ...argumentPairs('x-queue-type', 'classic', 'quorum'),
  ...argumentPairs('x-queue-master-locator', 'min-masters', 'client-local'),
  ...argumentPairs('x-queue-version', 1, 2),
  ['an argument that nobody knows', { arguments: { 'x-nobody': 1 } }, { arguments: { 'x-nobody': 2 } }],
  [
    'the same number with another type letter',
    { arguments: { 'x-max-length': typed('I', 10) } },
    { arguments: { 'x-max-length': typed('l', 10) } },
  ],
  [
    'the same number as a signed byte',
    { arguments: { 'x-max-length': typed('s', 10) } },
    { arguments: { 'x-max-length': typed('B', 10) } },
  ],
];

for (const [title, first, second] of QUEUE_PAIRS) {
  session(`queue declared again otherwise: ${title}`, async (s) => {
    const channel = await s.open();
    const queue = s.name('q');
    const durable = queueIsQuorum(second) || queueIsQuorum(first);
    await channel.ask('queue.declare', { queue, durable, ...first });
    await channel.ask('queue.declare', { queue, durable, ...second });
    const other = await channel.client.openChannel(2);
    await other.ask('queue.delete', { queue });
  });
}

session('queue declared again the same is not an error', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const declare = { queue, autoDelete: true, arguments: { 'x-max-length': 10, 'x-overflow': 'drop-head' } };
  await channel.ask('queue.declare', declare);
  await channel.ask('queue.declare', declare);
  await channel.ask('queue.delete', { queue });
});

session('passive declare ignores every property', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.ask('queue.declare', { queue, arguments: { 'x-max-length': 10 } });
  await channel.ask('queue.declare', { queue, passive: true, durable: true, autoDelete: true, arguments: { a: 1 } });
  await channel.ask('queue.delete', { queue });
});

const EXCHANGE_PAIRS: readonly (readonly [string, MethodArguments, MethodArguments])[] = [
  ['type', { type: 'direct' }, { type: 'topic' }],
  ['durable', { type: 'direct', durable: true }, { type: 'direct' }],
  ['auto-delete', { type: 'direct', autoDelete: true }, { type: 'direct' }],
  ['internal', { type: 'direct', internal: true }, { type: 'direct' }],
  ['alternate-exchange', { type: 'direct', arguments: { 'alternate-exchange': 'amq.fanout' } }, { type: 'direct' }],
  [
    'alternate-exchange of another name',
    { type: 'direct', arguments: { 'alternate-exchange': 'amq.fanout' } },
    { type: 'direct', arguments: { 'alternate-exchange': 'amq.direct' } },
  ],
  ['an argument that nobody knows', { type: 'direct', arguments: { 'x-nobody': 1 } }, { type: 'direct' }],
];

for (const [title, first, second] of EXCHANGE_PAIRS) {
  session(`exchange declared again otherwise: ${title}`, async (s) => {
    const channel = await s.open();
    const exchange = s.name('x');
    await channel.ask('exchange.declare', { exchange, ...first });
    await channel.ask('exchange.declare', { exchange, ...second });
    const other = await channel.client.openChannel(2);
    await other.ask('exchange.delete', { exchange });
  });
}

session('exchange declared with an alternate-exchange that is not a string', async (s) => {
  const channel = await s.open();
  await channel.ask('exchange.declare', {
    exchange: s.name('x'),
    type: 'direct',
    arguments: { 'alternate-exchange': 5 },
  });
});

/** Arguments of a wrong type or value, for a classic queue unless told. */
const BAD_ARGUMENTS: Record<string, readonly unknown[]> = {
  'x-message-ttl': [-1, 'a', 1.5, true, 315_360_000_000, 315_360_000_001],
  'x-expires': [0, -1, 'a', 315_360_000_000, 315_360_000_001],
  'x-max-length': [-1, 'a', 1.5],
  'x-max-length-bytes': [-1, 'a'],
  'x-max-priority': [-1, 0, 255, 256, 'a'],
  'x-dead-letter-exchange': [5, true, ''],
  'x-dead-letter-routing-key': [5, 'without an exchange'],
  'x-overflow': ['sometimes', 5],
  'x-queue-mode': ['slow', 5],
  'x-single-active-consumer': ['yes', 1],
  'x-queue-type': ['stack', 5],
  'x-queue-master-locator': ['nowhere', 5],
  'x-queue-version': [0, 3, 'a'],
  'x-dead-letter-strategy': ['at-least-once'],
  'x-max-age': ['1D'],
  'x-quorum-initial-group-size': [3],
  'x-delivery-limit': [3],
  'x-max-in-memory-length': [1],
  'x-stream-max-segment-size-bytes': [1],
  'x-ha-policy': ['all'],
  'x-cancel-on-ha-failover': [true],
};

for (const [name, values] of Object.entries(BAD_ARGUMENTS)) {
  session(`queue argument ${name} of odd type or value`, async (s) => {
    const channel = await s.open();
    let number = 10;
    for (const value of values) {
      const own = await channel.client.openChannel(number++);
      const queue = s.name(`q${number}`);
      await own.ask('queue.declare', { queue, exclusive: true, arguments: { [name]: value } });
      if (channel.client.isClosed) return;
    }
  });
}

const QUORUM = { 'x-queue-type': 'quorum' };

for (const [title, declare] of [
  ['not durable', { arguments: QUORUM }],
  ['exclusive', { durable: true, exclusive: true, arguments: QUORUM }],
  ['auto-delete', { durable: true, autoDelete: true, arguments: QUORUM }],
  ['with x-max-priority', { durable: true, arguments: { ...QUORUM, 'x-max-priority': 5 } }],
  ['with x-queue-mode', { durable: true, arguments: { ...QUORUM, 'x-queue-mode': 'lazy' } }],
  [
    'with x-overflow reject-publish-dlx',
    { durable: true, arguments: { ...QUORUM, 'x-overflow': 'reject-publish-dlx' } },
  ],
  ['with x-message-ttl', { durable: true, arguments: { ...QUORUM, 'x-message-ttl': 1000 } }],
  ['with x-delivery-limit of a wrong type', { durable: true, arguments: { ...QUORUM, 'x-delivery-limit': 'a' } }],
  ['with x-delivery-limit below 0', { durable: true, arguments: { ...QUORUM, 'x-delivery-limit': -1 } }],
  ['with x-queue-master-locator', { durable: true, arguments: { ...QUORUM, 'x-queue-master-locator': 'min-masters' } }],
  ['with x-queue-version', { durable: true, arguments: { ...QUORUM, 'x-queue-version': 2 } }],
  ['with an argument that nobody knows', { durable: true, arguments: { ...QUORUM, 'x-nobody': 2 } }],
  ['without a name', { queue: '', durable: true, arguments: QUORUM }],
  [
    'with dead-letter-strategy at-least-once and drop-head',
    {
      durable: true,
      arguments: { ...QUORUM, 'x-dead-letter-strategy': 'at-least-once', 'x-dead-letter-exchange': '' },
    },
  ],
] as const) {
  session(`quorum queue ${title}`, async (s) => {
    const channel = await s.open();
    const queue = s.name('q');
    await channel.ask('queue.declare', { queue, ...declare });
    if (channel.client.isClosed) return;
    const other = await channel.client.openChannel(2);
    await other.ask('queue.delete', { queue });
  });
}

session('a stream queue that is exclusive', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.ask('queue.declare', { queue, exclusive: true, arguments: { 'x-queue-type': 'stream' } });
});

session('a stream queue', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const { name } = await channel.ask('queue.declare', {
    queue,
    durable: true,
    arguments: { 'x-queue-type': 'stream' },
  });
  s.quiet(channel.client);
  if (name === 'queue.declare-ok') await channel.call('queue.delete', { queue });
});

session('a queue name of 255 bytes, and one with letters beyond ASCII', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.declare', { queue: 'n'.repeat(255), exclusive: true });
  await channel.ask('queue.declare', { queue: s.name('häschen-兔'), exclusive: true });
});

session('consumer arguments of odd type or value', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  let number = 10;
  for (const args of [
    { 'x-priority': 'a' },
    { 'x-priority': 1.5 },
    { 'x-priority': -5 },
    { 'x-cancel-on-ha-failover': 1 },
    { 'x-nobody': 1 },
    { 'x-stream-offset': 'first' },
  ]) {
    const own = await channel.client.openChannel(number++);
    await own.ask('basic.consume', { queue, consumerTag: 'c', arguments: args });
  }
});

function argumentPairs(name: string, first: unknown, second: unknown): [string, MethodArguments, MethodArguments][] {
  return [
    [`${name} of another value`, { arguments: { [name]: first } }, { arguments: { [name]: second } }],
    [`${name} left out`, { arguments: { [name]: first } }, {}],
    [`${name} added`, {}, { arguments: { [name]: first } }],
  ];
}

function dlx(args: Record<string, unknown>): MethodArguments {
  return { arguments: { 'x-dead-letter-exchange': 'amq.direct', ...args } };
}

function queueIsQuorum(declare: MethodArguments): boolean {
  return (declare.arguments as Record<string, unknown> | undefined)?.['x-queue-type'] === 'quorum';
}
