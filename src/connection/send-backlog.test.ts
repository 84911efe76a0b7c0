import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../config/limits.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { SendBacklog } from './send-backlog.ts';

const KIB = 1024;
const TIMEOUT_MS = 1000;

/** A socket that has given `taken` octets to the kernel, of all that were written. */
class SlowSocket {
  readonly writableHighWaterMark = 64 * KIB;
  written = 0;
  taken = 0;

  /** A write is one whole to the runtime until all of it has gone. */
  get writableLength(): number {
    return this.taken === this.written ? 0 : this.written;
  }

  get _handle() {
    return { bytesWritten: this.written, writeQueueSize: this.written - this.taken };
  }
}

function newBacklog(maxSendBufferBytes = 256 * KIB) {
  const socket = new SlowSocket();
  const clock = new TestClock();
  const limits = { ...DEFAULT_LIMITS, maxSendBufferBytes, sendTimeoutMs: TIMEOUT_MS };
  const backlog = new SendBacklog(socket as unknown as Socket, clock, limits);
  const stallsAfter = (ms: number) => {
    clock.advance(ms);
    return backlog.isStalled(clock.monotonicMs());
  };
  return { socket, backlog, stallsAfter };
}

test('a peer is blocked from more than the limit until everything has gone', () => {
  const { socket, backlog } = newBacklog();
  socket.written = 256 * KIB;
  assert.equal(backlog.check(), false);
  socket.written++;
  assert.equal(backlog.check(), true);
  socket.taken = socket.written - 1;
  assert.equal(backlog.blocked, true);
  socket.taken = socket.written;
  backlog.drained();
  assert.equal(backlog.blocked, false);
  assert.equal(backlog.check(), false);
});

test('a limit below what the socket tells the end of counts as that', () => {
  const { socket, backlog } = newBacklog(1);
  socket.written = 64 * KIB;
  assert.equal(backlog.check(), false);
  socket.written++;
  assert.equal(backlog.check(), true);
});

test('a peer that takes a little of one long write, again and again, is not stalled; one that takes nothing is', () => {
  const { socket, backlog, stallsAfter } = newBacklog();
  socket.written = 1024 * KIB;
  assert.equal(stallsAfter(10 * TIMEOUT_MS), false, 'it is not blocked yet');
  backlog.check();
  for (let i = 0; i < 10; i++) {
    socket.taken += 1;
    assert.equal(stallsAfter(TIMEOUT_MS - 1), false);
  }
  // What is written meanwhile, heartbeats say, is nothing that was taken.
  socket.written += 8;
  assert.equal(stallsAfter(TIMEOUT_MS), false);
  socket.written += 8;
  assert.equal(stallsAfter(1), true);
});

test('answers count until they are read, deliveries do not count as answers', () => {
  const { socket, backlog } = newBacklog();
  socket.written = 1024 * KIB;
  backlog.check();
  assert.equal(backlog.tooManyAnswers(0), false, 'deliveries alone');
  backlog.addAnswers(200 * KIB);
  assert.equal(backlog.tooManyAnswers(56 * KIB), false);
  assert.equal(backlog.tooManyAnswers(56 * KIB + 1), true);
  backlog.addAnswers(57 * KIB);
  assert.equal(backlog.tooManyAnswers(0), true);
  socket.taken = socket.written;
  backlog.drained();
  assert.equal(backlog.tooManyAnswers(300 * KIB), false, 'it is not blocked');
});

test('answers to a peer that reads never add up', () => {
  const { socket, backlog } = newBacklog();
  for (let i = 0; i < 100; i++) {
    backlog.addAnswers(64 * KIB);
    socket.written += 64 * KIB;
    socket.taken = socket.written;
  }
  socket.written += 300 * KIB;
  backlog.check();
  backlog.addAnswers(0);
  assert.equal(backlog.tooManyAnswers(100 * KIB), false);
});
