/**
 * A RabbitMQ 3.10.8 of one's own for a test: Debian's package, started as a child in an empty directory, gone afterwards.
 *
 * Everything listens on loopback: AMQP, Erlang's distribution, and a port mapper (epmd) that belongs to this start alone,
 * so that a port mapper which the machine already has is neither used nor stopped. No systemd is asked for, and root may
 * start it: HOME, the node's name and all directories are our own.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const PLUGINS = ['rabbitmq_consistent_hash_exchange', 'rabbitmq_random_exchange', 'rabbitmq_sharding'];
const READY_MS_MAX = 60_000;
const POLL_MS = 50;

export interface RabbitMq {
  /** The AMQP port on 127.0.0.1. */
  readonly port: number;
  /** The port of the HTTP API on 127.0.0.1; 0 unless it was asked for. */
  readonly managementPort: number;
  /** The same as a URL; null unless it was asked for. */
  readonly managementUrl: string | null;
  /** Where its metrics are; null unless they were asked for. */
  readonly prometheusUrl: string | null;
  /** The Erlang node's name, for rabbitmqctl. */
  readonly nodeName: string;
  /** What the node was started with; rabbitmqctl finds it by the same. */
  readonly environment: NodeJS.ProcessEnv;
  /** The node's process and its port mapper's; a restart changes them. */
  readonly pids: readonly number[];
  /** Kills the node and starts it again with its data; resolves when it takes AMQP connections. */
  restart(): Promise<void>;
  /** Kills the node and its port mapper, waits for their end, removes the directory. */
  stop(): Promise<void>;
}

export interface RabbitMqOptions {
  /** A definitions file (users, vhosts, permissions, ...) that is imported before the first client gets in. */
  readonly definitions?: object;
  /** Lines for rabbitmq.conf. */
  readonly config?: readonly string[];
  /** How often channels look for deliveries whose ack is overdue; a minute unless told, and rabbitmq.conf has no key for it. */
  readonly channelTickMs?: number;
  /** Plugins besides those that every test has. */
  readonly plugins?: readonly string[];
  /** With the management plugin and its HTTP API. */
  readonly management?: boolean;
  /** With the plugin that Prometheus asks. */
  readonly prometheus?: boolean;
}

/** Whether the package is there; a machine that must have it (`CI` is set) is told at once that it lacks it. @throws in CI */
export function isRabbitMqInstalled(): boolean {
  if (existsSync(SERVER)) return true;
  if (process.env.CI) throw new Error(`RabbitMQ must be installed in CI: ${SERVER} is missing`);
  return false;
}

/** Starts a broker and waits until it takes AMQP connections. @throws with the end of its log if it ends or takes over 60 s */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<RabbitMq> {
  const directory = await mkdtemp(join(tmpdir(), 'leveret-rabbitmq-'));
  const [port, distributionPort, epmdPort, freePort, otherPort] = await freePorts(5);
  const managementPort = options.management === true ? freePort! : 0;
  const nodeName = `leveret-${process.pid}-${port}@localhost`;
  const prometheusPort = options.prometheus === true ? otherPort! : 0;
  await writeConfiguration(directory, port!, managementPort, prometheusPort, options);
  const epmd = spawn(epmdPath(), ['-port', String(epmdPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
  const env = environment(directory, nodeName, distributionPort!, epmdPort!, options.channelTickMs ?? 60_000);
  const startServer = () => spawn(SERVER, [], { cwd: directory, env, stdio: 'ignore' });
  let server = startServer();
  const unwatch = onSuddenEnd(() => {
    server.kill('SIGKILL');
    epmd.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  const stop = async () => {
    await killed(server);
    await killed(epmd);
    unwatch();
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    await ready(port!, server);
    for (const httpPort of [managementPort, prometheusPort]) if (httpPort !== 0) await ready(httpPort, server);
  } catch (error) {
    const log = await readFile(join(directory, 'log', `${nodeName}.log`), 'utf8').catch(() => '(no log)');
    await stop();
    throw new Error(`${(error as Error).message}\n${log.split('\n').slice(-40).join('\n')}`);
  }
  const managementUrl = managementPort === 0 ? null : `http://127.0.0.1:${managementPort}`;
  const restart = async () => {
    await killed(server);
    server = startServer();
    await ready(port!, server);
  };
  const prometheusUrl = prometheusPort === 0 ? null : `http://127.0.0.1:${prometheusPort}/metrics`;
  return {
    port: port!,
    managementPort,
    managementUrl,
    prometheusUrl,
    nodeName,
    environment: env,
    get pids() {
      return [server.pid!, epmd.pid!];
    },
    restart,
    stop,
  };
}

async function writeConfiguration(
  directory: string,
  port: number,
  managementPort: number,
  prometheusPort: number,
  options: RabbitMqOptions,
): Promise<void> {
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'log.file.level = warning',
    'disk_free_limit.absolute = 10MB',
    'tcp_listen_options.nodelay = true',
    ...(options.config ?? []),
  ];
  const plugins = [...PLUGINS, ...(options.plugins ?? [])];
  if (managementPort !== 0) {
    plugins.push('rabbitmq_management');
    lines.push('management.tcp.ip = 127.0.0.1', `management.tcp.port = ${managementPort}`);
  }
  if (prometheusPort !== 0) {
    plugins.push('rabbitmq_prometheus');
    lines.push('prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${prometheusPort}`);
  }
  if (options.definitions !== undefined) {
    await writeFile(join(directory, 'definitions.json'), JSON.stringify(options.definitions));
    lines.push(`load_definitions = ${join(directory, 'definitions.json')}`);
  }
  await writeFile(join(directory, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  await writeFile(join(directory, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
}

function environment(
  directory: string,
  nodeName: string,
  distributionPort: number,
  epmdPort: number,
  channelTickMs: number,
): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: directory,
    // Makes the start script become the Erlang VM instead of waiting for it, so that the child's pid is the node's.
    RUNNING_UNDER_SYSTEMD: 'true',
    // Debian's settings for the machine's own node must not leak in.
    RABBITMQ_CONF_ENV_FILE: join(directory, 'no-rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'no-advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_PID_FILE: join(directory, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} -rabbit channel_tick_interval ${channelTickMs}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    ERL_CRASH_DUMP_SECONDS: '0',
  };
}

/** Debian keeps epmd inside the runtime's versioned directory and links it from /usr/bin in most versions, not in all. */
function epmdPath(): string {
  if (existsSync('/usr/bin/epmd')) return '/usr/bin/epmd';
  return execFileSync('sh', ['-c', 'ls /usr/lib/erlang/erts-*/bin/epmd'], { encoding: 'utf8' }).trim();
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listening(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

async function ready(port: number, server: ChildProcess): Promise<void> {
  const deadlineMs = Date.now() + READY_MS_MAX;
  while (!(await accepts(port))) {
    if (server.exitCode !== null) throw new Error(`RabbitMQ ended with ${server.exitCode} while it started`);
    if (Date.now() > deadlineMs) throw new Error(`RabbitMQ took over ${READY_MS_MAX} ms to start`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = tcpConnect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** For a test that throws or is interrupted: what it started must not outlive it. Gives what takes this back. */
function onSuddenEnd(cleanUp: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    cleanUp();
    process.kill(process.pid, signal);
  };
  process.once('exit', cleanUp);
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  return () => {
    process.off('exit', cleanUp);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

/** Its data are thrown away, so a node is killed rather than asked: an orderly stop takes seconds. */
function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
