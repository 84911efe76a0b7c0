import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmqpError } from '../protocol/errors.ts';
import { fromPlain, type PlainObject, type PlainValue } from '../protocol/field-table.ts';
import { type QueueIdentity, readQueueArguments } from './queue-arguments.ts';

const QUEUE: QueueIdentity = { vhost: '/', name: 'q', durable: true, exclusive: false, autoDelete: false };
const QUORUM = { 'x-queue-type': 'quorum' };
const DELAYS = { 'x-dead-letter-exchange': '', 'x-dead-letter-delays': ['1s'] };

function read(plain: PlainObject, identity: Partial<QueueIdentity> = {}) {
  return readQueueArguments({ ...QUEUE, ...identity }, fromPlain(plain));
}

/** What a client is told, without the code's name. */
function refusal(plain: PlainObject, identity: Partial<QueueIdentity> = {}): string {
  try {
    read(plain, identity);
  } catch (error) {
    assert.ok(error instanceof AmqpError, String(error));
    return error.replyText.replace(/^[A-Z_]+ - /, '');
  }
  return 'it was taken';
}

describe('the settings of a queue', () => {
  test('without arguments are those of a classic queue without limits', () => {
    assert.deepEqual(read({}), { type: 'classic', settings: { overflow: 'drop-head', singleActiveConsumer: false } });
  });

  test('come from its arguments', () => {
    const { settings } = read({
      'x-message-ttl': 0,
      'x-expires': 1,
      'x-max-length': 0,
      'x-max-length-bytes': 7,
      'x-max-priority': 255,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-overflow': 'reject-publish-dlx',
      'x-single-active-consumer': true,
    });
    assert.deepEqual(settings, {
      messageTtlMs: 0,
      expiresMs: 1,
      maxLength: 0,
      maxLengthBytes: 7,
      maxPriority: 255,
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
      overflow: 'reject-publish-dlx',
      singleActiveConsumer: true,
    });
  });

  test('have delays for dead letters, in milliseconds, from numbers of any type and texts', () => {
    for (const type of [{}, QUORUM]) {
      const { settings } = read({
        ...type,
        'x-dead-letter-exchange': '',
        'x-dead-letter-delays': [5, '1s', 2 ** 40 - 2 ** 39 - 2 ** 38, '2h'],
        'x-dead-letter-final-exchange': 'parked',
      });
      assert.deepEqual(settings.deadLetterDelaysMs, [5, 1000, 2 ** 38, 7_200_000]);
      assert.equal(settings.deadLetterFinalExchange, 'parked');
    }
  });

  test('leave out a priority of 0, which is none, and lazy mode, which every queue has', () => {
    const { settings } = read({ 'x-max-priority': 0, 'x-queue-mode': 'lazy', 'x-queue-version': 2 });
    assert.deepEqual(settings, { overflow: 'drop-head', singleActiveConsumer: false });
  });

  test('of a quorum queue have a delivery limit, and no overflow into dead letters', () => {
    const { type, settings } = read({ ...QUORUM, 'x-delivery-limit': 3, 'x-overflow': 'reject-publish-dlx' });
    assert.equal(type, 'quorum');
    assert.deepEqual(settings, { deliveryLimit: 3, overflow: 'drop-head', singleActiveConsumer: false });
  });

  test('take names that nobody knows, as RabbitMQ does', () => {
    assert.equal(read({ 'x-mine': 1, 'ha-mode': 'all' }).type, 'classic');
  });
});

function retryFaults(): [plain: PlainObject, reason: string][] {
  const of = (name: string, reason: string) => `invalid arg '${name}' for queue 'q' in vhost '/': ${reason}`;
  const delays = (reason: string) => of('x-dead-letter-delays', reason);
  const list = (...values: PlainValue[]) => ({ ...DELAYS, 'x-dead-letter-delays': values });
  const neither = 'is neither a number of milliseconds nor a text such as 500ms, 10s, 1m, 2h or 1d';
  return [
    [{ ...DELAYS, 'x-dead-letter-delays': '1s' }, delays('"a list of delays is expected"')],
    [list(), delays('"1 to 32 delays are expected, not 0"')],
    [list(1, 'soon'), delays(`"delay 2 ${neither}"`)],
    [list(1.5), delays(`"delay 1 ${neither}"`)],
    [list(true), delays(`"delay 1 ${neither}"`)],
    [list('4000d'), delays('"delay 1 is longer than ten years"')],
    [{ 'x-dead-letter-delays': ['1s'] }, delays('delays_but_no_dlx_defined')],
    [
      { ...DELAYS, 'x-dead-letter-final-exchange': 1 },
      of('x-dead-letter-final-exchange', '{unacceptable_type,signedint}'),
    ],
    [
      { 'x-dead-letter-exchange': '', 'x-dead-letter-final-exchange': 'parked' },
      of('x-dead-letter-final-exchange', 'final_exchange_but_no_delays_defined'),
    ],
  ];
}

describe('a value that cannot be used is refused with the reason that RabbitMQ gives', () => {
  const cases: readonly (readonly [plain: PlainObject, reason: string])[] = [
    [
      { 'x-message-ttl': 'soon' },
      "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': \"expected integer, got longstr\"",
    ],
    ...retryFaults(),
    [{ 'x-message-ttl': -1 }, "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}"],
    [
      { 'x-message-ttl': 315_360_000_001 },
      "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_too_large,315360000001}",
    ],
    [{ 'x-expires': 0 }, "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}"],
    [{ 'x-max-length': -5 }, "invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-5}"],
    [
      { 'x-max-length': 1.5 },
      "invalid arg 'x-max-length' for queue 'q' in vhost '/': \"expected integer, got double\"",
    ],
    [{ 'x-max-priority': 256 }, "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}"],
    [{ 'x-overflow': 'explode' }, "invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow"],
    [
      { 'x-queue-mode': 'hasty' },
      "invalid arg 'x-queue-mode' for queue 'q' in vhost '/': \"unsupported queue mode 'hasty'\"",
    ],
    [
      { 'x-single-active-consumer': 'yes' },
      "invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,longstr}",
    ],
    [
      { 'x-dead-letter-routing-key': 'dead' },
      "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined",
    ],
    [
      { 'x-dead-letter-exchange': 1 },
      "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'",
    ],
    [
      { 'x-queue-type': 'fast' },
      "invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'fast'\"",
    ],
    [{ 'x-queue-type': 1 }, "invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,signedint}"],
    [
      { 'x-delivery-limit': 3 },
      "invalid arg 'x-delivery-limit' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
    ],
    [
      { ...QUORUM, 'x-max-priority': 3 },
      "invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
    ],
  ];
  for (const [plain, reason] of cases) {
    test(JSON.stringify(plain), () => assert.equal(refusal(plain), reason));
  }

  test('of several, in the order of RabbitMQ', () => {
    assert.match(refusal({ 'x-overflow': 'explode', 'x-expires': 0 }), /^invalid arg 'x-expires'/);
    assert.match(refusal({ 'x-expires': 0, 'x-delivery-limit': 3 }), /^invalid arg 'x-delivery-limit'/);
  });
});

describe('a quorum queue', () => {
  for (const [identity, property] of [
    [{ durable: false }, 'non-durable'],
    [{ exclusive: true }, 'exclusive-owner'],
    [{ autoDelete: true }, 'auto-delete'],
  ] as const) {
    test(`cannot be ${property}`, () => {
      assert.equal(refusal(QUORUM, identity), `invalid property '${property}' for queue 'q' in vhost '/'`);
    });
  }
});

test('a stream is refused with 540 and a text that says so', () => {
  assert.throws(() => read({ 'x-queue-type': 'stream' }), {
    replyCode: 540,
    replyText: "NOT_IMPLEMENTED - x-queue-type 'stream' for queue 'q' in vhost '/' is not supported",
  });
});
