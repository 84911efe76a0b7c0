/** The life of a node: whether it is there, its application started and stopped, the node itself stopped. */
import { readFileSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import { ApiRefusal, BrokerClient, type Json } from '../broker-client.ts';
import { type Call, type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { ArgumentFailure, badArgument, EXIT, Failure, failed, StateFailure } from '../failure.ts';
import { findTarget } from '../target.ts';

/** How often it is looked whether something has happened meanwhile. */
const LOOK_MS = 100;
const PIDFILE = [
  '<pidfile>',
  'The file that the broker has its process number in: leveret.pid in its data directory.',
] as const;
const NO_WAIT = ['--no-wait', 'Do not wait until its process has ended.'] as const;

export const nodeLifeCommands: readonly Command[] = [
  {
    name: 'ping',
    group: 'Monitoring and health checks',
    text: 'Whether the broker answers, be its application running or not',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    timeoutSeconds: 60,
    banner: ({ nodeName, timeoutSeconds }) => {
      return `Will ping ${nodeName}. This only checks if the broker's process answers. Timeout: ${timeoutSeconds! * 1000} ms.`;
    },
    run: async ({ broker }) => {
      await broker.get('operate/status');
      return { kind: 'text', text: 'Ping succeeded' };
    },
  },
  {
    name: 'await_startup',
    group: 'Nodes',
    text: 'Waits until the application of the broker runs',
    usage: '[--timeout <timeout>]',
    positionals: [0, 0],
    timeoutSeconds: 300,
    run: awaitStartup,
  },
  {
    name: 'wait',
    group: 'Nodes',
    text: 'Waits until the broker of a process runs, and fails when the process ends before',
    usage: '[<pidfile>] [--pid|-P <pid>] [--timeout <timeout>]',
    positionals: [0, 1],
    options: { pid: 'integer' },
    letters: { P: 'pid' },
    explained: [PIDFILE, ['--pid', 'Its process number.']],
    timeoutSeconds: 10,
    needsNoBroker: true,
    check: ({ positionals: [file], options }) => {
      if (file !== undefined && options.pid !== undefined) {
        throw new ArgumentFailure(EXIT.usage, '"Cannot specify both pid and pidfile"');
      }
      if (file === undefined && options.pid === undefined) {
        throw new ArgumentFailure(EXIT.usage, '"No pid or pidfile specified"');
      }
    },
    run: waitForProcess,
  },
  {
    name: 'stop_app',
    group: 'Nodes',
    text: 'Closes all connections and listeners and makes everything durable; the process and its control socket stay',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Stopping rabbit application on node ${nodeName} ...`,
    run: posted('operate/app/stop'),
  },
  {
    name: 'start_app',
    group: 'Nodes',
    text: 'Starts what stop_app stopped',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Starting node ${nodeName} ...`,
    run: posted('operate/app/start'),
  },
  {
    name: 'reset',
    group: 'Nodes',
    text: 'Forgets all messages and definitions of a node whose application is stopped',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Resetting node ${nodeName} ...`,
    run: reset,
  },
  {
    name: 'force_reset',
    group: 'Cluster',
    text: 'The same as reset, as long as there is no cluster to ask',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => `Forcefully resetting node ${nodeName} ...`,
    run: reset,
  },
  {
    name: 'stop',
    group: 'Nodes',
    text: 'Stops the broker, and with a file of its process number waits until the process has ended',
    usage: '[<pidfile>]',
    positionals: [0, 1],
    explained: [PIDFILE],
    banner: ({ nodeName, positionals: [file] }) => {
      return `Stopping and halting node ${nodeName}${file === undefined ? '' : ` (will monitor pid file ${file})`} ...`;
    },
    run: async ({ broker, signal, positionals: [file] }) => {
      const pid = file === undefined ? null : await pidIn(file, signal);
      await broker.post('operate/shutdown');
      if (pid !== null) await processEnd(pid, signal);
      return DONE;
    },
  },
  {
    name: 'shutdown',
    group: 'Nodes',
    text: 'Stops the broker, and waits until its process has ended where that is on this machine',
    usage: '[--wait | --no-wait] [--timeout <timeout>]',
    positionals: [0, 0],
    options: { wait: 'flag' },
    explained: [NO_WAIT],
    run: shutDown,
  },
  {
    name: 'suspend_listeners',
    group: 'Operations',
    text: 'Accepts no more AMQP clients; those that are connected stay',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => {
      return `Will suspend client connection listeners on node ${nodeName}. The node will no longer accept client connections!`;
    },
    run: posted('operate/listeners/suspend'),
  },
  {
    name: 'resume_listeners',
    group: 'Operations',
    text: 'Accepts AMQP clients again',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => {
      return `Will resume client connection listeners on node ${nodeName}. The node will now accept client connections`;
    },
    run: posted('operate/listeners/resume'),
  },
  {
    name: 'drain',
    group: 'Upgrades',
    text: 'Puts the node under maintenance: its clients are closed, and no others are accepted',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => {
      return `Will put node ${nodeName} into maintenance mode. The node will no longer serve any client traffic!`;
    },
    run: posted('operate/maintenance/drain'),
  },
  {
    name: 'revive',
    group: 'Upgrades',
    text: 'Ends the maintenance: clients are accepted again',
    usage: '',
    positionals: [0, 0],
    banner: ({ nodeName }) => {
      const then = 'The node will again serve client traffic and host primary queue replicas.';
      return `Will put node ${nodeName} back into regular operating mode. ${then}`;
    },
    run: posted('operate/maintenance/revive'),
  },
];

function posted(path: string): (call: RunningCall) => Promise<Output> {
  return async ({ broker }) => {
    await broker.post(path);
    return DONE;
  };
}

/** Says so itself when its time is over: the last look is one that can be answered before it is cut off. */
async function awaitStartup({ broker, timeoutSeconds, signal }: RunningCall): Promise<Output> {
  const untilMs = performance.now() + timeoutSeconds! * 1000 - 2 * LOOK_MS;
  for (;;) {
    const { state } = await broker.get('operate/status');
    if (state === 'running') return DONE;
    if (performance.now() > untilMs) throw failed(EXIT.unavailable, 'rabbit_is_not_running');
    await passed(LOOK_MS, undefined, { signal });
  }
}

async function reset({ broker, program }: RunningCall): Promise<Output> {
  try {
    await broker.post('operate/app/reset');
  } catch (error) {
    throw error instanceof ApiRefusal && error.reason === 'running' ? new StateFailure(program, 'stopped') : error;
  }
  return DONE;
}

async function shutDown(call: RunningCall): Promise<Output> {
  const { broker, nodeName, options, signal } = call;
  const { pid } = await broker.get('operate/status');
  const isHere = options.url === undefined && isRunning(pid);
  if (options.wait === false || !isHere) {
    await broker.post('operate/shutdown');
    return { kind: 'message', text: `Shutting down RabbitMQ node ${nodeName}` };
  }
  say(call, `Shutting down RabbitMQ node ${nodeName} running at PID ${pid}`);
  await broker.post('operate/shutdown');
  say(call, `Waiting for PID ${pid} to terminate`);
  await processEnd(pid, signal);
  return { kind: 'message', text: `RabbitMQ node ${nodeName} running at PID ${pid} successfully shut down` };
}

async function waitForProcess(call: RunningCall): Promise<Output> {
  const {
    positionals: [file],
    options,
    signal,
  } = call;
  const { nodeName: node } = call;
  if (file !== undefined) say(call, `Waiting for pid file '${file}' to appear`);
  const pid = file === undefined ? (options.pid as number) : await pidIn(file, signal);
  if (file !== undefined) say(call, `pid is ${pid}`);
  say(call, `Waiting for a broker on node '${node}' while OS process '${pid}' is running`);
  let isTold = false;
  for (;;) {
    if (!isRunning(pid)) throw failed(EXIT.unavailable, 'process_not_running');
    const state = await stateOfNode(call);
    if (state === 'running') break;
    if (state !== null && !isTold) say(call, `Waiting for the application of node '${node}' to start`);
    isTold ||= state !== null;
    await passed(LOOK_MS, undefined, { signal });
  }
  say(call, `The application of node '${node}' is running`);
  return DONE;
}

/** Null while nobody answers. */
async function stateOfNode({ options, terminal, signal }: RunningCall): Promise<string | null> {
  const { url, node } = options as { url?: string; node?: string };
  let broker: BrokerClient | null = null;
  try {
    broker = new BrokerClient(await findTarget({ url, node }, terminal.env), signal);
    return ((await broker.get('operate/status')) as Json).state;
  } catch (error) {
    if (error instanceof Failure && error.exitCode === EXIT.unavailable) return null;
    throw error;
  } finally {
    broker?.close();
  }
}

/** @throws when it is aborted */
async function pidIn(file: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const pid = readPid(file);
    if (pid !== null) return pid;
    await passed(LOOK_MS, undefined, { signal });
  }
}

/** Null where it is not there, or not written yet. @throws Failure for a file that holds something else */
function readPid(file: string): number | null {
  try {
    const text = readFileSync(file, 'utf8');
    if (text === '') return null;
    const pid = Number(/^\s*(\d+)\s*$/.exec(text)?.[1]);
    if (!(pid > 0)) throw badArgument(`${file} holds no process number`);
    return pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function processEnd(pid: number, signal: AbortSignal): Promise<void> {
  while (isRunning(pid)) await passed(LOOK_MS, undefined, { signal });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A line on the way. */
function say({ options, terminal }: Call, text: string): void {
  const isForPeople =
    options.formatter === undefined || options.formatter === 'table' || options.formatter === 'pretty_table';
  if (isForPeople && options.quiet !== true && options.silent !== true) terminal.stdout.write(`${text}\n`);
}
