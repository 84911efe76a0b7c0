/** The door of this machine's operator: a Unix socket that only the owner of the broker's process, and root, can open. */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import {
  controlSocketDirectory,
  controlSocketPath,
  controlSocketsIn,
  isAnswering,
  openControlSocketDirectory,
} from '../runtime/control-sockets.ts';

export interface ControlSocketOptions {
  /** Default: named after the node, in the directory where `leveretctl` looks. */
  readonly path?: string;
}

/**
 * Lets the server listen there. A socket that nobody answers at any more is replaced; where another broker of the same name
 * does, this one's has its process number behind the name.
 * @returns the path. @throws Error that says what to do
 */
export async function listenAtControlSocket(
  server: Server,
  nodeName: string,
  { path: chosen }: ControlSocketOptions,
): Promise<string> {
  const directory = chosen === undefined ? controlSocketDirectory() : dirname(chosen);
  openControlSocketDirectory(directory);
  const path = chosen ?? controlSocketPath(directory, nodeName);
  if (await listen(server, path)) return path;
  if (chosen !== undefined) throw new Error(`a broker answers at ${path}: set control_socket to another path`);
  const own = controlSocketPath(directory, nodeName, process.pid);
  if (await listen(server, own)) return own;
  throw new Error(`another broker of this process answers at ${own}: give one of them another node_name`);
}

/** @returns false when somebody else is there */
async function listen(server: Server, path: string): Promise<boolean> {
  if (controlSocketsIn(dirname(path)).includes(path)) {
    const { ino } = lstatSync(path);
    if (await isAnswering(path)) return false;
    // Of brokers that start together one may have replaced it already.
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path);
  }
  return new Promise((done, failed) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(false);
      else failed(new Error(`cannot listen at ${path}: ${error.message}`, { cause: error }));
    };
    server.once('error', refuse);
    server.listen({ path }, () => {
      server.off('error', refuse);
      chmodSync(path, 0o600);
      done(true);
    });
  });
}
