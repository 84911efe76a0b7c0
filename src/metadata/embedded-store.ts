/**
 * The store of a broker that stands alone: a catalogue in memory over a medium that keeps what is durable.
 *
 * The order of a proposal is the invariant: checked, persisted, told to the followers, told to the proposer. Proposals are taken
 * one after the other. A short one is done at once; a long one, such as an import, in slices, with messages in between: whoever
 * asks for a snapshot meanwhile sees what the followers were told, and nothing of what they were not.
 *
 * Many short ones are a long one, too: when they have taken their share of a pass of the event loop, those that come wait for
 * the next one, and are persisted together.
 */
import { type Slices, type Steps, whole } from '../runtime/slices.ts';
import { Catalogue, type Step } from './catalogue.ts';
import { globalParameterKey, type Put } from './entity.ts';
import {
  type Applied,
  type Change,
  type Follower,
  MetadataError,
  type MetadataSnapshot,
  type MetadataStore,
} from './port.ts';
import { encodeRecord } from './record-json.ts';

/** One durable entity: its text, or null when it goes. */
export interface Row {
  readonly key: string;
  readonly text: string | null;
}

/** Where an embedded store keeps what is durable. What a call was given is durable once it returns. */
export interface Medium {
  readonly nodeId: string;
  /** Keeps rows, all or none of them, once all steps are done. @throws MetadataError unavailable */
  write(rows: Iterable<Row>): Steps;
  /**
   * Keeps that ids below `limit` may have been given out; while rows are written, together with them: what such an id is given
   * to is a proposal that waits. @throws MetadataError unavailable
   */
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

/** Steps of a proposal that are done at once, three a change: some declarations, or what a connection takes with it. */
const STEPS_AT_ONCE = 300;

/** What proposals may take, and in which time. */
const SHARE_MS = 1;
const SHARE_PERIOD_MS = 5;
/** Proposals that are persisted together. */
const TOGETHER_COUNT = 1000;

interface Proposal {
  readonly changes: readonly Change[];
  readonly applied: Applied;
  readonly by: string | undefined;
}

/** What became of a proposal: why nothing of it was done; or that its steps are those up to `end`. */
interface Outcome {
  readonly applied: Applied;
  readonly by: string | undefined;
  readonly error: MetadataError | null;
  readonly end: number;
}

export class EmbeddedStore implements MetadataStore {
  readonly #medium: Medium;
  readonly #defaultClusterName: string;
  readonly #catalogue = new Catalogue();
  readonly #waiting: Proposal[] = [];
  /** Null: everything is done at once. */
  readonly #slices: Slices | null;
  /** Replaced, never changed: a follower may come or go while the others are told. */
  #followers: readonly Follower[] = [];
  /** Of the proposal that is being taken: what was made, and how much of it the followers know. */
  #made: Step[] = [];
  #toldCount = 0;
  #taking: Steps | null = null;
  /** Proposals wait for the next pass of the event loop. */
  #isPaced = false;
  #shareFromMs = 0;
  #spentMs = 0;
  #isClosed = false;
  #nextQueueId: number;
  #reservedLimit: number;

  /** @throws MetadataError missing when a kept entity lacks what it hangs on */
  constructor(medium: Medium, kept: Kept, clusterName: string, slices: Slices | null) {
    this.#medium = medium;
    this.#slices = slices;
    this.#defaultClusterName = clusterName;
    this.#nextQueueId = kept.nextQueueId;
    this.#reservedLimit = kept.nextQueueId;
    for (const put of kept.puts) whole(this.#catalogue.make(put, []));
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
    const { length } = this.#made;
    return this.#catalogue.snapshot(this.#toldCount < length ? this.#made.slice(this.#toldCount) : []);
  }

  propose(changes: readonly Change[], applied: Applied, by?: string): void {
    this.#waiting.push({ changes, applied, by });
    // A follower that proposes is in the middle of hearing of another proposal; the others must hear of that one first.
    this.#takeWaiting();
  }

  follow(apply: Follower): () => void {
    const follower: Follower = (change, by) => apply(change, by);
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
    this.#isClosed = true;
    this.#followers = [];
    // What is half written is given up.
    this.#taking?.return();
    this.#medium.close();
  }

  #takeWaiting(): void {
    while (this.#taking === null && !this.#isPaced) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#begin([next]);
    }
  }

  #begin(proposals: readonly Proposal[]): void {
    const taking = this.#take(proposals);
    this.#taking = taking;
    const slices = this.#slices;
    if (slices === null) return whole(taking);
    const beganMs = performance.now();
    for (let step = 0; this.#taking === taking; step++) {
      if (step === STEPS_AT_ONCE) return void this.#takeInSlices(taking, slices);
      taking.next();
    }
    if (this.#hasHadShare(beganMs) && !this.#isPaced) void this.#pause(slices);
  }

  async #takeInSlices(taking: Steps, slices: Slices): Promise<void> {
    await slices.run(taking);
    if (!this.#isClosed) this.#takeWaiting();
  }

  #hasHadShare(beganMs: number): boolean {
    if (beganMs - this.#shareFromMs > SHARE_PERIOD_MS) {
      this.#shareFromMs = beganMs;
      this.#spentMs = 0;
    }
    this.#spentMs += performance.now() - beganMs;
    return this.#spentMs > SHARE_MS;
  }

  async #pause(slices: Slices): Promise<void> {
    this.#isPaced = true;
    await slices.next();
    this.#isPaced = false;
    if (this.#isClosed) return;
    if (this.#taking === null && this.#waiting.length > 0) this.#begin(this.#waiting.splice(0, TOGETHER_COUNT));
    this.#takeWaiting();
  }

  *#take(proposals: readonly Proposal[]): Steps {
    let isTaking = true;
    const end = () => {
      isTaking = false;
      this.#made = [];
      this.#toldCount = 0;
      this.#taking = null;
    };
    try {
      const outcomes = yield* this.#attempt(proposals);
      for (const outcome of outcomes) {
        while (this.#toldCount < outcome.end) {
          this.#tell(this.#made[this.#toldCount++], outcome.by);
          yield;
        }
        if (outcome === outcomes.at(-1)) end();
        outcome.applied(outcome.error);
      }
    } finally {
      if (isTaking) end();
    }
  }

  #tell({ change }: Step, by: string | undefined): void {
    for (const follower of this.#followers) follower(change, by);
  }

  /** Makes the changes and persists them. What fails has not happened, neither here nor in the medium. */
  *#attempt(proposals: readonly Proposal[]): Steps<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    try {
      for (const { changes, applied, by } of proposals) {
        const error = yield* this.#make(changes);
        outcomes.push({ applied, by, error, end: this.#made.length });
      }
      if (this.#made.some(({ durable }) => durable)) yield* this.#medium.write(rowsOf(this.#made));
      return outcomes;
    } catch (error) {
      yield* this.#catalogue.undo(this.#made, 0);
      if (!(error instanceof MetadataError)) throw error;
      return proposals.map(({ applied, by }, index) => {
        return { applied, by, error: outcomes[index]?.error ?? error, end: 0 };
      });
    }
  }

  /** All changes of a proposal or none. */
  *#make(changes: readonly Change[]): Steps<MetadataError | null> {
    const from = this.#made.length;
    try {
      for (const change of changes) yield* this.#catalogue.make(change, this.#made);
      return null;
    } catch (error) {
      yield* this.#catalogue.undo(this.#made, from);
      if (error instanceof MetadataError) return error;
      throw error;
    }
  }
}

function* rowsOf(steps: readonly Step[]): Iterable<Row> {
  for (const { key, durable, after } of steps) {
    if (durable) yield { key, text: after === undefined ? null : encodeRecord(after.put) };
  }
}
