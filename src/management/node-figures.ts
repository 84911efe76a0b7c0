/** What this process uses of the machine. */
import { readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
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

/** Undefined where the system does not tell. */
function openFiles(): number | undefined {
  try {
    // Linux from 6.2 on has the number there, and need not list them.
    return statSync('/proc/self/fd').size || readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}

/** The soft limit on open files; undefined where the system does not tell, or sets none. */
export function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

function freeOctets(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
