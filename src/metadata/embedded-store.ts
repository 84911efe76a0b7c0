/**
 * The store of a broker that stands alone: a catalogue in memory over a medium that keeps what is durable.
 *
 * The order of a proposal is the invariant: checked, persisted, told to the followers, told to the proposer. All of it is
 * synchronous, so nothing else sees the catalogue between the first step and the last.
 */
import { Catalogue, type Step } from './catalogue.ts';
import { globalParameterKey, type Put } from './entity.ts';
import { type Applied, type Change, MetadataError, type MetadataSnapshot, type MetadataStore } from './port.ts';
import { encodeRecord } from './record-json.ts';

/** One durable entity: its text, or null when it goes. */
export interface Row {
  readonly key: string;
  readonly text: string | null;
}

/** Where an embedded store keeps what is durable. What a call was given is durable once it returns. */
export interface Medium {
  readonly nodeId: string;
  /** Keeps rows, all or none of them. @throws MetadataError unavailable */
  write(rows: readonly Row[]): void;
  /** Keeps that ids below `limit` may have been given out. @throws MetadataError unavailable */
  reserveQueueIds(limit: number): void;
  close(): void;
}

/** What a medium held when it was opened. */
export interface Kept {
  /** Parents before their children. */
  readonly puts: readonly Put[];
  /** The lowest id that was not given out. */
  readonly nextQueueId: number;
}

/** The first id of the first queue: 0 is free to mean none. */
export const FIRST_QUEUE_ID = 1;

/** Ids are unsigned 32-bit integers in the journal's records. */
const QUEUE_ID_MAX = 2 ** 32 - 1;

/** Ids are reserved this many at a time: one write for a thousand declarations, and a crash wastes no more than these. */
const QUEUE_ID_BLOCK_COUNT = 1024;

interface Proposal {
  readonly changes: readonly Change[];
  readonly applied: Applied;
}

export class EmbeddedStore implements MetadataStore {
  readonly #medium: Medium;
  readonly #defaultClusterName: string;
  readonly #catalogue = new Catalogue();
  readonly #waiting: Proposal[] = [];
  /** Replaced, never changed: a follower may come or go while the others are told. */
  #followers: readonly ((change: Change) => void)[] = [];
  #isTelling = false;
  #nextQueueId: number;
  #reservedLimit: number;

  /** @throws MetadataError missing when a kept entity lacks what it hangs on */
  constructor(medium: Medium, kept: Kept, clusterName: string) {
    this.#medium = medium;
    this.#defaultClusterName = clusterName;
    this.#nextQueueId = kept.nextQueueId;
    this.#reservedLimit = kept.nextQueueId;
    for (const put of kept.puts) this.#catalogue.make(put, []);
  }

  get nodeId(): string {
    return this.#medium.nodeId;
  }

  get clusterName(): string {
    const put = this.#catalogue.find(globalParameterKey('cluster_name'));
    const name = put?.kind === 'put-global-parameter' ? put.parameter.value : undefined;
    return typeof name === 'string' ? name : this.#defaultClusterName;
  }

  snapshot(): MetadataSnapshot {
    return this.#catalogue.snapshot();
  }

  propose(changes: readonly Change[], applied: Applied): void {
    this.#waiting.push({ changes, applied });
    // A follower that proposes is in the middle of hearing of another proposal; the others must hear of that one first.
    if (this.#isTelling) return;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#take(next);
  }

  follow(apply: (change: Change) => void): () => void {
    const follower = (change: Change) => apply(change);
    this.#followers = [...this.#followers, follower];
    return () => {
      this.#followers = this.#followers.filter((each) => each !== follower);
    };
  }

  allocateQueueId(): number {
    const id = this.#nextQueueId;
    if (id > QUEUE_ID_MAX) throw new MetadataError('exhausted', 'all queue ids were given out');
    if (id >= this.#reservedLimit) {
      const limit = Math.min(id + QUEUE_ID_BLOCK_COUNT, QUEUE_ID_MAX + 1);
      this.#medium.reserveQueueIds(limit);
      this.#reservedLimit = limit;
    }
    this.#nextQueueId = id + 1;
    return id;
  }

  close(): void {
    this.#followers = [];
    this.#medium.close();
  }

  #take({ changes, applied }: Proposal): void {
    const steps: Step[] = [];
    const error = this.#attempt(changes, steps);
    if (error === null) this.#tell(steps);
    applied(error);
  }

  /** Makes the changes and persists them. When that fails, nothing has happened. */
  #attempt(changes: readonly Change[], steps: Step[]): MetadataError | null {
    try {
      for (const change of changes) this.#catalogue.make(change, steps);
      const rows = rowsOf(steps);
      if (rows.length > 0) this.#medium.write(rows);
      return null;
    } catch (error) {
      this.#catalogue.undo(steps);
      if (error instanceof MetadataError) return error;
      throw error;
    }
  }

  #tell(steps: readonly Step[]): void {
    this.#isTelling = true;
    try {
      for (const step of steps) {
        for (const follower of this.#followers) follower(step.change);
      }
    } finally {
      this.#isTelling = false;
    }
  }
}

function rowsOf(steps: readonly Step[]): Row[] {
  const rows: Row[] = [];
  for (const { key, durable, after } of steps) {
    if (durable) rows.push({ key, text: after === undefined ? null : encodeRecord(after.put) });
  }
  return rows;
}
