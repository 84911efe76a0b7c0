/** What clients have open: connections, channels, consumers. */
import { setTimeout } from 'node:timers/promises';
import { path } from '../asking.ts';
import { type BrokerClient, type Json, REQUESTS_AT_ONCE } from '../broker-client.ts';
import { type Call, type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { EXIT, failed } from '../failure.ts';
import { type ColumnsOf, field, NOTHING, streamed, tableField } from '../listing.ts';
import { isPid, pidOf } from '../pids.ts';
import { Progress } from '../progress.ts';

const CONNECTION_COLUMNS: ColumnsOf = {
  auth_mechanism: field('auth_mechanism'),
  channel_max: field('channel_max'),
  channels: field('channels'),
  client_properties: tableField('client_properties'),
  connected_at: field('connected_at'),
  frame_max: field('frame_max'),
  host: field('host'),
  name: field('name'),
  peer_cert_issuer: field('peer_cert_issuer'),
  peer_cert_subject: field('peer_cert_subject'),
  peer_cert_validity: field('peer_cert_validity'),
  peer_host: field('peer_host'),
  peer_port: field('peer_port'),
  pid: { fields: ['node', 'name'], value: ({ node, name }) => pidOf(node, name) },
  port: field('port'),
  protocol: { fields: ['protocol'], value: ({ protocol }) => `{${protocol.match(/\d/g)}}` },
  recv_cnt: NOTHING,
  recv_oct: field('recv_oct'),
  send_cnt: NOTHING,
  send_oct: field('send_oct'),
  send_pend: field('send_pend'),
  ssl: field('ssl'),
  ssl_cipher: field('ssl_cipher'),
  ssl_hash: field('ssl_hash'),
  ssl_key_exchange: field('ssl_key_exchange'),
  ssl_protocol: field('ssl_protocol'),
  state: field('state'),
  timeout: field('timeout'),
  user: field('user'),
  vhost: field('vhost'),
};

const CHANNEL_COLUMNS: ColumnsOf = {
  acks_uncommitted: field('acks_uncommitted'),
  confirm: field('confirm'),
  connection: {
    fields: ['node', 'connection_details.name'],
    value: ({ node, connection_details: { name } }) => pidOf(node, name),
  },
  consumer_count: field('consumer_count'),
  global_prefetch_count: field('global_prefetch_count'),
  messages_unacknowledged: field('messages_unacknowledged'),
  messages_uncommitted: field('messages_uncommitted'),
  messages_unconfirmed: field('messages_unconfirmed'),
  name: field('name'),
  number: field('number'),
  pid: { fields: ['node', 'name'], value: ({ node, name }) => pidOf(node, name) },
  prefetch_count: field('prefetch_count'),
  transactional: field('transactional'),
  user: field('user'),
  vhost: field('vhost'),
};

const CONSUMER_COLUMNS: ColumnsOf = {
  queue_name: field('name', 'queue'),
  channel_pid: {
    fields: ['channel_details.node', 'channel_details.name'],
    value: ({ channel_details: { node, name } }) => pidOf(node, name),
  },
  consumer_tag: field('consumer_tag'),
  ack_required: field('ack_required'),
  prefetch_count: field('prefetch_count'),
  active: field('active'),
  activity_status: field('activity_status'),
  arguments: tableField('arguments'),
};

const EXPLANATION = ['<explanation>', 'What the client is told.'] as const;
const LISTED = '[--no-table-headers] [<column> ...]';

export const clientCommands: readonly Command[] = [
  {
    name: 'close_all_connections',
    group: 'Operations',
    text: 'Closes the connections to a vhost, or all of them',
    usage: '[--vhost <vhost> --limit <limit>] [-n <node> --global] [--per-connection-delay <delay>] <explanation>',
    positionals: [1, 1],
    options: { limit: 'integer', global: 'flag', 'per-connection-delay': 'integer' },
    explained: [
      ['--global', 'In all vhosts.'],
      ['--limit', 'No more than so many.'],
      ['--per-connection-delay', 'Milliseconds to wait before each: clients that come back do not all come at once.'],
      EXPLANATION,
    ],
    banner: bannerOfClosing,
    run: closeAll,
  },
  {
    name: 'close_all_user_connections',
    group: 'Operations',
    text: 'Closes the connections of a user',
    usage: '<username> <explanation>',
    positionals: [2, 2],
    explained: [['<username>', 'The name of the user.'], EXPLANATION],
    banner: ({ positionals: [user, reason] }) => `Closing connections of user ${user}, reason: ${reason}...`,
    run: async ({ broker, positionals: [user, reason] }) => {
      await broker.delete(path('connections', 'username', user!), reasonHeader(reason!));
      return DONE;
    },
  },
  {
    name: 'close_connection',
    group: 'Operations',
    text: 'Closes a connection',
    usage: '<connection pid> <explanation>',
    positionals: [2, 2],
    explained: [['<connection pid>', 'The pid or the name that list_connections shows.'], EXPLANATION],
    banner: ({ positionals: [pid, reason] }) => `Closing connection ${pid}, reason: ${reason}...`,
    run: closeOne,
  },
  {
    name: 'list_channels',
    group: 'Monitoring and health checks',
    text: 'Lists the channels of all connections',
    usage: LISTED,
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: {
      byDefault: ['pid', 'user', 'consumer_count', 'messages_unacknowledged'],
      all: Object.keys(CHANNEL_COLUMNS).sort(),
    },
    banner: () => 'Listing channels ...',
    run: ({ broker, columns }) => streamed({ broker, from: 'channels', columns, known: CHANNEL_COLUMNS }),
  },
  {
    name: 'list_connections',
    group: 'Monitoring and health checks',
    text: 'Lists connections',
    usage: `${LISTED} [--timeout <timeout>]`,
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: {
      byDefault: ['user', 'peer_host', 'peer_port', 'state'],
      all: Object.keys(CONNECTION_COLUMNS).sort(),
    },
    banner: () => 'Listing connections ...',
    run: ({ broker, columns }) => streamed({ broker, from: 'connections', columns, known: CONNECTION_COLUMNS }),
  },
  {
    name: 'list_consumers',
    group: 'Monitoring and health checks',
    text: 'Lists the consumers of a vhost',
    usage: `[--vhost <vhost>] ${LISTED} [--timeout <timeout>]`,
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: {
      byDefault: ['queue_name', 'channel_pid', 'consumer_tag', 'ack_required', 'prefetch_count', 'active', 'arguments'],
      all: Object.keys(CONSUMER_COLUMNS).sort(),
    },
    banner: ({ vhost }) => `Listing consumers in vhost ${vhost} ...`,
    run: ({ broker, vhost, columns }) => {
      const wants = ({ queue }: Json) => queue.vhost === vhost;
      const rest = { columns, known: CONSUMER_COLUMNS, wants, besides: ['queue.vhost'] };
      return streamed({ broker, from: 'consumers', ...rest });
    },
  },
];

/** In a header octets stand as they are. */
function reasonHeader(reason: string): Readonly<Record<string, string>> {
  return { 'x-reason': Buffer.from(reason.replaceAll(/[\r\n\0]/g, ' ')).toString('latin1') };
}

async function closeOne({ broker, positionals: [wanted, reason] }: RunningCall): Promise<Output> {
  for await (const { node, name } of broker.list('connections?columns=node,name')) {
    if (name !== wanted && pidOf(node, name) !== wanted) continue;
    await close(broker, name, reason!);
    return DONE;
  }
  if (isPid(wanted!)) return DONE;
  throw failed(EXIT.unavailable, `Error:\n{:invalid_pid_syntax, "${wanted}"}`);
}

/** A client may have closed it meanwhile. @returns whether it was there */
async function close(broker: BrokerClient, name: string, reason: string): Promise<boolean> {
  try {
    await broker.delete(path('connections', name), reasonHeader(reason));
    return true;
  } catch (error) {
    if ((error as { status?: number }).status === 404) return false;
    throw error;
  }
}

function bannerOfClosing({ nodeName, vhost, options, positionals: [reason] }: Call): string {
  const { global, limit } = options;
  const where = global === true ? `to node ${nodeName} (across all vhosts)` : `in vhost ${vhost}`;
  const which = limit === undefined || global === true ? 'all connections' : `${limit} connections`;
  return `Closing ${which} ${where}, reason: ${reason}...`;
}

async function closeAll(call: RunningCall): Promise<Output> {
  const { broker, vhost, options, positionals } = call;
  const {
    limit,
    global,
    'per-connection-delay': delayMs = 0,
  } = options as { limit?: number; global?: boolean; 'per-connection-delay'?: number };
  const connections: Json[] = await broker.get('connections?columns=name,vhost');
  const wanted = connections.filter((connection) => global === true || connection.vhost === vhost);
  const chosen = limit === undefined || limit <= 0 ? wanted : wanted.slice(0, limit);
  const progress = new Progress(call, chosen.length, 'connections closed');
  let closedCount = 0;
  const rest = chosen.values();
  const closeRest = async () => {
    for (const { name } of rest) {
      if (delayMs > 0) await setTimeout(delayMs, undefined, { signal: call.signal });
      if (await close(broker, name, positionals[0]!)) closedCount++;
      progress.step();
    }
  };
  // One after the other where there is to be time between them; else some are on their way while others are answered.
  await Promise.all(Array.from({ length: delayMs > 0 ? 1 : REQUESTS_AT_ONCE }, closeRest));
  progress.end();
  return { kind: 'text', text: `Closed ${closedCount} connections` };
}
