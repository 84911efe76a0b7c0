/** Events of the broker as they happen, out of the exchange that it publishes them to. */
import { randomUUID } from 'node:crypto';
import { setTimeout as passed } from 'node:timers/promises';
import { found, path } from '../asking.ts';
import type { Json } from '../broker-client.ts';
import type { Call, Command, RunningCall } from '../command.ts';
import { badArgument, EXIT, failed } from '../failure.ts';

const EXCHANGE = 'amq.rabbitmq.event';
/** How often it is looked whether there are more. */
const LOOK_MS = 200;
const EVENTS_AT_A_TIME = 500;
/** The queue that they are collected in goes by itself where the command was interrupted, and is bounded. */
const QUEUE = { durable: false, auto_delete: false, arguments: { 'x-expires': 60_000, 'x-max-length': 10_000 } };

export const eventCommands: readonly Command[] = [
  {
    name: 'consume_event_stream',
    group: 'Monitoring and health checks',
    text: 'What comes and goes in the broker as it happens, an object of JSON on each line; it needs event_exchange.enabled',
    usage: '[--duration|-d <seconds>] [--pattern <pattern>] [--timeout <timeout>]',
    positionals: [0, 0],
    options: { duration: 'integer', pattern: 'text' },
    letters: { d: 'duration' },
    explained: [
      ['--duration', 'For so many seconds; until it is interrupted when it is left out.'],
      ['--pattern', 'A regular expression: those alone whose names it matches, such as queue.created.'],
    ],
    check: (call) => {
      patternOf(call);
    },
    run: (call) => ({ kind: 'octets', octets: events(call) }),
  },
];

/** @throws ArgumentFailure */
function patternOf({ options: { pattern = '.*' } }: Pick<Call, 'options'>): RegExp {
  try {
    return new RegExp(String(pattern));
  } catch (error) {
    throw badArgument((error as Error).message);
  }
}

async function* events(call: RunningCall): AsyncIterable<Buffer> {
  const { broker, vhost, signal } = call;
  const advice = 'start the broker with event_exchange.enabled = true, and name its vhost with -p';
  const missing = failed(EXIT.unavailable, `there is no exchange ${EXCHANGE} in vhost '${vhost}': ${advice}`);
  await found(broker.get(path('exchanges', vhost, EXCHANGE)), missing);
  const name = `leveretctl-${randomUUID()}`;
  await broker.put(path('queues', vhost, name), QUEUE);
  try {
    await broker.post(path('bindings', vhost, 'e', EXCHANGE, 'q', name), { routing_key: '#' });
    yield* collected(call, name);
  } finally {
    if (!signal.aborted) await broker.delete(path('queues', vhost, name));
  }
}

async function* collected(call: RunningCall, queue: string): AsyncIterable<Buffer> {
  const { broker, vhost, signal, options } = call;
  const pattern = patternOf(call);
  const untilMs = performance.now() + Number(options.duration ?? Number.POSITIVE_INFINITY) * 1000;
  const taken = { count: EVENTS_AT_A_TIME, ackmode: 'ack_requeue_false', encoding: 'auto' };
  for (;;) {
    const messages: Json[] = await broker.post(`${path('queues', vhost, queue)}/get`, taken);
    for (const { routing_key: event, properties } of messages) {
      const headers = properties.headers ?? {};
      const isOwn = headers.name === queue || headers.destination_name === queue;
      if (!isOwn && pattern.test(event)) yield Buffer.from(`${JSON.stringify({ event, ...headers })}\n`);
    }
    if (performance.now() >= untilMs) return;
    if (messages.length < EVENTS_AT_A_TIME) await passed(LOOK_MS, undefined, { signal });
  }
}
