/** /api/overview, /api/nodes and what a client asks to find out whom it talks to. */
import { availableParallelism } from 'node:os';
import type { RetentionPolicies, Retentions } from '../../config/sample-retention.ts';
import { EXCHANGE_TYPES } from '../../routing/exchange-types.ts';
import { openFilesMax } from '../../runtime/open-files.ts';
import { RABBITMQ_VERSION, VERSION } from '../../version.ts';
import { objectNotFound } from '../api-error.ts';
import type { JsonView } from '../listing.ts';
import { binaryView, memoryView, readNodeMemory } from '../node-memory.ts';
import { listOf, MESSAGE_SAMPLES, NODE_SAMPLES, one } from '../reference/doc.ts';
import { type ApiRequest, isWithoutStats, listed, type Resource, shown, visibleVhosts } from '../resource.ts';
import type { ManagementSources } from '../sources.ts';
import { consumersOf } from '../views/consumer.ts';
import { windowOf, windowsOf } from '../windows.ts';

const EXCHANGE_DESCRIPTIONS: Readonly<Record<(typeof EXCHANGE_TYPES)[number], string>> = {
  direct: 'Routes by the routing key',
  fanout: 'Routes to all that is bound',
  topic: 'Routes by patterns of the routing key',
  headers: 'Routes by headers',
  'x-consistent-hash': 'Spreads by a hash of the routing key, a header or a property',
  'x-random': 'Routes to one of what is bound, at random',
  'x-local-random': 'Routes to one of the queues of this node, at random',
  'x-modulus-hash': 'Spreads by a hash of the routing key',
  'x-delayed-message': 'Routes messages when they are due',
};

const MECHANISM_DESCRIPTIONS: Readonly<Record<string, string>> = {
  PLAIN: 'Name and password',
  AMQPLAIN: 'Name and password in a field table',
  EXTERNAL: "The name in the client's certificate",
};

export const overviewResources: readonly Resource[] = [
  {
    path: '/api/overview',
    docs: { GET: { text: 'What there is and what happens, in sums.', gives: one('Overview'), query: MESSAGE_SAMPLES } },
    requires: 'management',
    GET: async (request) => {
      await request.sources.statistics.countTotals();
      return shown(request, overview(request));
    },
  },
  {
    path: '/api/nodes',
    docs: {
      GET: { text: 'All nodes, and what they use of their machines.', gives: listOf('Node'), query: NODE_SAMPLES },
    },
    requires: 'monitoring',
    GET: (request) => listed(request, [request.sources], (sources) => nodeView(sources, request)),
  },
  {
    path: '/api/nodes/:node',
    docs: { GET: { text: 'A node.', gives: one('Node'), query: [...NODE_SAMPLES, 'memory', 'binary'] } },
    requires: 'monitoring',
    GET: (request) => {
      if (request.param('node') !== request.sources.nodeName) throw objectNotFound();
      return shown(request, nodeView(request.sources, request));
    },
  },
  {
    path: '/api/extensions',
    docs: {
      GET: {
        text: 'Extensions of RabbitMQ’s management plugin, of which Leveret has none.',
        gives: listOf('Extension'),
      },
    },
    requires: 'management',
    GET: (request) => listed(request, [], () => ({})),
  },
];

function overview(request: ApiRequest): JsonView {
  const { sources, caller } = request;
  const { statistics, context, nodeName } = sources;
  const windows = windowsOf(request);
  const view = {
    management_version: RABBITMQ_VERSION,
    rates_mode: sources.statisticsOptions.ratesMode,
    sample_retention_policies: retentionView(sources.statisticsOptions.retention),
    exchange_types: exchangeTypes(),
    product_version: VERSION,
    product_name: 'Leveret',
    rabbitmq_version: RABBITMQ_VERSION,
    cluster_name: context.metadata.clusterName,
    disable_stats: isWithoutStats(request),
    enable_queue_totals: sources.enableQueueTotals,
    object_totals: objectTotals(request),
  };
  if (isWithoutStats(request)) return { ...view, object_totals: bareTotals(request), node: nodeName };
  if (!caller.is('monitoring')) return { ...view, ...totalsOfCaller(request) };
  return {
    ...view,
    message_stats: statistics.totalMessages(windows) ?? {},
    churn_rates: statistics.churn(),
    queue_totals: statistics.totalLengths(windows),
    node: nodeName,
    listeners: listeners(sources),
  };
}

/** How far back samples reach, in seconds. */
function retentionView({ global, basic, detailed }: RetentionPolicies): JsonView {
  const reaches = (retentions: Retentions) => retentions.map(({ reachSeconds }) => reachSeconds);
  return { global: reaches(global), basic: reaches(basic), detailed: reaches(detailed) };
}

/** What there is in the vhosts that the caller sees; whoever does not monitor sees its own connections only. */
function objectTotals(request: ApiRequest): JsonView {
  const { sources, caller } = request;
  const monitors = caller.is('monitoring');
  const vhosts = monitors ? [...sources.vhosts.all()] : visibleVhosts(request);
  const connections = [...sources.connections()].filter(({ vhost, identity }) => {
    return vhost !== null && (monitors || identity.user === caller.name);
  });
  const consumers = [...consumersOf(sources)].filter(({ channel }) => vhosts.includes(channel.vhost));
  return {
    channels: connections.reduce((sum, { channels }) => sum + channels.size, 0),
    connections: connections.length,
    consumers: consumers.length,
    // The default exchange is one of a vhost's, though it is nowhere kept.
    exchanges: vhosts.reduce((sum, { exchanges }) => sum + exchanges.size + 1, 0),
    queues: vhosts.reduce((sum, { queues }) => sum + queues.size, 0),
  };
}

/** What there is without looking into connections. */
function bareTotals(request: ApiRequest): JsonView {
  const { connections, exchanges, queues } = objectTotals(request);
  return { connections, exchanges, queues };
}

/** Sums over the vhosts of a caller who does not see all of them. */
function totalsOfCaller(request: ApiRequest): JsonView {
  const totals = { messages: 0, messages_ready: 0, messages_unacknowledged: 0 };
  for (const { queues } of visibleVhosts(request)) {
    for (const { readyCount, unackedCount } of queues.values()) {
      totals.messages += readyCount + unackedCount;
      totals.messages_ready += readyCount;
      totals.messages_unacknowledged += unackedCount;
    }
  }
  return { queue_totals: totals };
}

export function listeners({ nodeName, otherListeners, httpListeners }: ManagementSources): JsonView[] {
  return [...otherListeners(), ...httpListeners()].map(({ protocol, host, port }) => ({
    node: nodeName,
    protocol: protocol === 'amqps' ? 'amqp/ssl' : protocol,
    ip_address: host,
    port,
    socket_opts: protocol.startsWith('http') ? {} : { nodelay: true },
  }));
}

function nodeView(sources: ManagementSources, request: ApiRequest): JsonView {
  if (isWithoutStats(request)) return { name: sources.nodeName, type: 'disc', running: true };
  const { context, dataDir, nodeName, statistics } = sources;
  const filesMax = openFilesMax();
  const { disk_free, disk_free_details, ...figures } = statistics.node(windowOf(request, 'node_stats'));
  const { memoryLimitBytes, memoryAlarm, diskFreeLimitBytes, diskFreeAlarm } = sources.resources();
  return {
    name: nodeName,
    type: 'disc',
    running: true,
    os_pid: String(process.pid),
    ...(filesMax === undefined
      ? {}
      : { fd_total: filesMax, sockets_total: Math.min(context.limits.maxConnections, filesMax) }),
    mem_limit: memoryLimitBytes,
    mem_alarm: memoryAlarm,
    disk_free_limit: diskFreeLimitBytes,
    disk_free_alarm: diskFreeAlarm,
    rates_mode: sources.statisticsOptions.ratesMode,
    uptime: Math.round(process.uptime() * 1000),
    processors: availableParallelism(),
    exchange_types: exchangeTypes(),
    auth_mechanisms: context.authenticator
      .mechanisms()
      .split(' ')
      .map((name) => ({ name, description: MECHANISM_DESCRIPTIONS[name] ?? '', enabled: true })),
    partitions: [],
    cluster_links: [],
    enabled_plugins: [],
    ...(dataDir === null ? {} : { db_dir: dataDir, disk_free, disk_free_details }),
    mem_calculation_strategy: 'rss',
    ...figures,
    ...statistics.churn(),
    ...(request.query('memory') === 'true' ? { memory: memoryView(readNodeMemory(sources)) } : {}),
    ...(request.query('binary') === 'true' ? { binary: binaryView(readNodeMemory(sources)) } : {}),
  };
}

function exchangeTypes(): JsonView[] {
  return EXCHANGE_TYPES.map((name) => ({ name, description: EXCHANGE_DESCRIPTIONS[name], enabled: true }));
}
