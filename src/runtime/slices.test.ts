import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slices } from './slices.ts';

/** Keeps the thread busy for so long. */
function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('others have their turn between two slices', async () => {
  let turns = 0;
  const turn = () => {
    turns++;
    pending = setImmediate(turn);
  };
  let pending = setImmediate(turn);
  await new Slices().each(Array(20), () => work(0.3));
  clearImmediate(pending);
  assert.ok(turns >= 5, `${turns} turns while 6 ms of work were done`);
});

test('who works at the same time takes turns, a slice for each pass of the event loop', async () => {
  const slices = new Slices();
  let pass = 0;
  const count = () => {
    pass++;
    pending = setImmediate(count);
  };
  let pending = setImmediate(count);
  const passes: number[] = [];
  const long = async () => {
    for (let slice = 0; slice < 5; slice++) {
      await slices.next();
      passes.push(pass);
    }
  };
  await Promise.all([long(), long(), long()]);
  clearImmediate(pending);
  assert.equal(new Set(passes).size, 15, `each slice was in a pass of its own: ${passes}`);
});

test('what is due in the same pass of the event loop goes before a slice', async () => {
  const done: string[] = [];
  const slices = new Slices(() => done.push('messages'));
  for (let slice = 0; slice < 3; slice++) {
    await slices.next();
    done.push('slice');
  }
  assert.deepEqual(done, ['messages', 'slice', 'messages', 'slice', 'messages', 'slice']);
});

test('sorting is stable, whatever the length', async () => {
  const slices = new Slices();
  for (const count of [0, 1, 63, 64, 65, 200, 1000, 5000]) {
    const items = Array.from({ length: count }, (_, index) => ({ key: (index * 7919) % 17, index }));
    const order = (one: { key: number }, other: { key: number }) => one.key - other.key;
    assert.deepEqual(await slices.sorted(items, order), items.toSorted(order), `${count} items`);
  }
});

test('what is collected is all that there is, and an array is not copied', async () => {
  const slices = new Slices();
  const items = [1, 2, 3];
  assert.equal(await slices.collected(items), items);
  assert.deepEqual(await slices.collected(new Set(items)), items);
  assert.deepEqual(await slices.filtered(items, (item) => item > 1), [2, 3]);
});

test('while messages come in there is a pause between two slices', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let isBusy = true;
  const slices = new Slices(
    () => {},
    () => isBusy,
  );
  let begun = 0;
  const next = () => slices.next().then(() => begun++);
  const first = next();
  await new Promise((passed) => setImmediate(passed));
  assert.equal(begun, 0);
  t.mock.timers.tick(4);
  await first;
  isBusy = false;
  await next();
  assert.equal(begun, 2);
});
