/**
 * Random histories, crashed at random moments: the machine stops in the midst of a write, with any of its sectors on the disk.
 * After each crash the store is opened again and held against what was promised, and the history goes on from there.
 *
 * `LEVERET_SEED=n` repeats a run, `LEVERET_CRASHES=n` makes it longer.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PAGE_SIZE } from './page.ts';
import { TestDisk } from './test-disk.ts';
import { randomFrom } from './test-random.ts';
import { newDirectory, TestStore } from './test-store.ts';

const seed = Number(process.env.LEVERET_SEED ?? Date.now() % 1_000_000);
const CRASHES = Number(process.env.LEVERET_CRASHES ?? 30);
const QUEUES = [1, 2, 3];
/** The journal tries a failed write again after this long. */
const RETRY_MS = 250;
/** How often the compactor looks for journal files of which little is needed. */
const LOOK_MS = 15_000;
const BODY_SIZES = [0, 10, 100, 1000, 50_000, 400_000, 1_100_000];

/** One thing that was done, in the order of the journal. */
type Step =
  | { readonly kind: 'publish'; readonly body: string; readonly queues: readonly number[] }
  | { readonly kind: 'settle'; readonly body: string; readonly queue: number };

/** Steps that stand or fall together. */
interface Deed {
  readonly steps: readonly Step[];
  /** Journal bytes that must be durable for it to be. */
  readonly need: number;
  /** A message that is settled by itself may be gone, with its journal file, before the journal says so. */
  readonly mayBeEarly: boolean;
}

class History {
  readonly random: (below: number) => number;
  directory = newDirectory();
  #store!: TestStore;
  #disk!: TestDisk;
  /** What each queue held for certain when the store was opened. */
  #base = new Map<number, string[]>();
  #deeds: Deed[] = [];
  #published = 0;
  #stores: TestStore[] = [];
  /** Journal files that were written anew. */
  compactions = 0;
  #directories: string[] = [this.directory];

  constructor(start: number) {
    this.random = randomFrom(start);
    this.#open();
  }

  #open(): void {
    this.compactions += this.#compactionsOf(this.#stores.at(-1));
    this.#disk = new TestDisk();
    // Whether it is worth while or not.
    const compaction = { ratio: -100, bytesPerSecond: 1e15, intervalMs: LOOK_MS };
    const memoryLimitBytes = 4 * PAGE_SIZE;
    this.#store = new TestStore({ directory: this.directory, disk: this.#disk, memoryLimitBytes, compaction });
    this.#stores.push(this.#store);
    this.#base = new Map(QUEUES.map((id) => [id, this.#nameBodies(id)]));
    this.#deeds = [];
  }

  #compactionsOf(store: TestStore | undefined): number {
    return store?.logged.filter((line) => line.includes('bytes in place of')).length ?? 0;
  }

  /** Bodies start with a name of their own, which stands for them here. */
  #nameBodies(id: number): string[] {
    return this.#store.bodies(id).map((body) => {
      assert(body !== null, `seed ${seed}: the bytes of a message are lost`);
      return nameOf(body);
    });
  }

  async live(): Promise<void> {
    const turns = 1 + this.random(25);
    for (let turn = 0; turn < turns; turn++) {
      for (let deeds = this.random(6); deeds > 0; deeds--) this.#act();
      this.#store.store.commit();
      if (this.random(8) === 0) this.#failWrites();
      if (this.random(3) === 0) this.#disk.holding = this.random(2) === 0;
      if (!this.#disk.holding) while (this.#disk.heldWrites > 0) this.#disk.release();
      for (let ticks = this.random(4); ticks > 0; ticks--) await new Promise((resolve) => setImmediate(resolve));
      this.#store.clock.advance(RETRY_MS);
      if (this.random(4) === 0) this.#store.store.tick();
      // Journal files are looked at, twice: what has not changed in between is compacted.
      if (this.random(6) === 0) await this.#look();
    }
  }

  /** Compacts what has been in a checkpoint; what has begun then comes to its end, or does not. */
  async #look(): Promise<void> {
    if (this.#disk.holding) return this.#store.clock.advance(2 * LOOK_MS);
    for (let turn = this.random(4000); turn > 0; turn--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#store.clock.advance(2 * LOOK_MS);
    if (this.random(2) === 0) return;
    let isDone = false;
    void this.#store.store.compact().then(() => {
      isDone = true;
    });
    // It may wait for a write that has failed a moment ago.
    await this.#store.until(() => {
      this.#store.clock.advance(RETRY_MS);
      return isDone;
    });
  }

  #failWrites(): void {
    this.#disk.failures = new Array(1 + this.random(2)).fill('ENOSPC');
    this.#disk.writtenBeforeFailure = this.random(100_000);
  }

  #act(): void {
    const choice = this.random(10);
    if (choice < 3) this.#note([this.#publish()], false);
    else if (choice < 7) this.#note(this.#settle(), true);
    else if (choice < 8) this.#move();
    else this.#actAtomically();
  }

  #actAtomically(): void {
    const steps: Step[] = [];
    this.#store.store.beginAtomic();
    for (let count = 1 + this.random(4); count > 0; count--) {
      if (this.random(5) < 2) steps.push(this.#publish());
      else steps.push(...this.#settle());
    }
    this.#store.store.endAtomic();
    this.#note(steps, false);
  }

  /** What dead-lettering does: a copy for another queue, and then the message leaves its own. */
  #move(): void {
    const from = QUEUES[this.random(QUEUES.length)]!;
    const held = this.#store.queues.get(from) ?? [];
    if (held.length === 0) return;
    const { position } = held[0]!;
    const body = this.#store.body(position)!.toString();
    this.#note([this.#publish()], false);
    this.#store.queues.get(from)!.shift();
    this.#store.store.replace(from, position, true);
    this.#note([{ kind: 'settle', body: nameOf(body), queue: from }], false);
  }

  /** What was settled goes into the journal now, and not only at the end of the turn, so that it is known where it stands. */
  #note(steps: readonly Step[], mayBeEarly: boolean): void {
    this.#store.store.beginAtomic();
    this.#store.store.endAtomic();
    this.#deeds.push({ steps, need: this.#store.store.appended, mayBeEarly });
  }

  #publish(): Step {
    const queues = QUEUES.filter(() => this.random(2) === 0);
    if (queues.length === 0) queues.push(QUEUES[0]!);
    const name = `m${this.#published++};`;
    const body = name.padEnd(name.length + BODY_SIZES[this.random(BODY_SIZES.length)]!, '.');
    this.#store.publish(body, queues);
    return { kind: 'publish', body: name, queues };
  }

  #settle(): Step[] {
    const queue = QUEUES[this.random(QUEUES.length)]!;
    const held = this.#store.queues.get(queue) ?? [];
    if (held.length === 0) return [];
    // From the front more often than not, as consumers do.
    const index = this.random(3) === 0 ? this.random(held.length) : 0;
    const body = this.#store.body(held[index]!.position);
    assert(body !== null);
    this.#store.settle(queue, index);
    return [{ kind: 'settle', body: nameOf(body.toString()), queue }];
  }

  /** The machine stops: the directory as it is then, with a part of the writes that were under way, is what there is. */
  crash(): void {
    const copy = newDirectory();
    this.#directories.push(copy);
    const durable = this.#store.store.durable;
    copyDirectory(this.directory, copy);
    const survival = this.random(101);
    this.#disk.tear(
      () => this.random(100) < survival,
      (path) => copy + path.slice(this.directory.length),
    );
    const [from, deeds] = [this.#base, this.#deeds];
    this.directory = copy;
    this.#open();
    this.#check(from, deeds, durable);
  }

  /**
   * What is there is what some prefix of the deeds left, and that prefix holds all that was durable. Only a deed that may be
   * early can be ahead of it.
   */
  #check(from: ReadonlyMap<number, string[]>, deeds: readonly Deed[], durable: number): void {
    assert.deepEqual(this.#store.store.damage, [], 'a crash is no damage');
    assert.deepEqual(this.#store.lost, []);
    const state = new Map([...from].map(([id, bodies]) => [id, [...bodies]]));
    const mustHave = deeds.findLastIndex(({ need }) => need <= durable) + 1;
    for (let count = 0; count <= deeds.length; count++) {
      if (count >= mustHave && this.#isLike(state, deeds.slice(count))) return;
      if (count < deeds.length) for (const step of deeds[count]!.steps) apply(state, step);
    }
    const [found, last] = [this.#base, state].map((each) => JSON.stringify([...each]));
    assert.fail(
      `seed ${seed}: found ${found}, expected what leads to ${last}, ${JSON.stringify(deeds.slice(mustHave))}`,
    );
  }

  #isLike(state: ReadonlyMap<number, string[]>, later: readonly Deed[]): boolean {
    const settled = new Set<string>();
    for (const { mayBeEarly, steps } of later) {
      if (mayBeEarly) for (const step of steps) if (step.kind === 'settle') settled.add(`${step.queue} ${step.body}`);
    }
    return QUEUES.every((id) => {
      const found = this.#base.get(id)!;
      const expected = state.get(id)!.filter((name) => found.includes(name) || !settled.has(`${id} ${name}`));
      return JSON.stringify(found) === JSON.stringify(expected);
    });
  }

  /** The broker stops in good order, and starts again. */
  async restart(): Promise<void> {
    this.#letWritesHappen();
    const { store, clock } = this.#store;
    // A write that has failed a moment ago is tried again first.
    await this.#store.until(() => {
      clock.advance(RETRY_MS);
      return store.durable === store.appended;
    });
    await this.#close(this.#store);
    const expected = new Map(QUEUES.map((id) => [id, this.#expected(id)]));
    this.#open();
    this.#stores.splice(-2, 1);
    assert.deepEqual(this.#store.store.damage, []);
    assert.deepEqual(this.#base, expected, `seed ${seed}`);
  }

  #expected(id: number): string[] {
    const state = new Map([...this.#base].map(([queue, bodies]) => [queue, [...bodies]]));
    for (const { steps } of this.#deeds) for (const step of steps) apply(state, step);
    return state.get(id)!;
  }

  #letWritesHappen(): void {
    this.#disk.holding = false;
    this.#disk.failures = [];
    while (this.#disk.heldWrites > 0) this.#disk.release();
  }

  /** A store whose disk is gone gives up at its next attempt. */
  async #close({ store, clock }: TestStore): Promise<void> {
    const closed = store.close();
    clock.advance(RETRY_MS);
    await closed;
  }

  async end(): Promise<void> {
    this.#letWritesHappen();
    for (const store of this.#stores) await this.#close(store);
    for (const directory of this.#directories) fs.rmSync(directory, { recursive: true });
  }
}

function nameOf(body: string): string {
  return body.slice(0, body.indexOf(';'));
}

function apply(state: Map<number, string[]>, step: Step): void {
  const name = nameOf(step.kind === 'publish' ? step.body : `${step.body};`);
  if (step.kind === 'publish') for (const id of step.queues) state.get(id)!.push(name);
  else state.get(step.queue)!.splice(state.get(step.queue)!.indexOf(name), 1);
}

/** As it is at one moment: of what goes on beside this thread, at most one step of a checkpoint comes to its end meanwhile. */
function copyDirectory(from: string, to: string): void {
  fs.mkdirSync(join(to, 'journal'));
  for (const name of fs.readdirSync(join(from, 'journal'))) {
    if (name === 'damaged' || name.endsWith('.new')) continue;
    fs.copyFileSync(join(from, 'journal', name), join(to, 'journal', name));
  }
}

test(`random histories survive ${CRASHES} crashes (seed ${seed})`, async (t) => {
  const history = new History(seed);
  after(() => history.end());
  for (let crash = 0; crash < CRASHES; crash++) {
    await history.live();
    if (history.random(6) === 0) await history.restart();
    else history.crash();
  }
  t.diagnostic(`${history.compactions} journal files were compacted`);
});
