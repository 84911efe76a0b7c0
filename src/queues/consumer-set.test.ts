import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer } from './consumer.ts';
import { ConsumerSet } from './consumer-set.ts';

class FakeConsumer {
  readonly tag: string;
  readonly priority: number;
  parked = false;
  credit: number;

  constructor(tag: string, { priority = 0, credit = Number.POSITIVE_INFINITY } = {}) {
    this.tag = tag;
    this.priority = priority;
    this.credit = credit;
  }

  hasCredit(): boolean {
    return this.credit > 0;
  }
}

function asConsumer(consumer: FakeConsumer): Consumer {
  return consumer as unknown as Consumer;
}

function withConsumers(consumers: readonly FakeConsumer[], singleActive = false): ConsumerSet {
  const set = new ConsumerSet(singleActive);
  for (const consumer of consumers) set.add(asConsumer(consumer));
  return set;
}

/** Whose turn it is, `count` times; each one served has less credit. `-` is nobody. */
function turns(set: ConsumerSet, count: number): string {
  const tags: string[] = [];
  for (let i = 0; i < count; i++) {
    const consumer = set.next() as unknown as FakeConsumer | null;
    if (consumer !== null) consumer.credit--;
    tags.push(consumer?.tag ?? '-');
  }
  return tags.join(' ');
}

describe('turns', () => {
  test('go round among consumers of one priority', () => {
    const set = withConsumers([new FakeConsumer('a'), new FakeConsumer('b'), new FakeConsumer('c')]);
    assert.equal(turns(set, 7), 'a b c a b c a');
  });

  test('go to the highest priority until it has no credit', () => {
    const set = withConsumers([
      new FakeConsumer('low'),
      new FakeConsumer('high', { priority: 5, credit: 2 }),
      new FakeConsumer('middle', { priority: 1, credit: 1 }),
    ]);
    assert.equal(turns(set, 5), 'high high middle low low');
  });

  test('come last to a consumer that joins, as in RabbitMQ', () => {
    const set = withConsumers([new FakeConsumer('a'), new FakeConsumer('b')]);
    assert.equal(turns(set, 1), 'a');
    set.add(asConsumer(new FakeConsumer('c')));
    assert.equal(turns(set, 4), 'b a c b');
  });

  test('come last to a consumer that has credit again', () => {
    const limited = new FakeConsumer('a', { credit: 1 });
    const set = withConsumers([limited, new FakeConsumer('b'), new FakeConsumer('c')]);
    assert.equal(turns(set, 4), 'a b c b');
    limited.credit = 1;
    assert.equal(set.unpark(asConsumer(limited)), true);
    assert.equal(turns(set, 4), 'c b a c');
  });

  test('are of nobody when no consumer has credit, and begin again with the first that has', () => {
    const only = new FakeConsumer('a', { credit: 1 });
    const set = withConsumers([only]);
    assert.equal(turns(set, 2), 'a -');
    only.credit = 2;
    assert.equal(set.unpark(asConsumer(only)), true);
    assert.equal(set.unpark(asConsumer(only)), false);
    assert.equal(turns(set, 3), 'a a -');
  });

  test('go on in order when a consumer leaves', () => {
    const [a, b, c] = [new FakeConsumer('a'), new FakeConsumer('b'), new FakeConsumer('c')];
    const set = withConsumers([a, b, c]);
    assert.equal(turns(set, 2), 'a b');
    set.remove(asConsumer(a));
    assert.equal(turns(set, 3), 'c b c');
    set.remove(asConsumer(b));
    assert.equal(turns(set, 2), 'c c');
  });

  test('never come to a consumer that has left, though its deliveries are acked later', () => {
    const gone = new FakeConsumer('gone', { credit: 1 });
    const set = withConsumers([gone]);
    assert.equal(turns(set, 2), 'gone -');
    set.remove(asConsumer(gone));
    gone.credit = 1;
    assert.equal(set.unpark(asConsumer(gone)), false);
    assert.equal(turns(set, 1), '-');
  });

  test('of a priority end with its last consumer: no number of priorities that came and went is remembered', () => {
    const staying = new FakeConsumer('staying', { priority: 7 });
    const set = withConsumers([staying]);
    for (let priority = 0; priority < 1000; priority++) {
      const passing = asConsumer(new FakeConsumer('passing', { priority }));
      set.add(passing);
      set.remove(passing);
    }
    assert.equal(set.priorityCount, 1);
    assert.equal(turns(set, 2), 'staying staying');
  });
});

describe('a single active consumer', () => {
  test('is the first one, and has all turns', () => {
    const set = withConsumers([new FakeConsumer('a'), new FakeConsumer('b', { priority: 9 })], true);
    assert.equal(turns(set, 3), 'a a a');
  });

  test('is not passed over for want of credit', () => {
    const set = withConsumers([new FakeConsumer('a', { credit: 1 }), new FakeConsumer('b')], true);
    assert.equal(turns(set, 2), 'a -');
  });

  test('is followed by the one of the highest priority that came first', () => {
    const active = new FakeConsumer('a');
    const waiting = [
      new FakeConsumer('b'),
      new FakeConsumer('c', { priority: 2 }),
      new FakeConsumer('d', { priority: 2 }),
    ];
    const set = withConsumers([active, ...waiting], true);
    set.remove(asConsumer(active));
    assert.equal(turns(set, 2), 'c c');
  });

  test('stays when one that waits leaves', () => {
    const waiting = new FakeConsumer('b');
    const set = withConsumers([new FakeConsumer('a'), waiting], true);
    set.remove(asConsumer(waiting));
    assert.equal(turns(set, 2), 'a a');
  });
});
