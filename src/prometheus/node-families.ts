/** What there is one of: alarms, what comes and goes, what the process uses, how many of everything. */

import type { LoginProtocol } from '../metrics/auth-attempts.ts';
import { openFiles, openFilesMax } from '../runtime/open-files.ts';
import { RABBITMQ_VERSION, VERSION } from '../version.ts';
import { channelsOf } from './channel-families.ts';
import { labelText, type Metric, type Table } from './exposition.ts';
import { type Family, nodeFamily, type PrometheusSources, table } from './family.ts';

export const alarms = nodeFamily('alarms', [
  {
    name: 'alarms_free_disk_space_watermark',
    type: 'untyped',
    help: '1 while publishers are stopped because little disk is free',
    value: ({ resources }) => Number(resources().diskFreeAlarm),
  },
  {
    name: 'alarms_memory_used_watermark',
    type: 'untyped',
    help: '1 while publishers are stopped because much memory is used',
    value: ({ resources }) => Number(resources().memoryAlarm),
  },
]);

export const connectionChurnMetrics = nodeFamily('connection_churn_metrics', [
  {
    name: 'connections_opened_total',
    type: 'counter',
    help: 'Connections that were opened',
    value: ({ context }) => context.churn.connectionCreated,
  },
  {
    name: 'connections_closed_total',
    type: 'counter',
    help: 'Connections that were closed',
    value: ({ context }) => context.churn.connectionClosed,
  },
  {
    name: 'channels_opened_total',
    type: 'counter',
    help: 'Channels that were opened',
    value: ({ context }) => context.churn.channelCreated,
  },
  {
    name: 'channels_closed_total',
    type: 'counter',
    help: 'Channels that were closed',
    value: ({ context }) => context.churn.channelClosed,
  },
  {
    name: 'queues_declared_total',
    type: 'counter',
    help: 'Declarations of queues, of those that were there already, too',
    value: ({ context }) => context.churn.queueDeclared,
  },
  {
    name: 'queues_created_total',
    type: 'counter',
    help: 'Queues that were made',
    value: ({ context }) => context.churn.queueCreated,
  },
  {
    name: 'queues_deleted_total',
    type: 'counter',
    help: 'Queues that were deleted',
    value: ({ context }) => context.churn.queueDeleted,
  },
]);

export const nodeCoarseMetrics = nodeFamily('node_coarse_metrics', [
  { name: 'process_open_fds', type: 'gauge', help: 'Files and sockets that are open', value: () => openFiles() },
  {
    name: 'process_open_tcp_sockets',
    type: 'gauge',
    help: 'Connections of clients',
    value: ({ connections }) => [...connections()].length,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory that the process takes of the machine',
    value: () => process.memoryUsage.rss(),
  },
  {
    name: 'disk_space_available_bytes',
    type: 'gauge',
    help: 'What is free on the disk with the messages',
    value: ({ resources }) => resources().diskFreeBytes ?? undefined,
  },
]);

export const nodeMetrics = nodeFamily('node_metrics', [
  {
    name: 'process_max_fds',
    type: 'gauge',
    help: 'How many files and sockets may be open',
    value: () => openFilesMax(),
  },
  {
    name: 'process_max_tcp_sockets',
    type: 'gauge',
    help: 'How many connections of clients there may be',
    value: mostSockets,
  },
  {
    name: 'resident_memory_limit_bytes',
    type: 'gauge',
    help: 'Memory from which on publishers are stopped',
    value: ({ resources }) => resources().memoryLimitBytes,
  },
  {
    name: 'disk_space_available_limit_bytes',
    type: 'gauge',
    help: 'Free disk from which on downwards publishers are stopped',
    value: ({ resources, dataDir }) => (dataDir === null ? undefined : resources().diskFreeLimitBytes),
  },
  {
    name: 'erlang_uptime_seconds',
    type: 'gauge',
    help: 'For how long the process runs; there is no Erlang in it',
    value: () => process.uptime(),
  },
]);

export const nodePersisterMetrics = nodeFamily('node_persister_metrics', [
  {
    name: 'io_write_ops_total',
    type: 'counter',
    help: 'Writes of the journal, each for all messages that came meanwhile, and of what was moved out of memory',
    value: ({ disk }) => disk.writeCount,
  },
  {
    name: 'io_write_bytes_total',
    type: 'counter',
    help: 'Octets of these writes',
    value: ({ disk }) => disk.writtenBytes,
  },
  {
    name: 'io_write_time_seconds_total',
    type: 'counter',
    help: 'How long these writes took, with their syncs',
    value: ({ disk }) => disk.writingMs / 1000,
  },
]);

/** What is set, or what the system allows: every connection takes a file. */
function mostSockets({ context }: PrometheusSources): number | undefined {
  const { maxConnections } = context.limits;
  const files = openFilesMax();
  return maxConnections === Number.POSITIVE_INFINITY ? files : Math.min(maxConnections, files ?? maxConnections);
}

interface Attempts {
  readonly protocol: LoginProtocol;
  readonly succeeded: number;
  readonly failed: number;
}

/** Of protocols that somebody has tried. */
export const authAttemptMetrics: Family = {
  name: 'auth_attempt_metrics',
  tables: ({ prefix, sources }) => {
    const { authAttempts } = sources.context;
    const objects = (['amqp091', 'http'] as const)
      .map((protocol) => ({ protocol, ...authAttempts[protocol] }))
      .filter(({ succeeded, failed }) => succeeded + failed > 0);
    const labels = ({ protocol }: Attempts) => `protocol="${protocol}"`;
    return [table<Attempts>({ prefix, metrics: AUTH_ATTEMPTS, objects, labels })];
  },
};

const AUTH_ATTEMPTS: readonly Metric<Attempts>[] = [
  {
    name: 'auth_attempts_total',
    type: 'counter',
    help: 'Logins that were tried',
    value: ({ succeeded, failed }) => succeeded + failed,
  },
  {
    name: 'auth_attempts_succeeded_total',
    type: 'counter',
    help: 'Logins that were accepted',
    value: ({ succeeded }) => succeeded,
  },
  {
    name: 'auth_attempts_failed_total',
    type: 'counter',
    help: 'Logins that were refused',
    value: ({ failed }) => failed,
  },
];

interface Counts {
  readonly connections: number;
  readonly channels: number;
  readonly consumers: number;
  readonly queues: number;
}

export const objectCounts: Family = {
  name: 'object_counts',
  tables: (scrape) => {
    const { prefix, sources } = scrape;
    const channels = channelsOf(scrape);
    const counts = {
      connections: [...sources.connections()].filter(({ vhost }) => vhost !== null).length,
      channels: channels.length,
      consumers: channels.reduce((sum, { consumers }) => sum + consumers.size, 0),
      queues: [...sources.vhosts.all()].reduce((sum, { queues }) => sum + queues.size, 0),
    };
    return [table<Counts>({ prefix, metrics: OBJECT_COUNTS, objects: [counts] })];
  },
};

const OBJECT_COUNTS: readonly Metric<Counts>[] = [
  { name: 'connections', type: 'gauge', help: 'Connections that are open', value: ({ connections }) => connections },
  { name: 'channels', type: 'gauge', help: 'Channels that are open', value: ({ channels }) => channels },
  { name: 'consumers', type: 'gauge', help: 'Consumers of all channels', value: ({ consumers }) => consumers },
  { name: 'queues', type: 'gauge', help: 'Queues of all vhosts', value: ({ queues }) => queues },
];

/**
 * What dashboards join everything else with, by the scraped instance.
 * @param endpoint `aggregated`, `per-object` or `detailed`: newer dashboards ask for it
 */
export function infoTables({ nodeName, context }: PrometheusSources, endpoint: string): Table[] {
  const build = {
    rabbitmq_version: RABBITMQ_VERSION,
    leveret_version: VERSION,
    nodejs_version: process.versions.node,
  };
  const identity = {
    rabbitmq_node: nodeName,
    rabbitmq_cluster: context.metadata.clusterName,
    rabbitmq_cluster_permanent_id: context.metadata.nodeId,
    rabbitmq_endpoint: endpoint,
  };
  return [
    info('build_info', 'What answers: a Leveret that does what RabbitMQ of this version does', build),
    info('identity_info', 'Which node of which cluster this is', identity),
  ];
}

function info(name: string, help: string, labels: Readonly<Record<string, string>>): Table {
  const metrics = [{ name, type: 'untyped', help, value: () => 1 }] as const;
  return { prefix: 'rabbitmq_', metrics, objects: [labels], labels: () => labelText(labels) };
}
