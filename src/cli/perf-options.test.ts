import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { defaultLoadOptions, type LoadOptions } from '../perf/load-options.ts';
import { addPerfOptions, readLoadOptions } from './perf-options.ts';

/** What a command line comes to. @throws Error with what would be printed of it */
function parse(...args: string[]): LoadOptions {
  const command = addPerfOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return readLoadOptions(command.parse(args, { from: 'user' }).opts());
}

for (const [args, message] of [
  [['-x', '0', '-y', '0'], /^Error: --consumers 0: nobody consumes$/],
  [['-x', '-1'], /^Error: --producers -1: expected a whole number from 0 to 10000$/],
  [['-A', '100', '-q', '10'], /^Error: --multi-ack-every 100 is above --qos 10: no ack would ever be sent$/],
  [['-z', '0'], /^Error: --time 0: a run needs a time or a --count$/],
  [['-c', '40000'], /^Error: --confirm 40000: expected a whole number from 0 to 32768$/],
  [['--uri', 'amqp://localhost:0'], /^Error: --uri's port 0: expected a whole number from 1 to 65535$/],
  [['-s', 'big'], /'-s, --size <bytes>' argument 'big' is invalid\. expected a number of bytes/],
  [['-r', 'fast'], /'-r, --rate <messages>' argument 'fast' is invalid\. expected a number/],
  [['-r', ''], /'-r, --rate <messages>' argument '' is invalid\. expected a number/],
  [['-a', '-A', '3'], /'-a, --autoack' cannot be used with option '-A, --multi-ack-every <messages>'/],
  [['--queue-args', 'x-max-length'], /'--queue-args <arguments>' argument .* expected NAME=VALUE/],
  [['--uri', 'localhost'], /'--uri <uri>' argument 'localhost' is invalid\. expected amqp:\/\//],
  [['--broker-pid', '1,x'], /'--broker-pid <pids>' argument '1,x' is invalid\. expected process ids/],
  [['--routing', 'pigeon'], /argument 'pigeon' is invalid\. Allowed choices are queue, topic-one, topic-all/],
  [['--idle-connections', '0'], /argument '0' is invalid\. expected a whole number from 1/],
  [['--delay', 'soon'], /'--delay <ms>' argument 'soon' is invalid\. expected milliseconds, or MIN-MAX/],
  [['--delay', '5-2'], /^Error: --delay 5-2: expected whole numbers from 1 to \d+, the smaller one first$/],
  [['--delay', '2-5', '--delay-by', 'ladder'], /^Error: --delay 2-5: --delay-by ladder takes one delay/],
  [['--hold', '-1'], /'--hold <seconds>' argument '-1' is invalid\. expected seconds from 0/],
] as const) {
  test(`${args.join(' ')} is refused, naming the flag`, () => {
    assert.throws(() => parse(...args), message);
  });
}

test('without flags a run is the default one, with each delivery acknowledged by itself', () => {
  assert.deepEqual(parse(), { ...defaultLoadOptions, ackEvery: 1 });
});

test('every flag goes to its option', () => {
  const flags = [
    ['--uri', 'amqp://u:p@h:1/v', '-x', '2', '-y', '3', '-s', '1KiB', '-z', '0.5', '--warm-up', '0', '--drain', '1'],
    ['-r', '5', '-c', '6', '--persistent', '-A', '7', '-q', '8', '-u', 'q', '--queues', '9', '--routing', 'topic-all'],
    ['--queue-args', 'x-max-length=10,x-queue-mode=lazy,x-single-active-consumer=true', '--inflight', '11'],
    ['--batch-bytes', '12', '--producer-threads', '13', '--consumer-threads', '14', '--broker-pid', '15,16'],
    ['--fresh', '--keep', '--delay-by', 'ladder'],
  ].flat();
  assert.deepEqual(parse(...flags), {
    host: 'h',
    port: 1,
    user: 'u',
    password: 'p',
    vhost: 'v',
    mode: 'both',
    publishers: 2,
    consumers: 3,
    bodySizeBytes: 1024,
    seconds: 0.5,
    count: 0,
    warmUpSeconds: 0,
    drainSeconds: 1,
    ratePerSecond: 5,
    confirmWindow: 6,
    persistent: true,
    durable: true,
    ackEvery: 7,
    prefetch: 8,
    queue: 'q',
    queues: 9,
    routing: 'topic-all',
    queueArguments: { 'x-max-length': 10, 'x-queue-mode': 'lazy', 'x-single-active-consumer': true },
    inflightMax: 11,
    batchBytes: 12,
    publisherThreads: 13,
    consumerThreads: 14,
    brokerPids: [15, 16],
    fresh: true,
    keep: true,
    delay: null,
    delayBy: 'ladder',
  });
});

test('a delay is one number or a range', () => {
  assert.deepEqual(parse('--delay', '20').delay, { leastMs: 20, mostMs: 20 });
  assert.deepEqual(parse('--delay', '1000-3000').delay, { leastMs: 1000, mostMs: 3000 });
});

test('-x 0 only consumes, -y 0 only publishes, -a takes no acknowledgements', () => {
  assert.deepEqual([parse('-x', '0').mode, parse('-y', '0').mode, parse('-a').ackEvery], ['consume', 'publish', 0]);
});
