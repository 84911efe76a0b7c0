/**
 * The store of a broker that stands alone: a catalogue in memory over a medium that keeps what is durable.
 *
 * The order of a proposal is the invariant: checked, persisted, told to the followers, told to the proposer. Proposals are taken
 * one after the other, or several as one, in the order in which they came.
 *
 *   nothing of it is kept   at once, before propose() returns
 *   something is kept       with all that came in the same pass of the event loop: one transaction and one sync, while which
 *                           the next ones gather. The sync holds nobody up but those who wait for it
 *   it is long              in slices, with messages in between
 *
 * Whoever asks for a snapshot meanwhile sees what the followers were told, and nothing of what they were not. What followers
 * propose while they are told (an exchange that nothing is bound to any more goes) is done before the proposer hears of the
 * end: then the effects of what it asked for are all there.
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
  type ProposalLine,
} from './port.ts';
import { encodeRecord } from './record-json.ts';

/** One durable entity: its text, or null when it goes. */
export interface Row {
  readonly key: string;
  readonly text: string | null;
}

/** Where an embedded store keeps what is durable. */
export interface Medium {
  readonly nodeId: string;
  /** Whether it keeps anything. */
  readonly keeps: boolean;
  /**
   * Takes rows, all or none of them, once all steps are done. They are kept from the next sync on. @throws MetadataError
   * unavailable: nothing of them was taken
   */
  write(rows: Iterable<Row>): Steps;
  /** What was written is durable once it resolves. @returns why it is not: then nothing can be written any more */
  synced(): Promise<MetadataError | null>;
  /** The same, at once. */
  syncNow(): MetadataError | null;
  /** After a sync that failed: keeps what was there before, so that what is refused is not found at the next start. @returns why it may be */
  takeBack(rows: Iterable<Row>): MetadataError | null;
  /**
   * Keeps, durably, that ids below `limit` may have been given out; while rows are written, together with them: what such an id is given
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

/** Changes, and steps (three a change), that are done at once: some declarations, or what a connection takes with it. */
const CHANGES_AT_ONCE = 100;
const STEPS_AT_ONCE = 300;

/** What proposals may take before messages have their turn, and in which time. */
const SHARE_MS = 1;
const SHARE_PERIOD_MS = 5;
/** Changes of proposals that are persisted together. */
const TOGETHER_COUNT = 1000;

interface Proposal {
  readonly changes: readonly Change[];
  readonly applied: Applied;
  readonly by: string | undefined;
  readonly line: ProposalLine | undefined;
}

/** What became of a proposal: why nothing of it was done; or that its steps are those up to `end`. */
interface Outcome {
  readonly proposal: Proposal;
  readonly error: MetadataError | null;
  readonly end: number;
}

export class EmbeddedStore implements MetadataStore {
  readonly #medium: Medium;
  readonly #defaultClusterName: string;
  readonly #catalogue = new Catalogue();
  #waiting: Proposal[] = [];
  /** Of `#waiting`, the first ones that are to be persisted each by itself: together they could not be. */
  #aloneCount = 0;
  /** What followers have proposed since they are being told; null while they are not. */
  #proposedByFollowers: Proposal[] | null = null;
  /** What they have proposed so far, each time with the answer that waits for it. */
  readonly #followUps: Proposal[] = [];
  /** Null: everything is done at once. */
  readonly #slices: Slices | null;
  /** Replaced, never changed: a follower may come or go while the others are told. */
  #followers: readonly Follower[] = [];
  /** Of the proposals that are being taken: what was made, and how much of it the followers know. */
  #made: Step[] = [];
  #toldCount = 0;
  #isTaking = false;
  /** What is given up when the store is closed. */
  #steps: Steps<unknown> | null = null;
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

  propose(changes: readonly Change[], applied: Applied, by?: string, line?: ProposalLine): void {
    const waiting = this.#proposedByFollowers ?? this.#waiting;
    waiting.push({ changes, applied, by, line });
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
    // What is half made is given up; what has not begun yet is short, and is kept as if it had been done when it came.
    this.#steps?.return(undefined);
    this.#keepWaiting();
    this.#medium.close();
  }

  #keepWaiting(): void {
    if (!this.#medium.keeps) return;
    for (const proposal of this.#waiting.splice(0)) {
      this.#made = [];
      const { error } = whole(this.#attempt([proposal]))[0]!;
      if (error !== null) proposal.applied(error);
    }
  }

  #takeWaiting(): void {
    while (!this.#isTaking && !this.#isClosed) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      if (this.#slices !== null && this.#mayTakeLong(next)) return void this.#takeTogether(this.#slices, passed());
      this.#waiting.shift();
      this.#takeAtOnce(next);
    }
  }

  #mayTakeLong({ changes }: Proposal): boolean {
    if (changes.length > CHANGES_AT_ONCE) return true;
    return this.#medium.keeps && changes.some((change) => this.#catalogue.isKept(change));
  }

  // --- one by itself ---

  #takeAtOnce(proposal: Proposal): void {
    this.#isTaking = true;
    const taking = this.#take(proposal);
    this.#steps = taking;
    const slices = this.#slices;
    if (slices === null) return whole(taking);
    const beganMs = performance.now();
    for (let step = 0; this.#steps === taking; step++) {
      if (step === STEPS_AT_ONCE) return void this.#goOnTaking(taking, slices);
      taking.next();
    }
    if (this.#hasHadShare(beganMs) && !this.#isTaking) void this.#takeTogether(slices, slices.next());
  }

  async #goOnTaking(taking: Steps, slices: Slices): Promise<void> {
    await slices.run(taking);
    this.#takeWaiting();
  }

  *#take(proposal: Proposal): Steps {
    let isTaking = true;
    try {
      const outcome = (yield* this.#attempt([proposal]))[0]!;
      const fault = this.#keepsMade() ? this.#medium.syncNow() : null;
      const error = fault === null ? outcome.error : yield* this.#takeBack(fault, [outcome]);
      const isDone = yield* this.#tellOf(error === null ? outcome : { proposal, error, end: 0 });
      isTaking = false;
      this.#end();
      if (isDone) proposal.applied(error);
    } finally {
      if (isTaking) this.#end();
    }
  }

  #hasHadShare(beganMs: number): boolean {
    if (beganMs - this.#shareFromMs > SHARE_PERIOD_MS) {
      this.#shareFromMs = beganMs;
      this.#spentMs = 0;
    }
    this.#spentMs += performance.now() - beganMs;
    return this.#spentMs > SHARE_MS;
  }

  // --- several as one ---

  /** @param begin when those that came until then are taken */
  async #takeTogether(slices: Slices, begin: Promise<void>): Promise<void> {
    this.#isTaking = true;
    await begin;
    if (this.#isClosed) return;
    const outcomes = await this.#run(this.#attempt(this.#nextProposals()), slices);
    if (this.#isClosed) return;
    const fault = this.#keepsMade() ? await this.#medium.synced() : null;
    if (this.#isClosed) return;
    await this.#run(this.#answerAll(outcomes, fault), slices);
    if (this.#isClosed) return;
    this.#end();
    this.#takeWaiting();
  }

  #nextProposals(): Proposal[] {
    const alone = this.#aloneCount > 0;
    if (alone) this.#aloneCount--;
    let count = 0;
    for (let size = 0; count < this.#waiting.length && size < TOGETHER_COUNT && !(alone && count > 0); count++) {
      size += this.#waiting[count]!.changes.length + 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** What is short is done before messages have their turn again. */
  #run<T>(steps: Steps<T>, slices: Slices): T | Promise<T> {
    this.#steps = steps;
    const endMs = performance.now() + SHARE_MS;
    do {
      const { done, value } = steps.next();
      if (done === true) return value;
    } while (performance.now() < endMs);
    return slices.run(steps);
  }

  *#answerAll(outcomes: readonly Outcome[], fault: MetadataError | null): Steps {
    const refusal = fault === null ? null : yield* this.#takeBack(fault, outcomes);
    for (const outcome of outcomes) {
      const { proposal, error } = outcome;
      const isDone = refusal !== null || (yield* this.#tellOf(outcome));
      if (isDone) proposal.applied(error ?? refusal);
      yield;
    }
  }

  // --- what both have ---

  #end(): void {
    if (this.#followUps.length > 0) this.#waiting = [...this.#followUps.splice(0), ...this.#waiting];
    this.#made = [];
    this.#toldCount = 0;
    this.#steps = null;
    this.#isTaking = false;
  }

  /** Nothing of what a sync that failed was for has happened, here or at the next start. @returns what the proposers are told */
  *#takeBack(fault: MetadataError, outcomes: readonly Outcome[]): Steps<MetadataError> {
    const doubt = this.#medium.takeBack(rowsBefore(this.#made));
    yield* this.#catalogue.undo(this.#made, 0);
    for (const { proposal } of outcomes) fail(proposal);
    return doubt === null
      ? fault
      : new MetadataError(fault.fault, `${fault.message}; ${doubt.message}`, { cause: fault });
  }

  #keepsMade(): boolean {
    return this.#medium.keeps && this.#made.some(({ durable }) => durable);
  }

  /** @returns false where the answer has to wait: it comes after what followers have proposed */
  *#tellOf({ proposal, error, end }: Outcome): Steps<boolean> {
    const proposed: Proposal[] = [];
    while (this.#toldCount < end) {
      this.#proposedByFollowers = proposed;
      this.#tell(this.#made[this.#toldCount++]!, proposal.by);
      this.#proposedByFollowers = null;
      // Nobody comes in between the last change and the proposer, who has to say whose an exclusive queue is.
      if (this.#toldCount < end) yield;
    }
    if (proposed.length === 0) return true;
    this.#followUps.push(...proposed, { ...proposal, changes: [], applied: () => proposal.applied(error) });
    return false;
  }

  #tell({ change }: Step, by: string | undefined): void {
    for (const follower of this.#followers) follower(change, by);
  }

  /**
   * Makes the changes and writes them. What fails has not happened, neither here nor in the medium.
   * @returns nothing where they could not be written together: then each is to be taken by itself
   */
  *#attempt(proposals: readonly Proposal[]): Steps<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    let isOver = false;
    try {
      for (const proposal of proposals) {
        const error = isAbandoned(proposal) ? abandoned() : yield* this.#make(proposal.changes);
        if (error !== null) fail(proposal);
        outcomes.push({ proposal, error, end: this.#made.length });
      }
      if (this.#keepsMade()) yield* this.#medium.write(rowsOf(this.#made));
      isOver = true;
      return outcomes;
    } catch (error) {
      yield* this.#catalogue.undo(this.#made, 0);
      isOver = true;
      if (!(error instanceof MetadataError)) throw error;
      if (proposals.length === 1) {
        fail(proposals[0]!);
        return [{ proposal: proposals[0]!, error, end: 0 }];
      }
      this.#waiting.unshift(...proposals);
      this.#aloneCount = proposals.length;
      return [];
    } finally {
      // It was given up: the store is being closed.
      if (!isOver) whole(this.#catalogue.undo(this.#made, 0));
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

/** What was there before the steps, the last one first. */
function* rowsBefore(steps: readonly Step[]): Iterable<Row> {
  for (const { key, durable, before } of steps.toReversed()) {
    if (durable) yield { key, text: before === undefined ? null : encodeRecord(before.put) };
  }
}

function fail({ line }: Proposal): void {
  if (line !== undefined) line.hasFailed = true;
}

function isAbandoned({ line }: Proposal): boolean {
  return line?.hasFailed === true;
}

function abandoned(): MetadataError {
  return new MetadataError('abandoned', 'what was asked for before it has failed');
}

/** Resolves once all that came in the same pass of the event loop has been taken in. */
function passed(): Promise<void> {
  return new Promise((begin) => setImmediate(begin));
}
