import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as passEventLoop } from 'node:timers/promises';
import { DEFAULT_LIMITS } from '../config/limits.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { Ticker } from './ticker.ts';

/** A ticker every 500 ms whose ticks end at once, and what each of them was told of the time that nobody was heard. */
function ticking(limits = DEFAULT_LIMITS) {
  const clock = new TestClock();
  const unheard: number[] = [];
  const ticker = new Ticker(clock, limits, async (_nowMs, unheardMs) => {
    unheard.push(unheardMs);
  });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await passEventLoop();
  };
  return { clock, ticker, unheard, advance };
}

suite('the ticker', () => {
  test('ticks twice a second, and no more once it is cancelled', async () => {
    const { clock, ticker, unheard, advance } = ticking();
    for (let i = 0; i < 3; i++) await advance(500);
    assert.deepEqual(unheard, [0, 0, 0]);
    ticker.cancel();
    assert.equal(clock.waiting, 0);
  });

  test('ticks four times within a limit that is shorter, and never without a pause', async () => {
    const short = ticking({ ...DEFAULT_LIMITS, sendTimeoutMs: 400 });
    for (let i = 0; i < 4; i++) await short.advance(100);
    assert.equal(short.unheard.length, 4);
    const shortest = ticking({ ...DEFAULT_LIMITS, consumerTimeoutMs: 1 });
    for (let i = 0; i < 2; i++) await shortest.advance(19);
    assert.equal(shortest.unheard.length, 1);
  });

  test('leaves a tick out while the one before goes on', async () => {
    const clock = new TestClock();
    const ended = Promise.withResolvers<void>();
    let ticks = 0;
    new Ticker(clock, DEFAULT_LIMITS, () => {
      ticks++;
      return ended.promise;
    });
    clock.advance(1500);
    assert.equal(ticks, 1);
    ended.resolve();
    await passEventLoop();
    clock.advance(500);
    assert.equal(ticks, 2);
  });

  test('tells how late it is when the process had no time, unless it is late by a little', async () => {
    const { clock, unheard, advance } = ticking();
    await advance(500);
    clock.stall(900);
    await advance(0);
    assert.deepEqual(unheard, [0, 0]);
    clock.stall(60_000);
    await advance(0);
    assert.deepEqual(unheard, [0, 0, 59_500]);
  });
});
