/** The flags of `leveret perf`, under the names that RabbitMQ's PerfTest has for them where it has them. */
import { type Command, Option } from 'commander';
import { readBytes } from '../config/setting-values.ts';
import { completeLoadOptions, defaultLoadOptions, LoadOptionError, type LoadOptions } from '../perf/load-options.ts';
import { readAmqpUri } from './amqp-uri.ts';
import { argument } from './serve-options.ts';

interface PerfFlag {
  readonly flags: string;
  /** The option of a load run that it sets. */
  readonly option: keyof LoadOptions;
  readonly text: string;
  /** Left out for a flag without a value. */
  readonly read?: (text: string) => unknown;
  readonly choices?: readonly string[];
}

const ROUTINGS: readonly LoadOptions['routing'][] = ['queue', 'topic-one', 'topic-all'];
const DELAYS_BY: readonly LoadOptions['delayBy'][] = ['exchange', 'ladder'];

const FLAGS: readonly PerfFlag[] = [
  {
    flags: '-x, --producers <count>',
    option: 'publishers',
    text: 'Connections that publish; 0 takes away a backlog.',
    read: readNumber,
  },
  {
    flags: '-y, --consumers <count>',
    option: 'consumers',
    text: 'Connections that consume; 0 leaves a backlog.',
    read: readNumber,
  },
  {
    flags: '-s, --size <bytes>',
    option: 'bodySizeBytes',
    text: 'Size of a body. From 16 on latency and order are measured.',
    read: readBytes,
  },
  { flags: '-z, --time <seconds>', option: 'seconds', text: 'How long to measure.', read: readNumber },
  {
    flags: '--count <messages>',
    option: 'count',
    text: 'How many messages in all, instead of a time; 0: as many as the time allows.',
    read: readNumber,
  },
  {
    flags: '--warm-up <seconds>',
    option: 'warmUpSeconds',
    text: 'Run before the measured time; none with --count.',
    read: readNumber,
  },
  {
    flags: '--drain <seconds>',
    option: 'drainSeconds',
    text: 'Longest wait for what is under way at the end; with --count the longest silence.',
    read: readNumber,
  },
  {
    flags: '-r, --rate <messages>',
    option: 'ratePerSecond',
    text: 'Messages a second of all producers together; 0: as fast as it goes. Latency then counts from when a message was due.',
    read: readNumber,
  },
  {
    flags: '-c, --confirm <messages>',
    option: 'confirmWindow',
    text: 'Messages that a producer may have unconfirmed; 0 publishes without confirms.',
    read: readNumber,
  },
  { flags: '--persistent', option: 'persistent', text: 'Publish with delivery mode 2, to durable queues.' },
  { flags: '--durable', option: 'durable', text: 'Declare durable queues.' },
  {
    flags: '-A, --multi-ack-every <messages>',
    option: 'ackEvery',
    text: 'Acknowledge so many at once. (default: each by itself)',
    read: readNumber,
  },
  {
    flags: '-q, --qos <messages>',
    option: 'prefetch',
    text: 'Prefetch count of each consumer; 0 is no limit.',
    read: readNumber,
  },
  {
    flags: '-u, --queue <name>',
    option: 'queue',
    text: 'Name of the queue; with more of them of NAME-0, NAME-1 and so on.',
    read: String,
  },
  { flags: '--queues <count>', option: 'queues', text: 'How many queues.', read: readNumber },
  {
    flags: '--queue-args <arguments>',
    option: 'queueArguments',
    text: 'Arguments of the queues, such as x-max-length=10,x-queue-type=quorum',
    read: readQueueArguments,
  },
  {
    flags: '--routing <how>',
    option: 'routing',
    text: 'Straight to each queue in turn, or through a topic exchange where one binding matches, or all do.',
    choices: ROUTINGS,
  },
  {
    flags: '--delay <ms>',
    option: 'delay',
    text: 'Milliseconds that messages wait before their queue gets them, or MIN-MAX to spread them. Latency is then lateness.',
    read: readDelay,
  },
  {
    flags: '--delay-by <means>',
    option: 'delayBy',
    text: 'They wait in an x-delayed-message exchange, or in a queue with a time to live that dead-letters into theirs.',
    choices: DELAYS_BY,
  },
  {
    flags: '--inflight <messages>',
    option: 'inflightMax',
    text: 'Producers wait while so many deliveries are under way; 0 is no limit.',
    read: readNumber,
  },
  {
    flags: '--batch-bytes <bytes>',
    option: 'batchBytes',
    text: 'Size of one write of a producer; 1 writes each message by itself.',
    read: readBytes,
  },
  {
    flags: '--producer-threads <count>',
    option: 'publisherThreads',
    text: 'Threads that the producers share.',
    read: readNumber,
  },
  {
    flags: '--consumer-threads <count>',
    option: 'consumerThreads',
    text: 'Threads that the consumers share.',
    read: readNumber,
  },
  {
    flags: '--broker-pid <pids>',
    option: 'brokerPids',
    text: 'Processes of the broker on this machine, with commas, whose CPU and memory to report (Linux).',
    read: readPids,
  },
  { flags: '--fresh', option: 'fresh', text: 'Delete the queues first.' },
  { flags: '--keep', option: 'keep', text: 'Leave queues and exchange behind.' },
];

const EXAMPLES = `
Examples:
  leveret perf                                        as fast as it goes, for 10 s
  leveret perf --persistent -c 1000 -A 100            durable, with publisher confirms
  leveret perf -r 5000                                latency at 5,000 messages a second
  leveret perf -y 0 --count 1000000 --persistent      a backlog ...
  leveret perf -x 0 --count 1000000 --durable         ... and away with it
  leveret perf -r 10000 --delay 1000-3000             lateness of delayed messages
  leveret perf --idle-connections 1000 --broker-pid 4711`;

export function addPerfOptions(command: Command): Command {
  command
    .description(
      'Put load on a broker, this one or RabbitMQ, and report rates, latency, losses and the CPU of both sides.',
    )
    .helpOption('-h, --help', 'Print this.')
    .addOption(
      new Option('--uri <uri>', 'The broker, as amqp://USER:PASSWORD@HOST:PORT/VHOST')
        .argParser(argument(readAmqpUri))
        .default(readAmqpUri('amqp://'), 'amqp://guest:guest@127.0.0.1:5672/%2F'),
    )
    .addOption(new Option('-a, --autoack', 'Consume without acknowledgements.').conflicts('multiAckEvery'));
  for (const flag of FLAGS) command.addOption(optionOf(flag));
  return command
    .option(
      '--idle-connections <count>',
      'Only open so many connections and see what they cost.',
      argument(readConnections),
    )
    .option('--hold <seconds>', 'How long those stay before memory is read.', argument(readSeconds), 3)
    .option('--json', 'Print the report as JSON, and nothing else.')
    .addHelpText('after', EXAMPLES);
}

function optionOf({ flags, option, text, read, choices }: PerfFlag): Option {
  const made = new Option(flags, text);
  if (choices !== undefined) made.choices(choices);
  if (read !== undefined) made.argParser(argument(read));
  const fallback = defaultLoadOptions[option];
  const isShown = (typeof fallback === 'number' || typeof fallback === 'string') && option !== 'ackEvery';
  return isShown ? made.default(fallback) : made;
}

/** What the command line gave: flags that set an option of a load run go by commander's name for them. */
export interface PerfFlags {
  readonly idleConnections?: number;
  readonly hold: number;
  readonly json?: boolean;
  readonly [name: string]: unknown;
}

/** @throws Error that names the flag which is out of its range, or the two that exclude each other */
export function readLoadOptions(given: PerfFlags): LoadOptions {
  const chosen: Record<string, unknown> = { ...(given.uri as object), ackEvery: given.autoack === true ? 0 : 1 };
  for (const flag of FLAGS) {
    const value = given[optionOf(flag).attributeName()];
    if (value !== undefined) chosen[flag.option] = value;
  }
  chosen.mode = chosen.publishers === 0 ? 'consume' : chosen.consumers === 0 ? 'publish' : 'both';
  try {
    return completeLoadOptions(chosen);
  } catch (error) {
    if (!(error instanceof LoadOptionError)) throw error;
    throw new Error(
      error.messageWith((option) => flagOf(option)),
      { cause: error },
    );
  }
}

function flagOf(option: keyof LoadOptions): string {
  const found = FLAGS.find((flag) => flag.option === option);
  return found === undefined ? `--uri's ${option}` : (optionOf(found).long ?? found.flags);
}

function readNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new Error('expected a number');
  return value;
}

function readDelay(text: string): LoadOptions['delay'] {
  const [, least, most = least] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (least === undefined) throw new Error('expected milliseconds, or MIN-MAX');
  return { leastMs: Number(least), mostMs: Number(most) };
}

/** Connections that are opened one after the other; ports and descriptors end before this does. */
function readConnections(text: string): number {
  const value = readNumber(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) throw new Error('expected a whole number from 1');
  return value;
}

function readSeconds(text: string): number {
  const value = readNumber(text);
  if (value < 0 || value > 86_400) throw new Error('expected seconds from 0 to 86400');
  return value;
}

function readPids(text: string): number[] {
  const pids = text.split(',').map(Number);
  if (!pids.every((pid) => Number.isSafeInteger(pid) && pid > 0)) throw new Error('expected process ids, with commas');
  return pids;
}

/** Numbers and true and false stand for themselves, everything else is a text. */
function readQueueArguments(text: string): Record<string, string | number | boolean> {
  const pairs = text.split(',').map((pair): [string, string | number | boolean] => {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new Error('expected NAME=VALUE, more of them with commas');
    if (value === 'true' || value === 'false') return [name, value === 'true'];
    return [name, /^-?\d+$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(pairs);
}
