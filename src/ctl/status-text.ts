/** `status` and `cluster_status` for people: RabbitMQ's sections, as far as they mean something here. */
import type { Json } from './broker-client.ts';
import { float, inUnit, memoryParts } from './units.ts';

export function statusText(status: Json, unit: string): string {
  const { memory, file_descriptors: files, totals, data_directory: directory, disk_free: free } = status;
  return sections([
    ['Runtime', runtimeLines(status)],
    ['Plugins', ['Enabled plugins:', '', ...status.active_plugins.map(item)]],
    ['Data directory', [directory === null ? '(none: all is in memory)' : `Node data directory: ${directory}`]],
    ['Config files', orNone(status.config_files.map(item))],
    ['Log file(s)', orNone(status.log_files.map(item))],
    ['Alarms', orNone(status.alarms.map(alarmText))],
    ['Memory', memoryLines(status, memory, unit)],
    [
      'File Descriptors',
      [
        `Total: ${files.total_used}, limit: ${files.total_limit}`,
        `Sockets: ${files.sockets_used}, limit: ${files.sockets_limit}`,
      ],
    ],
    [
      'Free Disk Space',
      [
        `Low free disk space watermark: ${inUnit(status.disk_free_limit, unit)}`,
        `Free disk space: ${free === null ? 'not looked at, all is in memory' : inUnit(free, unit)}`,
      ],
    ],
    [
      'Totals',
      [
        `Connection count: ${totals.connection_count}`,
        `Queue count: ${totals.queue_count}`,
        `Virtual host count: ${totals.virtual_host_count}`,
      ],
    ],
    ['Listeners', status.listeners.map(listenerText)],
  ]);
}

function runtimeLines(status: Json): string[] {
  return [
    `OS PID: ${status.pid}`,
    `OS: ${status.os}`,
    `Uptime (seconds): ${status.uptime}`,
    `Is under maintenance?: ${status.is_under_maintenance}`,
    `RabbitMQ version: ${status.rabbitmq_version}`,
    `${status.product_name} version: ${status.product_version}`,
    `Node name: ${status.node}`,
    `Runtime: ${status.runtime_version}`,
    `Crypto library: ${status.crypto_lib_version}`,
  ];
}

function memoryLines(status: Json, memory: Json, unit: string): string[] {
  const total = memory.total.rss;
  return [
    `Total memory used: ${inUnit(total, unit)}`,
    `Calculation strategy: ${memory.strategy}`,
    `Memory high watermark setting: ${watermarkText(status, unit)}`,
    '',
    ...memoryParts(memory).map(([name, octets]) => {
      return `${name}: ${inUnit(octets, unit)} (${float((octets * 100) / total, 2)} %)`;
    }),
  ];
}

function watermarkText(
  { vm_memory_high_watermark_setting: set, vm_memory_high_watermark_limit: limit }: Json,
  unit: string,
) {
  const setting = set.absolute === undefined ? `${set.relative} of available memory` : inUnit(set.absolute, unit);
  return `${setting}, computed to: ${inUnit(limit, unit)}`;
}

export function clusterStatusText(status: Json): string {
  const { node } = status;
  return sections([
    ['Basics', [`Cluster name: ${status.cluster_name}`]],
    ['Disk Nodes', [node]],
    ['Running Nodes', [node]],
    ['Versions', [`${node}: RabbitMQ ${status.rabbitmq_version} on ${status.product_name} ${status.product_version}`]],
    ['Maintenance status', [`Node: ${node}, status: ${maintenanceText(status)}`]],
    ['Alarms', orNone(status.alarms.map(alarmText))],
    ['Network Partitions', ['(none)']],
    ['Listeners', status.listeners.map((listener: Json) => `Node: ${node}, i${listenerText(listener).slice(1)}`)],
    ['Feature flags', status.feature_flags.map(({ name, state }: Json) => `Flag: ${name}, state: ${state}`)],
  ]);
}

export function maintenanceText({ is_under_maintenance: drained }: Json): string {
  return drained ? 'marked for maintenance' : 'not under maintenance';
}

export function listenerText({ interface: host, port, protocol, purpose }: Json): string {
  return `Interface: ${host}, port: ${port}, protocol: ${protocol}, purpose: ${purpose}`;
}

export function alarmText({ resource, node }: Json): string {
  return `${resource === 'disk' ? 'Free disk space' : 'Memory'} alarm on node ${node}`;
}

function item(name: string): string {
  return ` * ${name}`;
}

function orNone(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['(none)'] : lines;
}

function sections(all: readonly (readonly [heading: string, lines: readonly string[]])[]): string {
  return all.map(([heading, lines]) => [heading, '', ...lines].join('\n')).join('\n\n');
}
