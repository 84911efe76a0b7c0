/**
 * Random histories of a delay line, killed at random moments: publishing, the passing of time, a clock that is set forth and
 * back, messages that are cancelled or released early, journal files that are compacted, kills in the midst of writes and of moves. `LEVERET_SEED=n` repeats a run, `LEVERET_ROUNDS=n` makes it longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slices } from '../runtime/slices.ts';
import { bodyAt } from '../storage/test-store.ts';
import { cancelOne, releaseOne, visitWaiting } from './delay-control.ts';
import type { WaitingId } from './delay-walk.ts';
import { COMPACTION, TestLine } from './test-delay-line.ts';

const SEED = Number(process.env.LEVERET_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.LEVERET_ROUNDS ?? 6);
const STEPS = 40;
const SLICES = new Slices();
const LONGEST_DELAYS_MS = [50, 2000, 100_000, 3_600_000];

/** A small generator of numbers that a seed repeats (mulberry32). */
function randomFrom(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

class History {
  readonly #random = randomFrom(SEED);
  #line = new TestLine(undefined, undefined, undefined, COMPACTION);
  #published = 0;
  readonly #due = new Map<string, number>();
  /** Published, and confirmed: they may not be lost. */
  readonly #confirmed = new Set<string>();
  readonly #unconfirmed = new Set<string>();
  /** Seen in the queue after a start, or known to be there: they may not come again. */
  readonly #done = new Set<string>();
  /** Handed out by a broker that was killed: if they come again, they are marked. */
  readonly #handedOut = new Set<string>();
  /** Somebody wanted them to go before their time. */
  readonly #early = new Set<string>();
  /** It was answered that they are; or it was asked for, and the broker killed. */
  readonly #cancelled = new Set<string>();
  readonly #maybeCancelled = new Set<string>();
  readonly counts = { changed: 0, kills: 0, repeated: 0, segments: 0, published: 0, compacted: 0 };

  async run(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      for (let step = 0; step < STEPS; step++) await this.#step();
      await this.#kill();
    }
    await this.#end();
  }

  async #step(): Promise<void> {
    const choice = this.#random(13);
    if (choice === 12) return this.#compact();
    if (choice < 4) return this.#publish(1 + this.#random(60));
    if (choice < 6) return this.#confirm();
    if (choice < 8) return this.#pass(1 + this.#random(3000));
    if (choice === 8) return this.#jump((this.#random(3) - 1) * 3_600_000);
    if (choice > 9) return this.#change(choice === 10);
    // Turns in which writes, reads and moves go on by themselves.
    for (let i = 0; i < this.#random(30); i++) await new Promise((next) => setImmediate(next));
  }

  /** Has the files of the journal written anew that are full; the broker may be killed in the midst of it. */
  async #compact(): Promise<void> {
    const { store, logged } = this.#line;
    const before = logged.length;
    // At a first look nothing is known of the one before.
    for (let look = 0; look < 2; look++) {
      void store.compact();
      for (let i = this.#random(300); i > 0; i--) await new Promise((next) => setImmediate(next));
    }
    this.counts.compacted += logged.slice(before).filter((line) => line.includes('bytes in place of')).length;
  }

  /** It is noticed within a second. */
  async #jump(ms: number): Promise<void> {
    this.#line.clock.jump(ms);
    this.#line.clock.advance(1000);
    await this.#line.commit();
  }

  #publish(count: number): void {
    const longest = LONGEST_DELAYS_MS[this.#random(LONGEST_DELAYS_MS.length)]!;
    for (let i = 0; i < count; i++) {
      const id = `m${this.#published++}`;
      const delay = 1 + this.#random(longest);
      this.#due.set(id, this.#line.clock.nowMs() + delay);
      this.#unconfirmed.add(id);
      this.#line.publish(id, { 'x-delay': delay }, 100 + this.#random(4000));
    }
  }

  /** Cancels some that wait, or has them released now; somebody waits for the answer, or the broker may be killed before. */
  async #change(isCancel: boolean): Promise<void> {
    const picked = new Map<string, WaitingId>();
    await visitWaiting(this.#line.line, {}, { count: 200, examined: 200 }, SLICES, ({ place, page, offset }) => {
      if (this.#random(10) === 0) picked.set(bodyAt(page, offset).toString().split(' ')[0]!, place);
    });
    for (const [id, place] of picked) {
      if (isCancel) this.#maybeCancelled.add(id);
      else this.#early.add(id);
      const { line } = this.#line;
      const changed = isCancel ? cancelOne(line, place) : releaseOne(line, place, SLICES);
      if (this.#random(4) === 0) return;
      const isDone = await this.#ended(changed);
      if (isCancel && isDone) this.#cancelled.add(id);
      if (isDone) this.counts.changed++;
    }
  }

  /** While the store takes no more it is looked again by the clock. */
  async #ended(changed: Promise<boolean>): Promise<boolean> {
    let isEnded = false;
    const ended = changed.finally(() => {
      isEnded = true;
    });
    while (!isEnded) {
      await new Promise((next) => setImmediate(next));
      this.#line.clock.advance(1);
    }
    return ended;
  }

  async #confirm(): Promise<void> {
    await this.#line.commit();
    for (const id of this.#unconfirmed) this.#confirmed.add(id);
    this.#unconfirmed.clear();
    for (const id of this.#line.queue.keys()) this.#done.add(id);
    if (this.#random(4) === 0) this.#line.emptyQueue();
    this.#checkReleased();
  }

  async #pass(ms: number): Promise<void> {
    this.#line.clock.advance(ms);
    if (this.#random(2) === 0) await this.#line.settle();
  }

  /** What was released since the last look, by this broker. */
  #checkReleased(): void {
    const { released } = this.#line;
    for (const { id, atMs, isRepeated } of released) {
      assert(atMs >= this.#due.get(id)! || this.#early.has(id), `${id} is early`);
      assert(!this.#cancelled.has(id), `${id} was cancelled`);
      if (this.#handedOut.has(id)) assert(isRepeated, `${id} was handed out before, and is not marked`);
      if (isRepeated) this.counts.repeated++;
    }
    released.length = 0;
  }

  async #kill(): Promise<void> {
    this.counts.kills++;
    this.counts.segments += this.#line.line.segments.length;
    const handedOut = this.#line.released.map(({ id }) => id);
    this.#checkReleased();
    for (const id of handedOut) this.#handedOut.add(id);
    this.#line = this.#line.crash();
    for (const id of this.#line.queue.keys()) this.#done.add(id);
    this.#unconfirmed.clear();
  }

  /** Until nothing waits; then each confirmed message has come, and none in two durable places. */
  async #end(): Promise<void> {
    await this.#confirm();
    this.#line.clock.jump(Math.max(0, ...this.#due.values()) - this.#line.clock.nowMs());
    for (let i = 0; this.#line.line.count > 0; i++) {
      assert(i < 2000, `${this.#line.line.count} messages never come`);
      await this.#line.pass(1000, 100);
      const ids = this.#line.released.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'none comes twice from one broker');
      for (const id of ids) assert(!this.#done.has(id), `${id} had come before, for certain`);
      await this.#confirm();
    }
    for (const id of this.#confirmed) {
      assert(this.#done.has(id) || this.#maybeCancelled.has(id), `${id} was confirmed, and is lost`);
    }
    this.counts.published = this.#published;
    this.#line.abandon();
  }
}

test(`each delayed message comes, in time and once, or is marked (seed ${SEED})`, async (t) => {
  const history = new History();
  await history.run();
  t.diagnostic(JSON.stringify(history.counts));
  assert(history.counts.segments > 0, 'some were moved');
  assert(history.counts.changed > 0, 'some were cancelled or released early');
});
