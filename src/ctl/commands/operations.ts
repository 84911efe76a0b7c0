/** What an operator changes while the node runs: limits of memory and disk, the log, tracing, feature flags. */
import { found, path } from '../asking.ts';
import { ApiRefusal, type Json } from '../broker-client.ts';
import { type Call, type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { ArgumentFailure, badArgument, EXIT, failed } from '../failure.ts';
import { octetsIn } from '../units.ts';
import { statusOf } from './node-status.ts';

/** Those that RabbitMQ has. */
const LEVELS = ['debug', 'info', 'warning', 'error', 'critical', 'none'];
const FLAG_COLUMNS = ['name', 'state', 'stability', 'provided_by', 'desc', 'doc_url'];

export const operationCommands: readonly Command[] = [
  {
    name: 'set_vm_memory_high_watermark',
    group: 'Configuration',
    text: 'How much memory stops publishers, until the broker stops',
    usage: '<fraction> | absolute <value>',
    positionals: [1, 2],
    explained: [
      ['<fraction>', 'A share of the machine’s memory, or of the container’s, from 0 to 1.'],
      ['<value>', 'Octets, or a number with kB, MB, GB, KiB, MiB or GiB behind it.'],
    ],
    check: checkWatermark,
    banner: ({ nodeName, positionals: [first, value] }) => {
      return `Setting memory threshold on ${nodeName} to ${value === undefined ? first : `${value} bytes`} ...`;
    },
    run: ({ broker, positionals: [first, value] }) => {
      const limit = value === undefined ? { relative: Number(first) } : { absolute: octetsIn(value) };
      return put(broker.put('operate/memory-high-watermark', limit));
    },
  },
  {
    name: 'set_disk_free_limit',
    group: 'Configuration',
    text: 'How little free disk stops publishers, until the broker stops',
    usage: '<disk_limit> | mem_relative <fraction>',
    positionals: [1, 2],
    explained: [
      ['<disk_limit>', 'Octets, or a number with kB, MB, GB, KiB, MiB or GiB behind it.'],
      ['<fraction>', 'So many times the machine’s memory.'],
    ],
    check: checkDiskLimit,
    banner: ({ nodeName, positionals: [first, fraction] }) => {
      const shown = fraction === undefined ? `${first} bytes` : `${fraction} times the total RAM`;
      return `Setting disk free limit on ${nodeName} to ${shown} ...`;
    },
    run: ({ broker, positionals: [first, fraction] }) => {
      const limit = fraction === undefined ? { absolute: octetsIn(first!) } : { relative: Number(fraction) };
      return put(broker.put('operate/disk-free-limit', limit));
    },
  },
  {
    name: 'set_log_level',
    group: 'Configuration',
    text: 'How much is logged, until the broker stops',
    usage: '<log_level>',
    positionals: [1, 1],
    options: { category: 'text' },
    explained: [
      ['<log_level>', `One of ${LEVELS.join(', ')}.`],
      ['--category', 'Of these lines alone: connection, channel, queue, mirroring, federation, upgrade or default.'],
    ],
    check: ({ positionals: [level] }) => {
      if (LEVELS.includes(level!)) return;
      throw failed(EXIT.unavailable, `level ${level} is not supported. Try one of ${LEVELS.join(', ')}`);
    },
    banner: ({ positionals: [level], options: { category } }) => {
      return `Setting log level to "${level}"${category === undefined ? '' : ` for ${category}`} ...`;
    },
    run: ({ broker, positionals: [level], options: { category } }) => {
      return put(broker.put('operate/log/level', { level, ...(category === undefined ? {} : { category }) }));
    },
  },
  {
    name: 'rotate_logs',
    group: 'Nodes',
    text: 'Begins new log files; in RabbitMQ it does nothing',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Rotating logs for node ${nodeName} ...`,
    run: ({ broker }) => put(broker.post('operate/log/rotate')),
  },
  {
    name: 'force_gc',
    group: 'Operations',
    text: 'Gives memory back that nothing refers to; the broker stands still meanwhile',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Will ask node ${nodeName} to collect garbage`,
    run: ({ broker }) => put(broker.post('operate/collect-garbage')),
  },
  tracing('trace_on', true),
  tracing('trace_off', false),
  {
    name: 'list_feature_flags',
    group: 'Feature flags',
    text: 'What RabbitMQ 3.10 can turn on, and whether it is here',
    usage: '[<column> ...] [--timeout <timeout>]',
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: { byDefault: ['name', 'state'], all: FLAG_COLUMNS },
    banner: () => 'Listing feature flags ...',
    run: async ({ broker, columns }) => ({ kind: 'rows', columns, rows: await broker.get('feature-flags') }),
  },
  {
    name: 'enable_feature_flag',
    group: 'Feature flags',
    text: 'Makes sure that a feature is there, or all that can be',
    usage: '<all | feature_flag>',
    positionals: [1, 1],
    check: ({ positionals: [name] }) => {
      if (name === '') throw badArgument('feature_flag cannot be an empty string.');
    },
    banner: ({ positionals: [name] }) =>
      name === 'all' ? 'Enabling all feature flags ...' : `Enabling feature flag "${name}" ...`,
    run: enableFlag,
  },
];

/** What the broker finds wrong with a value is the caller's to put right. */
async function put(asked: Promise<Json>): Promise<Output> {
  try {
    await asked;
  } catch (error) {
    throw error instanceof ApiRefusal && error.status === 400 ? badArgument(error.reason) : error;
  }
  return DONE;
}

/** A number, or `word` and a number. @throws ArgumentFailure */
function checkForm({ positionals: [first, value] }: Call, word: string): void {
  if (first === word && value === undefined) throw new ArgumentFailure(EXIT.usage, 'not enough arguments.');
  if (first !== word && value !== undefined) throw new ArgumentFailure(EXIT.usage, 'too many arguments.');
}

function checkWatermark(call: Call): void {
  checkForm(call, 'absolute');
  const [first, value] = call.positionals;
  if (value !== undefined) return checkOctets(value);
  if (!isNumber(first!)) throw noArgument();
  if (Number(first) < 0 || Number(first) > 1)
    throw badArgument('The threshold should be a fraction between 0.0 and 1.0');
}

function checkDiskLimit(call: Call): void {
  checkForm(call, 'mem_relative');
  const [first, fraction] = call.positionals;
  if (fraction === undefined) return checkOctets(first!, false);
  if (!isNumber(fraction) || Number(fraction) < 0) throw noArgument();
}

/** @param tellsUnits whether a unit that there is not is told apart, as RabbitMQ does for one of the two */
function checkOctets(text: string, tellsUnits = true): void {
  const octets = octetsIn(text);
  if (octets !== null && octets >= 0) return;
  throw tellsUnits && /^\d+[A-Za-z]+$/.test(text) ? badArgument('Invalid units.') : noArgument();
}

function isNumber(text: string): boolean {
  return /^[+-]?\d+(\.\d+)?$/.test(text);
}

/** RabbitMQ says no more. */
function noArgument(): ArgumentFailure {
  return new ArgumentFailure(EXIT.data, 'Bad argument.');
}

function tracing(name: 'trace_on' | 'trace_off', isOn: boolean): Command {
  return {
    name,
    group: 'Virtual hosts',
    text: isOn ? 'Copies every message of a vhost to amq.rabbitmq.trace' : 'Ends that',
    usage: '[--vhost <vhost>]',
    positionals: [0, 0],
    banner: ({ vhost }) => `${isOn ? 'Starting' : 'Stopping'} tracing for vhost "${vhost}" ...`,
    run: async ({ broker, vhost }) => {
      const otherwise = failed(EXIT.data, `Virtual host '${vhost}' does not exist`);
      await found(broker.get(path('vhosts', vhost)), otherwise);
      await broker.put(path('vhosts', vhost), { tracing: isOn });
      return { kind: 'value', value: `Trace ${isOn ? 'enabled' : 'disabled'} for vhost ${vhost}` };
    },
  };
}

async function enableFlag(call: RunningCall): Promise<Output> {
  const {
    broker,
    nodeName,
    positionals: [name],
  } = call;
  if (name === 'all') {
    await statusOf(call);
    return DONE;
  }
  try {
    await broker.put(`${path('feature-flags', name!)}/enable`);
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 400) throw error;
    throw failed(EXIT.usage, `This feature flag is not supported by node ${nodeName}`);
  }
  return DONE;
}
