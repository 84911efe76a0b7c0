/** What the process of the broker sees and logs, for whoever looks for the cause of something. */
import { setTimeout as passed } from 'node:timers/promises';
import { found, path } from '../asking.ts';
import type { Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, type Failure, failed } from '../failure.ts';
import type { Row } from '../formatters/formatter.ts';
import { statusOf } from './node-status.ts';

const GROUP = 'Monitoring and health checks';
const DEFAULT_LINES = 50;
/** How often it is looked whether there are new lines in the log. */
const LOOK_MS = 200;
const ATTEMPT_COLUMNS = ['protocol', 'auth_attempts', 'auth_attempts_failed', 'auth_attempts_succeeded'];

const common = { group: GROUP, positionals: [0, 0], usage: '[--timeout <timeout>]' } as const;

export const diagnosticCommands: readonly Command[] = [
  {
    ...common,
    name: 'log_location',
    text: 'The files that the log goes to',
    usage: '[--all] [--timeout <timeout>]',
    options: { all: 'flag' },
    explained: [['--all', 'Not only the first of them.']],
    banner: ({ nodeName }) => `Log file location(s) on node ${nodeName} ...`,
    run: async ({ broker, nodeName, options }) => {
      const { log_files: files } = await broker.get('operate/status');
      const paths = options.all === true ? files : files.slice(0, 1);
      const text = paths.length === 0 ? '(none: the log has no file)' : paths.join('\n');
      return { kind: 'report', text, json: { node_name: nodeName, paths, result: 'ok' } };
    },
  },
  {
    ...common,
    name: 'log_tail',
    text: 'The last lines of the log',
    usage: '[--number|-N <number>] [--timeout <timeout>]',
    options: { number: 'integer' },
    letters: { N: 'number' },
    explained: [['--number', `How many: ${DEFAULT_LINES} when it is left out.`]],
    check: ({ options: { number = 0 } }) => {
      if (Number(number) < 0) throw badArgument('the number of lines is one from 0 up');
    },
    banner: ({ nodeName, options }) => `Last ${options.number ?? DEFAULT_LINES} log lines on node ${nodeName} ...`,
    run: async ({ broker, options }) => {
      const { lines, cursor } = await broker.get(`operate/log?lines=${options.number ?? DEFAULT_LINES}`);
      if (cursor === null) throw withoutFile();
      return lineRows(lines.map(lineRow));
    },
  },
  {
    ...common,
    name: 'log_tail_stream',
    text: 'Lines of the log as they come, until it is interrupted',
    usage: '[--duration|-d <seconds>] [--timeout <timeout>]',
    options: { duration: 'integer' },
    letters: { d: 'duration' },
    explained: [['--duration', 'For so many seconds.']],
    banner: ({ nodeName, options: { duration } }) => {
      return `Streaming logs from node ${nodeName}${duration === undefined ? '' : ` for ${duration} seconds`} ...`;
    },
    run: (call) => lineRows(newLines(call)),
  },
  {
    ...common,
    name: 'command_line_arguments',
    group: 'Configuration',
    text: 'The command line that the broker was started with, without passwords',
    usage: '',
    banner: ({ nodeName }) => `Command line arguments of node ${nodeName} ...`,
    run: async ({ broker }) => {
      const { command_line: words } = await broker.get('operate/process');
      return { kind: 'report', text: words.join('\n'), json: { arguments: words } };
    },
  },
  {
    ...common,
    name: 'os_env',
    group: 'Configuration',
    text: 'The variables of the environment that are meant for the broker, without passwords',
    banner: ({ nodeName }) => `Listing RabbitMQ-specific environment variables defined on node ${nodeName}...`,
    run: async ({ broker, nodeName: node }) => {
      const { variables } = await broker.get('operate/process');
      const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      return { kind: 'report', text: lines.join('\n'), json: { node, result: 'ok', variables } };
    },
  },
  {
    ...common,
    name: 'list_network_interfaces',
    text: 'The network interfaces of the node’s machine',
    banner: ({ nodeName }) => `Asking node ${nodeName} to report its network interfaces ...`,
    run: async ({ broker, nodeName }) => {
      const { network_interfaces: interfaces } = await broker.get('operate/process');
      const json = { interfaces, message: `Node ${nodeName} reported network interfaces`, result: 'ok' };
      return { kind: 'report', text: interfacesText(interfaces), json };
    },
  },
  {
    ...common,
    name: 'resolve_hostname',
    group: 'Configuration',
    text: 'What the node’s machine takes a host name for',
    usage: '<hostname> [--address-family <ipv4 | ipv6>]',
    positionals: [1, 1],
    options: { 'address-family': 'text' },
    check: ({ options: { 'address-family': family = 'ipv4' } }) => {
      if (/^ipv[46]$/i.test(String(family))) return;
      throw badArgument(`unsupported IP address family ${family}. Valid values are: ipv4, ipv6`);
    },
    banner: ({ nodeName, positionals: [name], options: { 'address-family': family = 'IPv4' } }) => {
      return `Asking node ${nodeName} to resolve hostname ${name} to ${family} addresses...`;
    },
    run: async ({ broker, nodeName: node, positionals: [hostname], options }) => {
      const family = String(options['address-family'] ?? 'IPv4');
      const otherwise = failed(EXIT.data, 'Hostname does not resolve (resolution failed with an nxdomain)');
      const { addresses } = await found(broker.get(path('operate', 'addresses', family, hostname!)), otherwise);
      return {
        kind: 'report',
        text: addresses.join('\n'),
        json: { address_family: family, addresses, hostname, node, result: 'ok' },
      };
    },
  },
  {
    ...common,
    name: 'runtime_thread_stats',
    text: 'How busy the broker’s one thread is, and how late it comes to what waits for it',
    usage: '[--sample-interval <interval>]',
    options: { 'sample-interval': 'integer' },
    explained: [['--sample-interval', 'For how many seconds: 5 when it is left out, at most 60.']],
    check: ({ options: { 'sample-interval': seconds = 5 } }) => {
      if (Number(seconds) < 1 || Number(seconds) > 60) throw badArgument('the interval is from 1 to 60 seconds');
    },
    banner: ({ options: { 'sample-interval': seconds = 5 } }) => {
      return `Will collect runtime thread stats for ${seconds} seconds...`;
    },
    run: async ({ broker, options: { 'sample-interval': seconds = 5 } }) => {
      const stats = await broker.get(`operate/event-loop/${seconds}`);
      return { kind: 'report', text: threadText(stats), json: stats };
    },
  },
  {
    ...common,
    name: 'tls_versions',
    text: 'The versions of TLS that listeners may be given',
    banner: () => 'Listing all TLS versions supported by the runtime...',
    run: async ({ broker }) => {
      const { tls_versions: versions } = await broker.get('operate/process');
      return { kind: 'report', text: versions.join('\n'), json: { versions } };
    },
  },
  {
    ...common,
    name: 'cipher_suites',
    text: 'The cipher suites that listeners with TLS have unless others are set',
    usage: '[--format <openssl>] [--all] [--timeout <timeout>]',
    options: { format: 'text', all: 'flag' },
    explained: [
      ['--format', 'openssl: there are no other names here.'],
      ['--all', 'All that could be set.'],
    ],
    check: ({ options: { format = 'openssl' } }) => {
      if (format !== 'openssl') throw badArgument('Format should be openssl: there are no others here');
    },
    banner: () => 'Listing available cipher suites in OpenSSL format',
    run: async ({ broker, options }) => {
      const { cipher_suites, all_cipher_suites } = await broker.get('operate/process');
      const suites = options.all === true ? all_cipher_suites : cipher_suites;
      return { kind: 'report', text: suites.join('\n'), json: { cipher_suites: suites, format: 'openssl' } };
    },
  },
  {
    ...common,
    name: 'certificates',
    group: 'Configuration',
    text: 'The certificates of the listeners with TLS',
    banner: ({ nodeName }) => `Certificates of node ${nodeName} ...`,
    run: async ({ broker }) => {
      const certificates: Json[] = await broker.get('operate/certificates');
      const text =
        certificates.length === 0 ? '(none: no listener has TLS)' : certificates.map(certificateText).join('\n\n');
      return { kind: 'report', text, json: certificates };
    },
  },
  {
    ...common,
    name: 'list_node_auth_attempt_stats',
    text: 'How often somebody tried to log in, by protocol',
    usage: '[--by-source]',
    options: { 'by-source': 'flag' },
    explained: [['--by-source', 'By name and address, too.']],
    banner: ({ nodeName }) => `Listing authentication\n attempts for node "${nodeName}" ...`,
    run: listAttempts,
  },
  {
    ...common,
    name: 'reset_node_auth_attempt_metrics',
    group: 'Configuration',
    text: 'Counts attempts to log in from 0 again',
    usage: '',
    banner: ({ nodeName }) => `Reset auth attempt metrics on node ${nodeName} ...`,
    run: async (call) => {
      const { node } = await statusOf(call);
      await call.broker.delete(path('auth', 'attempts', node));
      return DONE;
    },
  },
  {
    ...common,
    name: 'discover_peers',
    text: 'The nodes that this one would make a cluster with: none, there are no clusters yet',
    banner: () => 'Discovering peers nodes ...',
    run: async ({ broker }) => {
      await broker.get('operate/status');
      return { kind: 'text', text: 'No peers discovered' };
    },
  },
];

function lineRow(message: string): Row {
  return { message };
}

function lineRows(rows: Iterable<Row> | AsyncIterable<Row>): Output {
  return { kind: 'rows', columns: ['message'], rows, isHeadless: true };
}

function withoutFile(): Failure {
  return failed(EXIT.unavailable, 'the log of this node has no file: set log.dir');
}

async function* newLines({ broker, signal, options: { duration } }: RunningCall): AsyncIterable<Row> {
  const untilMs = duration === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(duration) * 1000;
  let { cursor } = await broker.get('operate/log?lines=0');
  if (cursor === null) throw withoutFile();
  while (performance.now() < untilMs) {
    await passed(Math.min(LOOK_MS, untilMs - performance.now()), undefined, { signal });
    const read = await broker.get(`operate/log?since=${cursor}`);
    yield* read.lines.map(lineRow);
    cursor = read.cursor;
  }
}

function interfacesText(interfaces: Json): string {
  const blocks = Object.entries<Json[]>(interfaces).map(([name, addresses]) => {
    const lines = addresses.map(({ cidr, mac }) => `address: ${cidr}, hardware address: ${mac}`);
    return [`Interface ${name}`, '', ...lines].join('\n');
  });
  return blocks.join('\n\n');
}

function threadText({ busy, cpu_user, cpu_system, delay_ms: { mean, p99, max } }: Json): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    `Event loop busy: ${percent(busy)}`,
    `Processor time: ${percent(cpu_user)} user, ${percent(cpu_system)} system`,
    `Event loop delay (ms): ${mean.toFixed(1)} on average, ${p99.toFixed(1)} at the 99th percentile, ${max.toFixed(1)} at most`,
  ].join('\n');
}

function certificateText(certificate: Json): string {
  return Object.entries(certificate)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

async function listAttempts(call: RunningCall): Promise<Output> {
  const { broker, options } = call;
  const { node } = await statusOf(call);
  const bySource = options['by-source'] === true;
  const attempts: Row[] = await broker.get(`${path('auth', 'attempts', node)}${bySource ? '/source' : ''}`);
  const columns = bySource ? ['remote_address', 'username', ...ATTEMPT_COLUMNS] : ATTEMPT_COLUMNS;
  const json = { attempts, node, result: 'ok' };
  if (attempts.length === 0) {
    return { kind: 'report', text: `Node ${node} reported no authentication attempt stats`, json };
  }
  const lines = attempts.map((row) => columns.map((column) => row[column]).join('\t'));
  const listing = { kind: 'rows', columns, rows: attempts } as const;
  return { kind: 'report', text: [columns.join('\t'), ...lines].join('\n'), json, listing };
}
