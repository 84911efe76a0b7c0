/**
 * Which broker a command is for: the one at a URL, the one with a name, or the only one that this user has. Brokers are found by
 * their control sockets.
 */

import { basename, dirname } from 'node:path';
import { DEFAULT_NODE_NAME, readNodeName } from '../config/node-name.ts';
import {
  controlSocketDirectory,
  controlSocketPath,
  controlSocketsIn,
  faultOf,
  isAnswering,
} from '../runtime/control-sockets.ts';
import { ArgumentFailure, badArgument, EXIT, Failure } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Target {
  /** What texts call it. */
  readonly nodeName: string;
  readonly protocol: 'http:' | 'https:';
  readonly address: { readonly socketPath: string } | { readonly host: string; readonly port: string };
  /** In front of `/api`. */
  readonly basePath: string;
  readonly authorization: string | null;
  unreachable(cause: Error): Failure;
}

export interface Asked {
  readonly url: string | undefined;
  readonly node: string | undefined;
}

/** @throws Failure that says which brokers there are */
export async function findTarget({ url, node }: Asked, env: Environment): Promise<Target> {
  if (url !== undefined) return targetAt(url);
  if (node === undefined && env.LEVERET_URL) return targetAt(env.LEVERET_URL);
  const named = node ?? (env.LEVERET_NODE_NAME || env.RABBITMQ_NODENAME);
  if (named?.includes('/')) return targetOnSocket(named, basename(named, '.sock'));
  const directory = controlSocketDirectory(env);
  return named === undefined ? onlyTarget(directory) : targetNamed(directory, named);
}

/** The name of the node that is asked for, whether it is there or not. @throws ArgumentFailure */
export function askedNodeName(node: string | undefined, env: Environment): string {
  const named = node ?? (env.LEVERET_NODE_NAME || env.RABBITMQ_NODENAME || DEFAULT_NODE_NAME);
  return named.includes('/') ? basename(named, '.sock') : nodeNameOf(named);
}

/** @throws ArgumentFailure; never with the password in its text */
function targetAt(text: string): Target {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw badArgument('the URL is to be http://USER:PASSWORD@HOST:PORT, or the same with https');
  }
  const { protocol, host, hostname, port, username, password, pathname } = url;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    nodeName: host,
    protocol,
    address: { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port || (protocol === 'https:' ? '443' : '80') },
    basePath: pathname.replace(/\/(api\/?)?$/, ''),
    authorization: username === '' ? null : `Basic ${Buffer.from(credentials).toString('base64')}`,
    unreachable: (cause) => unreachable(host, [`${protocol}//${host} does not answer: ${messageOf(cause)}`], cause),
  };
}

function targetOnSocket(socketPath: string, nodeName: string): Target {
  const fault = trustFault(dirname(socketPath));
  if (fault !== null)
    throw new Failure(EXIT.noPermission, `Error: ${dirname(socketPath)} is not to be trusted: ${fault}`);
  return {
    nodeName,
    protocol: 'http:',
    address: { socketPath },
    basePath: '',
    authorization: null,
    unreachable: (cause) => unreachable(nodeName, [`nobody answers at ${socketPath}: ${messageOf(cause)}`], cause),
  };
}

/** The superuser may enter what is somebody else's. */
function trustFault(directory: string): string | null {
  try {
    return faultOf(directory, process.getuid?.() === 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @throws ArgumentFailure, Failure */
async function targetNamed(directory: string, name: string): Promise<Target> {
  const nodeName = nodeNameOf(name);
  const paths = [controlSocketPath(directory, nodeName), `${directory}/${name}.sock`];
  for (const path of paths) if (await isAnswering(path)) return targetOnSocket(path, nodeName);
  const answering = await answeringIn(directory);
  const others = answering.length === 0 ? 'none' : answering.map(nameOf).join(', ');
  throw unreachable(nodeName, [`no broker answers at ${paths[0]}`, `brokers that answer in ${directory}: ${others}`]);
}

/** As for a broker, or the name of a socket: a second broker of one name has a number behind it. */
function nodeNameOf(name: string): string {
  try {
    return readNodeName(name);
  } catch (error) {
    throw new ArgumentFailure(EXIT.data, `Bad argument: node '${name}': ${(error as Error).message}`);
  }
}

async function onlyTarget(directory: string): Promise<Target> {
  const answering = await answeringIn(directory);
  const [only] = answering;
  if (answering.length === 1) return targetOnSocket(only!, nameOf(only!));
  if (only === undefined) {
    throw unreachable(readNodeName('leveret'), [`no broker of this user answers in ${directory}`]);
  }
  const text = `Error: there are several brokers in ${directory}. Choose one with -n:\n`;
  throw new Failure(EXIT.usage, `${text}${answering.map((path) => `  -n ${nameOf(path)}`).join('\n')}`);
}

async function answeringIn(directory: string): Promise<string[]> {
  const paths = controlSocketsIn(directory);
  const answers = await Promise.all(paths.map(isAnswering));
  return paths.filter((_, index) => answers[index]);
}

function nameOf(path: string): string {
  return basename(path, '.sock');
}

function messageOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}

function unreachable(nodeName: string, findings: readonly string[], cause?: Error): Failure {
  const text = [
    `Error: unable to perform an operation on node '${nodeName}'. Please see diagnostics information and suggestions below.`,
    '',
    'The broker may not be running, run as another user, or have been started without a control socket.',
    '-n chooses a broker of this machine by its name or the path of its socket, --url one anywhere by its HTTP API.',
    '',
    'DIAGNOSTICS',
    '===========',
    '',
    `attempted to contact: [${nodeName}]`,
    '',
    `${nodeName}:`,
    ...findings.map((finding) => `  * ${finding}`),
  ];
  return new Failure(EXIT.unavailable, text.join('\n'), { cause });
}
