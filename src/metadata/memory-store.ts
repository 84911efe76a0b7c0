/** A store that keeps nothing over a restart: for tests, and for brokers that are to leave nothing behind. */
import { randomUUID } from 'node:crypto';
import type { Slices, Steps } from '../runtime/slices.ts';
import { EmbeddedStore, FIRST_QUEUE_ID, type Medium } from './embedded-store.ts';
import type { MetadataStore } from './port.ts';

export interface MemoryStoreOptions {
  /** The cluster's name until the global parameter `cluster_name` is set. */
  readonly clusterName: string;
  /** For what is long, while messages are served; without it all is done at once. */
  readonly slices?: Slices;
}

/** An empty store with a node id of its own. */
export function openMemoryStore(options: MemoryStoreOptions): MetadataStore {
  const { clusterName, slices = null } = options;
  const medium: Medium = {
    nodeId: randomUUID(),
    keeps: false,
    write: nothing,
    synced: () => Promise.resolve(null),
    syncNow: () => null,
    takeBack: () => null,
    reserveQueueIds: () => {},
    close: () => {},
  };
  return new EmbeddedStore(medium, { puts: [], nextQueueId: FIRST_QUEUE_ID }, clusterName, slices);
}

function* nothing(): Steps {}
