/** What a node is and uses, as a whole: status, settings, a report of everything. */
import type { BrokerClient, Json } from '../broker-client.ts';
import { type Call, type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { StateFailure } from '../failure.ts';
import { formatterNamed } from '../formatters/all.ts';
import { clusterStatusText, maintenanceText, statusText } from '../status-text.ts';
import { checkUnit, float, inUnit, memoryParts } from '../units.ts';

const UNIT = ['<unit>', 'bytes, mb or gb; gb when it is left out.'] as const;

/** What commands have in common that print sizes in a unit of the operator's choice. */
const IN_UNITS = {
  group: 'Monitoring and health checks',
  usage: '[--unit <unit>] [--timeout <timeout>]',
  positionals: [0, 0],
  options: { unit: 'text' },
  explained: [UNIT],
  timeoutSeconds: 60,
  check: (call: Call) => checkUnit(unitOf(call)),
} as const satisfies Partial<Command>;

export const nodeStatusCommands: readonly Command[] = [
  {
    name: 'status',
    ...IN_UNITS,
    text: 'The node and what it uses: versions, files, memory, disk, alarms, listeners',
    banner: ({ nodeName }) => `Status of node ${nodeName} ...`,
    run: async (call) => {
      const status = await statusOf(call);
      return { kind: 'report', text: statusText(status, unitOf(call)), json: status };
    },
  },
  {
    name: 'cluster_status',
    group: 'Cluster',
    text: 'The nodes of the cluster, which are this one alone',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    timeoutSeconds: 60,
    banner: ({ nodeName }) => `Cluster status of node ${nodeName} ...`,
    run: async (call) => {
      const status = { ...(await statusOf(call)), feature_flags: await call.broker.get('feature-flags') };
      return { kind: 'report', text: clusterStatusText(status), json: clusterJson(status) };
    },
  },
  {
    name: 'environment',
    group: 'Configuration',
    text: 'The settings in force, by their keys in rabbitmq.conf; secrets are hidden',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    timeoutSeconds: 60,
    banner: ({ nodeName }) => `Application environment of node ${nodeName} ...`,
    run: async ({ broker }) => {
      const { settings } = await broker.get('operate/environment');
      const lines = Object.entries(settings).map(([key, value]) =>
        value === null ? `# ${key} is not set` : `${key} = ${value}`,
      );
      return { kind: 'report', text: lines.join('\n'), json: { leveret: settings } };
    },
  },
  {
    name: 'memory_breakdown',
    ...IN_UNITS,
    text: 'What the memory of the node is used for',
    banner: ({ nodeName }) => `Reporting memory breakdown on node ${nodeName}...`,
    run: memoryBreakdown,
  },
  {
    name: 'server_version',
    group: 'Monitoring and health checks',
    text: 'The version of RabbitMQ that the node behaves as; status has its own',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    timeoutSeconds: 60,
    banner: ({ nodeName }) => `Asking node ${nodeName} for its RabbitMQ version...`,
    run: async ({ broker }) => {
      const { rabbitmq_version: value } = await broker.get('operate/status');
      return { kind: 'report', text: value, json: { result: 'ok', value } };
    },
  },
  {
    name: 'report',
    group: 'Monitoring and health checks',
    text: 'Everything about the node one behind the other, for whoever is to help',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Reporting server status of node ${nodeName} ...\n`,
    run: report,
  },
];

function unitOf({ options }: Call): string {
  return String(options.unit ?? 'gb');
}

/** Of a node that runs. @throws StateFailure */
export async function statusOf({ broker, program }: { broker: BrokerClient; program: string }): Promise<Json> {
  const status = await broker.get('operate/status');
  if (status.state !== 'running') throw new StateFailure(program, 'running');
  return status;
}

function clusterJson(status: Json): object {
  const { node, cluster_name, alarms, listeners, feature_flags } = status;
  const { rabbitmq_version, product_name, product_version } = status;
  return {
    alarms,
    cluster_name,
    disk_nodes: [node],
    feature_flags,
    listeners: { [node]: listeners },
    maintenance_status: { [node]: maintenanceText(status) },
    partitions: {},
    ram_nodes: [],
    running_nodes: [node],
    versions: { [node]: { rabbitmq_name: product_name, rabbitmq_version, product_version } },
  };
}

async function memoryBreakdown(call: RunningCall): Promise<Output> {
  const { memory } = await statusOf(call);
  const unit = unitOf(call).toLowerCase();
  const parts = memoryParts(memory).map(([name, octets]) => {
    return { name, octets, percentage: float((octets * 100) / memory.total.rss, 2) };
  });
  const lines = parts.map(({ name, octets, percentage }) => `${name}: ${inUnit(octets, unit)} (${percentage}%)`);
  const entries = parts.map(({ name, octets, percentage }) => [
    name,
    { bytes: octets, percentage: Number(percentage) },
  ]);
  const rows = parts.map(({ name, octets, percentage }) => ({ name, bytes: octets, percentage }));
  const listing = { kind: 'rows', columns: ['name', 'bytes', 'percentage'], rows } as const;
  return { kind: 'report', text: lines.join('\n'), json: Object.fromEntries(entries), listing };
}

const OF_NODE = [
  'status',
  'cluster_status',
  'environment',
  'list_connections',
  'list_channels',
  'command_line_arguments',
  'os_env',
];
const OF_VHOST = [
  'list_queues',
  'list_exchanges',
  'list_bindings',
  'list_permissions',
  'list_policies',
  'list_parameters',
];
const OF_ALL = ['list_global_parameters'];

/** What the other commands print, with all columns that they have. */
async function report(call: RunningCall): Promise<Output> {
  await statusOf(call);
  const vhosts: Json[] = await call.broker.get('vhosts?columns=name');
  const parts: [name: string, vhost: string][] = [
    ...OF_NODE.map((name): [string, string] => [name, '/']),
    ...OF_ALL.map((name): [string, string] => [name, '/']),
    ...vhosts.flatMap((vhost) => OF_VHOST.map((name): [string, string] => [name, vhost.name])),
  ];
  for (const [name, vhost] of parts) await reportPart(call, name, vhost);
  return DONE;
}

async function reportPart(call: RunningCall, name: string, vhost: string): Promise<void> {
  const command = call.commands.find((each) => each.name === name)!;
  const columns = command.columns?.all ?? [];
  const { timeoutSeconds } = command;
  const part: RunningCall = { ...call, command, vhost, columns, timeoutSeconds, options: {}, positionals: [] };
  const table = formatterNamed('table');
  const write = (line: string) => call.terminal.stdout.write(`${line}\n`);
  const banner = command.banner?.(part);
  if (banner !== undefined) write(banner);
  const output = await command.run(part);
  if (output.kind === 'rows') for await (const line of table.list(output, true)) write(line);
  else if (output.kind === 'report') for await (const line of table.report(output, true)) write(line);
  else if (output.kind === 'text' || output.kind === 'message') write(output.text);
  write('');
}
