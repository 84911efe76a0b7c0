/** Checks of a node's health: each ends with 0 while all is well, and says why it does not. */
import { connect } from 'node:net';
import type { Json } from '../broker-client.ts';
import { type Command, isSilent, type Output, type RunningCall } from '../command.ts';
import { ArgumentFailure, badArgument, EXIT, Failure, failed } from '../failure.ts';
import type { Listing } from '../formatters/formatter.ts';
import { alarmText, listenerText } from '../status-text.ts';
import { statusOf } from './node-status.ts';

const GROUP = 'Monitoring and health checks';
const CONNECT_MS_MAX = 10_000;
const TIME_UNITS = ['days', 'weeks', 'months', 'years'];

const common = { group: GROUP, positionals: [0, 0], usage: '[--timeout <timeout>]', timeoutSeconds: 60 } as const;

export const checkCommands: readonly Command[] = [
  {
    ...common,
    name: 'check_running',
    text: 'Whether the application runs',
    banner: ({ nodeName }) => `Checking if RabbitMQ is running on node ${nodeName} ...`,
    run: async ({ broker, nodeName }) => {
      const { state } = await broker.get('operate/status');
      if (state === 'running') return { kind: 'text', text: runningText(nodeName) };
      throw failed(EXIT.unavailable, notRunningText(nodeName));
    },
  },
  {
    ...common,
    name: 'is_running',
    text: 'The same as a result, always with 0',
    banner: ({ nodeName }) => `Asking node ${nodeName} for its status ...`,
    run: async ({ broker, nodeName }) => {
      const { state } = await broker.get('operate/status');
      const message = state === 'running' ? runningText(nodeName) : notRunningText(nodeName);
      return { kind: 'report', text: message, json: { message, result: state === 'running' } };
    },
  },
  {
    ...common,
    name: 'is_booting',
    text: 'Whether the application is starting at the moment',
    banner: ({ nodeName }) => `Asking node ${nodeName} for its boot status ...`,
    run: async ({ broker, nodeName }) => {
      const { state } = await broker.get('operate/status');
      const [result, what] =
        state === 'starting'
          ? [true, 'is booting']
          : [false, 'is fully booted (check with is_running), stopped or has not started booting yet'];
      const message = `RabbitMQ on node ${nodeName} ${what}`;
      return { kind: 'report', text: message, json: { message, result } };
    },
  },
  {
    ...common,
    name: 'alarms',
    text: 'The alarms of memory and disk that are in force',
    banner: ({ nodeName }) => `Asking node ${nodeName} to report any known resource alarms ...`,
    run: listAlarms,
  },
  {
    ...common,
    name: 'check_alarms',
    text: 'Whether there is no alarm of memory or disk',
    banner: ({ nodeName }) => `Asking node ${nodeName} to report any local resource alarms ...`,
    run: async (call) => {
      const { nodeName } = call;
      const local = await alarmsOf(call);
      if (local.length === 0) return passed(call, `Node ${nodeName} reported no alarms, local or clusterwide`);
      const json = { global: [], local, message: `Node ${nodeName} reported alarms`, result: 'error' };
      throw new Failure(EXIT.unavailable, isSilent(call) ? '' : local.join('\n'), { json });
    },
  },
  {
    ...common,
    name: 'check_local_alarms',
    text: 'The same of this node',
    banner: ({ nodeName }) => `Asking node ${nodeName} to report any local resource alarms ...`,
    run: async (call) => {
      const { nodeName } = call;
      const local = await alarmsOf(call);
      if (local.length === 0) return passed(call, `Node ${nodeName} reported no local alarms`);
      throw failedCheck(call, local.join('\n'), { local, message: `Node ${nodeName} reported local alarms` });
    },
  },
  {
    ...common,
    name: 'check_virtual_hosts',
    text: 'Whether all vhosts run',
    banner: ({ nodeName }) => `Checking if all vhosts are running on node ${nodeName} ...`,
    run: async (call) => {
      const { nodeName } = call;
      const vhosts = await healthOf(call, 'virtual-hosts');
      if (vhosts === null) return passed(call, `Node ${nodeName} reported all vhosts as running`);
      const names: string[] = vhosts['virtual-hosts'];
      const text = `Some virtual hosts on node ${nodeName} are down:\n${names.join('\n')}`;
      throw failedCheck(call, text, { error: names });
    },
  },
  {
    ...common,
    name: 'listeners',
    text: 'Where the node listens, and for what',
    banner: ({ nodeName }) => `Asking node ${nodeName} to report its protocol listeners ...`,
    run: async (call) => {
      const { listeners } = await statusOf(call);
      const json = { listeners, node: call.nodeName, result: 'ok' };
      return { kind: 'report', text: listeners.map(listenerText).join('\n'), json, listing: listenerRows(listeners) };
    },
  },
  {
    ...common,
    name: 'check_port_connectivity',
    text: 'Whether every port that the node listens on can be connected to from here',
    usage: '[--address <address>] [--timeout <timeout>]',
    options: { address: 'text' },
    explained: [['--address', 'A host to connect to, in place of the address that each listens on.']],
    banner: ({ nodeName }) => `Testing TCP connections to all active listeners on node ${nodeName} ...`,
    run: checkConnectivity,
  },
  {
    ...common,
    name: 'check_port_listener',
    text: 'Whether the node listens on a port',
    usage: '<port> [--timeout <timeout>]',
    positionals: [1, 1],
    check: ({ positionals: [port] }) => {
      if (!/^\d+$/.test(port!)) throw badArgument('Argument must be a positive integer');
    },
    banner: ({ nodeName, positionals: [port] }) => {
      return `Asking node ${nodeName} if there's an active listener on port ${port} ...`;
    },
    run: checkPort,
  },
  {
    ...common,
    name: 'check_protocol_listener',
    text: 'Whether the node listens for a protocol, such as amqp or http',
    usage: '<protocol> [--timeout <timeout>]',
    positionals: [1, 1],
    banner: ({ nodeName, positionals: [protocol] }) => {
      return `Asking node ${nodeName} if there's an active listener for protocol ${protocol} ...`;
    },
    run: checkProtocol,
  },
  {
    ...common,
    name: 'check_certificate_expiration',
    text: 'Whether no certificate of a listener expires soon',
    usage: '[--within <period>] [--unit <unit>]',
    options: { within: 'integer', unit: 'text' },
    explained: [
      ['--within', 'How many of the unit: 4 when it is left out.'],
      ['--unit', 'days, weeks, months or years; weeks when it is left out.'],
    ],
    check: ({ options: { unit = 'weeks' } }) => {
      if (TIME_UNITS.includes(String(unit))) return;
      const text = `unit '${unit}' is not supported. Please use one of: ${TIME_UNITS.join(', ')}`;
      throw new ArgumentFailure(EXIT.usage, `"${text}"`);
    },
    banner: ({ nodeName }) => `Checking certificate expiration on node ${nodeName} ...`,
    run: checkCertificates,
  },
  {
    ...common,
    name: 'check_if_node_is_mirror_sync_critical',
    text: 'Whether no queue would be without a synchronised mirror if this node stopped',
    banner: ({ nodeName }) => {
      return `Checking if node ${nodeName} is critical for data safety of any classic mirrored queues ...`;
    },
    run: single('node-is-mirror-sync-critical'),
  },
  {
    ...common,
    name: 'check_if_node_is_quorum_critical',
    text: 'Whether no queue would lose its majority if this node stopped',
    banner: ({ nodeName }) => `Checking if node ${nodeName} is critical for quorum of any quorum queues ...`,
    run: single('node-is-quorum-critical'),
  },
  {
    ...common,
    name: 'node_health_check',
    group: 'Deprecated',
    text: 'Whether the application runs and no alarm is in force; see check_running and check_alarms',
    timeoutSeconds: 70,
    banner: ({ nodeName, timeoutSeconds }) =>
      [
        'This command is DEPRECATED and will be removed in a future version.',
        'It performs intrusive, opinionated health checks and requires a fully booted node.',
        'Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks instead.',
        `Timeout: ${timeoutSeconds} seconds ...`,
        `Checking health of node ${nodeName} ...`,
      ].join('\n'),
    run: async (call) => {
      const alarms = await alarmsOf(call);
      if (alarms.length === 0) return { kind: 'text', text: 'Health check passed' };
      throw failed(EXIT.software, `Error: health check failed. Message: ${alarms.join(', ')}`);
    },
  },
];

function runningText(node: string): string {
  return `RabbitMQ on node ${node} is fully booted and running`;
}

function notRunningText(node: string): string {
  return `RabbitMQ on node ${node} is not running or has not fully booted yet (check with is_booting)`;
}

/** Nothing is printed for who wants silence. */
function passed(call: RunningCall, text: string, json: object = { result: 'ok' }): Output {
  return { kind: 'report', text: isSilent(call) ? null : text, json };
}

function failedCheck(call: RunningCall, text: string, json: object): Failure {
  return new Failure(EXIT.unavailable, isSilent(call) ? '' : `Error:\n${text}`, { json: { ...json, result: 'error' } });
}

async function alarmsOf(call: RunningCall): Promise<string[]> {
  return (await statusOf(call)).alarms.map(alarmText);
}

async function listAlarms(call: RunningCall): Promise<Output> {
  const { nodeName } = call;
  const local = await alarmsOf(call);
  if (local.length > 0) {
    const json = { global: [], local, message: `Node ${nodeName} reported alarms`, result: 'ok' };
    return { kind: 'report', text: local.join('\n'), json };
  }
  const text = `Node ${nodeName} reported no alarms, local or clusterwide`;
  return { kind: 'report', text, json: { alarms: [], node: nodeName, result: 'ok' } };
}

/** Null while all is well; otherwise what is not. */
async function healthOf({ broker }: RunningCall, check: string): Promise<Json | null> {
  return broker.check(`health/checks/${check}`);
}

function single(check: string): (call: RunningCall) => Promise<Output> {
  return async (call) => {
    const found = await healthOf(call, check);
    if (found !== null) throw failedCheck(call, found.reason, {});
    const rest = 'seems to be the only one in a single node cluster, the check does not apply';
    return passed(call, `Node ${call.nodeName} ${rest}`, { message: `Target node ${rest}`, result: 'ok' });
  };
}

function listenerRows(listeners: Json[]): Listing {
  return { kind: 'rows', columns: ['node', 'protocol', 'interface', 'port', 'purpose'], rows: listeners };
}

async function checkPort(call: RunningCall): Promise<Output> {
  const {
    nodeName,
    positionals: [text],
  } = call;
  const { listeners } = await statusOf(call);
  const ports: number[] = listeners.map(({ port }: Json) => port);
  if (ports.includes(Number(text))) {
    const json = { port: text, result: 'ok' };
    return passed(call, `A listener for port ${text} is running on node ${nodeName}.`, json);
  }
  const list = `Found listeners that use the following ports: ${ports.join(', ')}`;
  const json = { listeners, missing: text, ports, result: 'error' };
  const message = `No listener for port ${text} is active on node ${nodeName}. ${list}`;
  throw new Failure(EXIT.unavailable, isSilent(call) ? '' : message, { json });
}

async function checkProtocol(call: RunningCall): Promise<Output> {
  const {
    nodeName,
    positionals: [asked],
  } = call;
  const protocol = /^amqp(0\.9|0\.9\.1|091)?$/i.test(asked!) ? 'amqp' : asked!.toLowerCase();
  const { listeners } = await statusOf(call);
  const protocols = [...new Set<string>(listeners.map((listener: Json) => listener.protocol))].sort();
  if (protocols.includes(protocol)) {
    return passed(call, `A listener for protocol ${protocol} is running on node ${nodeName}.`, {
      protocol,
      result: 'ok',
    });
  }
  const list = `Found listeners for the following protocols: ${protocols.join(', ')}`;
  const text = `No listener for protocol ${protocol} is active on node ${nodeName}. ${list}`;
  throw failedCheck(call, text, { listeners, missing: asked, protocols });
}

async function checkConnectivity(call: RunningCall): Promise<Output> {
  const { nodeName, options } = call;
  const { listeners } = await statusOf(call);
  const found: readonly (readonly [Json, boolean])[] = await Promise.all(
    listeners.map(async (listener: Json) => {
      const host = String(options.address ?? listener.interface.replace(/^\[(.*)\]$/, '$1'));
      return [listener, await canConnect(host, listener.port)];
    }),
  );
  const failing = found.filter(([, isOpen]) => !isOpen).map(([listener]) => listener);
  if (failing.length === 0) {
    const ports = listeners.map(({ port }: Json) => port).join(', ');
    const json = { listeners, node: nodeName, result: 'ok' };
    return passed(call, `Successfully connected to ports ${ports} on node ${nodeName}.`, json);
  }
  const lines = failing.map(listenerText).join('\n');
  throw failedCheck(call, `Connection to ports of the following listeners on node ${nodeName} failed:\n${lines}`, {
    failures: failing,
  });
}

function canConnect(host: string, port: number): Promise<boolean> {
  const target = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return new Promise((done) => {
    const socket = connect({ host: target, port, timeout: CONNECT_MS_MAX });
    const end = (isOpen: boolean) => {
      socket.destroy();
      done(isOpen);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}

async function checkCertificates(call: RunningCall): Promise<Output> {
  const { within = 4, unit = 'weeks' } = call.options;
  const certificates: Json[] = await call.broker.get('operate/certificates');
  const days = { days: 1, weeks: 7, months: 30, years: 365 }[String(unit)]!;
  const untilMs = Date.now() + Number(within) * days * 86_400_000;
  const expiring = certificates.filter(({ not_after }) => Date.parse(not_after) <= untilMs);
  if (expiring.length === 0) {
    return passed(call, `No certificates are expiring within ${within} ${unit}.`);
  }
  const lines = expiring.map(({ protocol, interface: host, port, subject, not_after }) => {
    return `${protocol} on ${host}:${port}: the certificate of ${subject} expires on ${not_after}`;
  });
  throw failedCheck(call, `Certificates expiring within ${within} ${unit}:\n${lines.join('\n')}`, {
    expired: expiring,
  });
}
