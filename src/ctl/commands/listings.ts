/** Lists of what is declared: queues, exchanges, bindings. */
import { path } from '../asking.ts';
import type { Command, RunningCall } from '../command.ts';
import type { Listing } from '../formatters/formatter.ts';
import { type ColumnsOf, field, inVhost, NOTHING, streamed, tableField } from '../listing.ts';
import { pidOf, queuePid } from '../pids.ts';

const QUEUE_COLUMNS: ColumnsOf = {
  name: field('name'),
  messages: field('messages'),
  arguments: tableField('arguments'),
  auto_delete: field('auto_delete'),
  consumer_capacity: NOTHING,
  consumer_utilisation: NOTHING,
  consumers: field('consumers'),
  disk_reads: NOTHING,
  disk_writes: NOTHING,
  durable: field('durable'),
  exclusive: field('exclusive'),
  exclusive_consumer_pid: NOTHING,
  exclusive_consumer_tag: field('exclusive_consumer_tag'),
  head_message_timestamp: NOTHING,
  leader: NOTHING,
  members: NOTHING,
  memory: NOTHING,
  message_bytes: NOTHING,
  message_bytes_persistent: NOTHING,
  message_bytes_ram: NOTHING,
  message_bytes_ready: field('message_bytes_ready'),
  message_bytes_unacknowledged: NOTHING,
  messages_persistent: NOTHING,
  messages_ram: NOTHING,
  messages_ready: field('messages_ready'),
  messages_ready_ram: NOTHING,
  messages_unacknowledged: field('messages_unacknowledged'),
  messages_unacknowledged_ram: NOTHING,
  online: NOTHING,
  owner_pid: {
    fields: ['owner_pid_details.name', 'node'],
    value: ({ owner_pid_details: owner, node }) => owner?.name && pidOf(node, owner.name),
  },
  pid: { fields: ['node'], value: ({ node }) => queuePid(node) },
  policy: field('policy'),
  slave_pids: NOTHING,
  state: field('state'),
  synchronised_slave_pids: NOTHING,
  type: field('type'),
};

const EXCHANGE_COLUMNS: ColumnsOf = {
  name: field('name'),
  type: field('type'),
  arguments: tableField('arguments'),
  auto_delete: field('auto_delete'),
  durable: field('durable'),
  internal: field('internal'),
  policy: field('policy'),
};

const BINDING_COLUMNS: ColumnsOf = {
  source_name: field('source'),
  source_kind: { fields: [], value: () => 'exchange' },
  destination_name: field('destination'),
  destination_kind: field('destination_type'),
  routing_key: field('routing_key'),
  arguments: tableField('arguments'),
};

const IN_VHOST = '[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]';

export const listingCommands: readonly Command[] = [
  {
    name: 'list_bindings',
    group: 'Monitoring and health checks',
    text: 'Lists the bindings of a vhost',
    usage: IN_VHOST,
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: { byDefault: Object.keys(BINDING_COLUMNS), all: Object.keys(BINDING_COLUMNS).sort() },
    banner: ({ vhost }) => `Listing bindings for vhost ${vhost}...`,
    run: ({ broker, vhost, columns }) => {
      return inVhost(streamed({ broker, from: path('bindings', vhost), columns, known: BINDING_COLUMNS }));
    },
  },
  {
    name: 'list_exchanges',
    group: 'Monitoring and health checks',
    text: 'Lists the exchanges of a vhost',
    usage: IN_VHOST,
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: { byDefault: ['name', 'type'], all: Object.keys(EXCHANGE_COLUMNS).sort() },
    banner: ({ vhost }) => `Listing exchanges for vhost ${vhost} ...`,
    run: ({ broker, vhost, columns }) => {
      return inVhost(streamed({ broker, from: path('exchanges', vhost), columns, known: EXCHANGE_COLUMNS }));
    },
  },
  {
    name: 'list_queues',
    group: 'Monitoring and health checks',
    text: 'Lists the queues of a vhost',
    usage:
      '[--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers] [<column>, ...] [--timeout <timeout>]',
    positionals: [0, Number.POSITIVE_INFINITY],
    options: { online: 'flag', offline: 'flag', local: 'flag' },
    explained: [
      ['--online', 'Only queues on nodes that run: all of them, as long as there is one node.'],
      ['--offline', 'Only queues on nodes that do not run: none.'],
      ['--local', 'Only queues on this node.'],
    ],
    columns: { byDefault: ['name', 'messages'], all: Object.keys(QUEUE_COLUMNS).sort() },
    timeoutSeconds: 60,
    banner: ({ vhost, timeoutSeconds }) =>
      `Timeout: ${erlangFloat(timeoutSeconds!)} seconds ...\nListing queues for vhost ${vhost} ...`,
    run: listQueues,
  },
];

function listQueues({ broker, vhost, columns, options }: RunningCall): Listing {
  const { online, offline } = options;
  if (offline === true && online !== true) return { kind: 'rows', columns, rows: [] };
  return inVhost(streamed({ broker, from: path('queues', vhost), columns, known: QUEUE_COLUMNS }));
}

/** `60.0`, and `1.0e3`, as Elixir writes them. */
function erlangFloat(seconds: number): string {
  const exponent = String(seconds).length - 1;
  const isShort = seconds < 1000 || seconds % 10 ** (exponent - 1) !== 0;
  return isShort ? seconds.toFixed(1) : `${(seconds / 10 ** exponent).toFixed(1)}e${exponent}`;
}
