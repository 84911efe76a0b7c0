/** What the memory of this process is used for, as far as the runtime tells, in RabbitMQ's words: parts that make up all of it. */
import { getHeapCodeStatistics } from 'node:v8';
import type { JsonView } from './listing.ts';
import type { BrokerSources } from './sources.ts';

export interface NodeMemory {
  /** Octets by what they are used for. */
  readonly parts: Readonly<Record<string, number>>;
  /** The same memory by three ways of counting: what the kernel says, what the runtime has taken, what is in use. */
  readonly totals: { readonly rss: number; readonly allocated: number; readonly erlang: number };
  /** Of `binary`, that of messages. */
  readonly messageBytes: number;
}

export function readNodeMemory({ context }: BrokerSources): NodeMemory {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const code = codeBytes();
  const known = heapTotal + external;
  // Of pages the runtime knows nothing; what of one was never written to is not there.
  const messageBytes = Math.max(0, Math.min(context.store.memoryBytes, rss - known));
  const allocated = known + messageBytes;
  return {
    messageBytes,
    parts: {
      // Messages, and what is read from and written to sockets.
      binary: messageBytes + arrayBuffers,
      code,
      // All that is declared and open, and the rest of what JavaScript holds.
      other_proc: Math.max(0, heapUsed - code),
      other_system: Math.max(0, external - arrayBuffers),
      allocated_unused: heapTotal - heapUsed,
      reserved_unallocated: Math.max(0, rss - allocated),
    },
    totals: { rss, allocated, erlang: heapUsed + external + messageBytes },
  };
}

function codeBytes(): number {
  const { code_and_metadata_size, bytecode_and_metadata_size, external_script_source_size } = getHeapCodeStatistics();
  return code_and_metadata_size + bytecode_and_metadata_size + external_script_source_size;
}

/** In octets. */
export function memoryView({ parts, totals }: NodeMemory): JsonView {
  return { ...parts, strategy: 'rss', total: totals };
}

/** What of `binary` is messages, and what is read from and written to sockets and the like. */
export function binaryView({ parts, messageBytes }: NodeMemory): JsonView {
  return { queue_procs: messageBytes, other: parts.binary! - messageBytes };
}

/** In percent, rounded up, as RabbitMQ does: what is there at all is not shown as nothing. */
export function relativeMemoryView({ parts }: NodeMemory): JsonView {
  const sum = Object.values(parts).reduce((all, octets) => all + octets, 0);
  const shares = Object.entries(parts).map(([name, octets]) => [name, Math.ceil((octets * 100) / sum)]);
  return { total: 100, ...Object.fromEntries(shares) };
}
