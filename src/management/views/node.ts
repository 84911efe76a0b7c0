/** What operators are shown of the node, in the words of `rabbitmqctl status`. */
import { hostname, type as systemName } from 'node:os';
import { BUILT_IN_PLUGINS, LISTENING_PLUGINS } from '../../config/rabbitmq-plugins.ts';
import { openFilesMax } from '../../runtime/open-files.ts';
import { RABBITMQ_VERSION, VERSION } from '../../version.ts';
import type { JsonView } from '../listing.ts';
import { type NodeFigures, readNodeFigures } from '../node-figures.ts';
import { memoryView, readNodeMemory } from '../node-memory.ts';
import type { ManagementSources } from '../sources.ts';

const PURPOSES: Readonly<Record<string, string>> = {
  amqp: 'AMQP 0-9-1',
  'amqp/ssl': 'AMQP 0-9-1 over TLS',
  http: 'HTTP API',
  https: 'HTTP API over TLS (HTTPS)',
  'http/prometheus': 'Prometheus exporter API over HTTP',
  'https/prometheus': 'Prometheus exporter API over TLS (HTTPS)',
};

export function nodeStatusView(sources: ManagementSources): JsonView {
  const { nodeName, node, logs, configuration, dataDir, context } = sources;
  const figures: NodeFigures = { mem_used: 0, fd_used: 0, sockets_used: 0, disk_free: 0 };
  readNodeFigures(sources, figures);
  const listeners = nodeListeners(sources);
  const { memoryLimitBytes, memoryHighWatermark, diskFreeLimitBytes } = sources.resources();
  const filesMax = openFilesMax() ?? 0;
  return {
    node: nodeName,
    state: node.state(),
    is_under_maintenance: node.isDrained(),
    pid: process.pid,
    os: `${systemName()} on ${hostname()}`,
    uptime: Math.floor(process.uptime()),
    rabbitmq_version: RABBITMQ_VERSION,
    product_name: 'Leveret',
    product_version: VERSION,
    runtime_version: `Node.js ${process.version}, V8 ${process.versions.v8}`,
    crypto_lib_version: `OpenSSL ${process.versions.openssl}`,
    cluster_name: context.metadata.clusterName,
    active_plugins: [...BUILT_IN_PLUGINS].filter((name) => isActive(name, listeners)),
    data_directory: dataDir,
    config_files: configuration.files,
    log_files: logs.files,
    alarms: alarmsView(sources),
    memory: node.state() === 'running' ? memoryView(readNodeMemory(sources)) : { rss: figures.mem_used },
    vm_memory_calculation_strategy: 'rss',
    vm_memory_high_watermark_setting: memoryHighWatermark,
    vm_memory_high_watermark_limit: memoryLimitBytes,
    file_descriptors: {
      total_used: figures.fd_used,
      total_limit: filesMax,
      sockets_used: figures.sockets_used,
      sockets_limit: Math.min(context.limits.maxConnections, filesMax),
    },
    disk_free: dataDir === null ? null : figures.disk_free,
    disk_free_limit: diskFreeLimitBytes,
    totals: totalsView(sources),
    listeners,
  };
}

/** Each resource once, whatever the reasons. */
function alarmsView({ nodeName, resources }: ManagementSources): JsonView[] {
  const low = new Set(resources().alarms.map(({ resource }) => resource));
  return [...low].map((resource) => ({ node: nodeName, resource, type: 'resource_limit' }));
}

/** Of what runs. */
function totalsView({ node, vhosts, connections }: ManagementSources): JsonView {
  const all = node.state() === 'running' ? [...vhosts.all()] : [];
  return {
    virtual_host_count: all.length,
    connection_count: [...connections()].length,
    queue_count: all.reduce((sum, { queues }) => sum + queues.size, 0),
  };
}

/** Some are there only if somebody listens for them. */
function isActive(name: string, listeners: readonly JsonView[]): boolean {
  const protocol = LISTENING_PLUGINS[name];
  return protocol === undefined || listeners.some((listener) => protocol.test(listener.protocol as string));
}

function nodeListeners({ nodeName, otherListeners, httpListeners }: ManagementSources): JsonView[] {
  return [...otherListeners(), ...httpListeners()].map(({ protocol: name, host, port }) => {
    const protocol = name === 'amqps' ? 'amqp/ssl' : name;
    const text = host.includes(':') ? `[${host}]` : host;
    return { node: nodeName, interface: text, port, protocol, purpose: PURPOSES[protocol]! };
  });
}
