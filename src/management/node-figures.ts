/** What this process uses of the machine. */
import { statfsSync } from 'node:fs';
import { openFiles } from '../runtime/open-files.ts';
import type { BrokerSources } from './sources.ts';

export interface NodeFigures {
  /** Resident memory, in octets. */
  mem_used: number;
  fd_used: number;
  /** Connections of clients. */
  sockets_used: number;
  /** Octets that are free where the data are; 0 for a broker in memory. */
  disk_free: number;
}

export function readNodeFigures({ dataDir, connections }: BrokerSources, into: NodeFigures): void {
  into.mem_used = process.memoryUsage.rss();
  into.fd_used = openFiles() ?? 0;
  into.sockets_used = [...connections()].length;
  into.disk_free = dataDir === null ? 0 : freeOctets(dataDir);
}

function freeOctets(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
