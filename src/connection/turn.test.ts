import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Queue } from '../queues/queue.ts';
import { TestClock } from '../runtime/test-clock.ts';
import type { MessageStore } from '../storage/message-store.ts';
import { Turn } from './turn.ts';

/** Queues whose consumers are all on one connection, which takes so many deliveries a turn. */
class OneConnection {
  readonly turn = new Turn(new TestClock());
  readonly queues: Queue[];
  /** The turn in which each queue was served last. */
  readonly servedIn: number[];
  credit = 0;
  #turns = 0;

  constructor(queueCount: number) {
    this.turn.store = { commit() {}, appended: 0, durable: 0 } as MessageStore;
    this.servedIn = new Array(queueCount).fill(0);
    this.queues = Array.from({ length: queueCount }, (_, index) => this.#queue(index));
  }

  #queue(index: number): Queue {
    const queue = {
      awake: false,
      deleted: false,
      wentWithout: false,
      readyCount: 0,
      deliveredTotal: 0,
      dispatch: () => {
        while (this.credit > 0 && queue.readyCount > 0) {
          this.credit--;
          queue.readyCount--;
          queue.deliveredTotal++;
          this.servedIn[index] = this.#turns;
        }
      },
    };
    return queue as unknown as Queue;
  }

  /**
   * A message comes to each queue, unless the publisher waits for what it has published; and the connection takes `credit`.
   * @returns the turn's number
   */
  next(credit: number): number {
    this.#turns++;
    this.credit = credit;
    const isAhead = this.queues.reduce((sum, { readyCount }) => sum + readyCount, 0) > 4 * this.queues.length;
    for (const queue of this.queues) {
      if (!isAhead) queue.readyCount++;
      if (!queue.awake && queue.readyCount > 0) this.turn.wake(queue);
    }
    this.turn.run();
    return this.#turns;
  }
}

test('the many queues of a connection that cannot take everything wait about as long as each other', () => {
  const connection = new OneConnection(100);
  // Now and then it takes nothing at all: that must not bring the first ones to the front again.
  for (let turn = 0; turn < 200; turn++) connection.next(turn % 3 === 0 ? 0 : 50);
  const now = connection.next(50);
  assert.ok(Math.min(...connection.servedIn) >= now - 25, `served last in ${connection.servedIn}`);
});

test('a queue that was deleted while it waited is forgotten', () => {
  const connection = new OneConnection(100);
  connection.next(0);
  connection.queues[0]!.deleted = true;
  connection.next(1000);
  assert.equal(connection.servedIn[0], 0);
  assert.equal(connection.servedIn[1], 2);
});

test('a turn has one time, which what comes in later does not move', () => {
  const clock = new TestClock();
  const turn = new Turn(clock);
  turn.store = { commit() {}, appended: 0, durable: 0 } as MessageStore;
  const startMs = clock.nowMs();
  turn.begin();
  clock.advance(7);
  turn.begin();
  assert.deepEqual([turn.nowMs - startMs, turn.cameInMs - startMs], [0, 7]);
  turn.run();
  turn.begin();
  assert.deepEqual([turn.nowMs - startMs, turn.cameInMs - startMs], [7, 7]);
});

test('what has something to do at a time is asked before anything is delivered, for as long as it wants to', () => {
  const clock = new TestClock();
  const turn = new Turn(clock);
  turn.store = { commit() {}, appended: 0, durable: 0 } as MessageStore;
  const done: string[] = [];
  const queue = { dispatch: () => done.push('delivered') } as unknown as Queue;
  const dueMs = clock.nowMs() + 2;
  turn.awaitTime({
    inTurn: (nowMs) => {
      if (nowMs < dueMs) return true;
      done.push('released');
      turn.wake(queue);
      return false;
    },
  });
  for (let ms = 0; ms < 4; ms++) {
    turn.run();
    clock.advance(1);
  }
  assert.deepEqual(done, ['released', 'delivered']);
});

test('a channel is asked for its confirms once a turn, until none waits', () => {
  const turn = new Turn(new TestClock());
  turn.store = { commit() {}, appended: 0, durable: 0 } as MessageStore;
  const left = [2, 1, 0];
  let asked = 0;
  const channel = {
    confirm: () => {
      asked++;
      return left.shift()! > 0;
    },
  };
  turn.awaitConfirm(channel);
  for (let i = 0; i < 5; i++) turn.run();
  assert.equal(asked, 3);
});
