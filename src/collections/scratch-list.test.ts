import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScratchList } from './scratch-list.ts';

test('a scratch list gives back what was added, in order, and takes the last off first', () => {
  const list = new ScratchList<string>();
  for (const item of ['a', 'b', 'c']) list.add(item);
  assert.equal(list.count, 3);
  assert.equal(list.at(1), 'b');
  assert.equal(list.pop(), 'c');
  assert.deepEqual(list.toArray(), ['a', 'b']);
});

test('a place that was cleared or popped holds nothing, so that no deleted queue stays in memory', () => {
  const list = new ScratchList<object>();
  list.add({});
  list.add({});
  list.pop();
  assert.equal(list.at(1), undefined);
  list.clear();
  assert.equal(list.at(0), undefined);
  assert.equal(list.count, 0);
});

test('of what is asked whether it stays, those that do keep their order, and what is added meanwhile is asked, too', () => {
  const list = new ScratchList<string>();
  for (const item of ['a', 'b', 'c']) list.add(item);
  const asked: string[] = [];
  list.retain((item) => {
    asked.push(item);
    if (item === 'b') list.add('d');
    return item !== 'a' && item !== 'c';
  });
  assert.deepEqual(asked, ['a', 'b', 'c', 'd']);
  assert.deepEqual(list.toArray(), ['b', 'd']);
  assert.equal(list.at(2), undefined);
});
