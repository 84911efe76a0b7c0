/**
 * Where the control sockets of brokers are: brokers make them there, and the command line looks for them there.
 *
 * Whoever can open one may do everything, so the directory has to be its owner's, and closed to everybody else. It is chosen by
 * LEVERET_RUN_DIR; without that it is /run/leveret for root, and a directory of the user's for others.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the kernel takes for the address of a socket, with the zero behind it: 108 on Linux, 104 elsewhere. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;
const EXTENSION = '.sock';
const HASH_DIGITS = 8;
const OTHERS = 0o077;

type Environment = Readonly<Record<string, string | undefined>>;

export function controlSocketDirectory(env: Environment = process.env): string {
  const { LEVERET_RUN_DIR: chosen, XDG_RUNTIME_DIR: ofSession } = env;
  if (chosen) return chosen;
  const user = process.getuid?.() ?? 0;
  if (user === 0) return '/run/leveret';
  return ofSession ? join(ofSession, 'leveret') : join(tmpdir(), `leveret-${user}`);
}

/** Makes the directory if it is not there. @throws Error that says what is wrong with it */
export function openControlSocketDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`${directory} cannot be made for the control socket: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const fault = faultOf(directory);
  if (fault !== null) throw new Error(`${directory} is no place for a control socket: ${fault}`);
}

/**
 * Why nobody should trust what is in the directory, or null.
 * @param anyOwner for the superuser, who may use what is somebody else's
 * @throws Error where there is none
 */
export function faultOf(directory: string, anyOwner = false): string | null {
  const status = lstatSync(directory);
  const user = process.getuid?.() ?? status.uid;
  if (!status.isDirectory()) return 'it is no directory';
  if (status.uid !== user && !anyOwner) return `it belongs to user ${status.uid}, not to ${user}`;
  if ((status.mode & OTHERS) !== 0)
    return `others may use it (mode ${(status.mode & 0o777).toString(8)}); chmod 700 it`;
  return null;
}

/**
 * The socket of a node. A name that is too long for a socket is cut, and ended by a hash of all of it.
 * @param pid tells brokers of the same name apart
 * @throws Error when the directory's name alone is too long
 */
export function controlSocketPath(directory: string, nodeName: string, pid?: number): string {
  const ending = `${pid === undefined ? '' : `.${pid}`}${EXTENSION}`;
  const path = join(directory, `${nodeName}${ending}`);
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path;
  const hash = createHash('sha256').update(nodeName).digest('hex').slice(0, HASH_DIGITS);
  const room = PATH_BYTES_MAX - Buffer.byteLength(join(directory, `-${hash}${ending}`));
  if (room < 1)
    throw new Error(`${directory} is too long a name for a control socket: set LEVERET_RUN_DIR to a shorter one`);
  return join(directory, `${nodeName.slice(0, room)}-${hash}${ending}`);
}

/** The sockets in the directory, whether somebody answers or not; none where there is no directory. */
export function controlSocketsIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(EXTENSION));
    return names.sort().map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a broker answers there. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
