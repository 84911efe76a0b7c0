import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangePublishes } from './channel-counts.ts';
import { UnconfirmedByExchange } from './unconfirmed-by-exchange.ts';

function bench() {
  const [x, y] = [new ExchangePublishes(), new ExchangePublishes()];
  const unconfirmed = new UnconfirmedByExchange();
  const confirmed = (count: number) => {
    unconfirmed.confirm(count);
    return [x.confirmed, y.confirmed];
  };
  return { x, y, unconfirmed, confirmed };
}

test('confirms are of the exchanges that were published to first', () => {
  const { x, y, unconfirmed, confirmed } = bench();
  unconfirmed.add(x, 2);
  unconfirmed.add(y, 3);
  unconfirmed.add(x, 4);
  assert.deepEqual(confirmed(2), [2, 0]);
  assert.deepEqual(confirmed(3), [2, 3]);
  assert.deepEqual(confirmed(0), [2, 3]);
  unconfirmed.add(y, 1);
  assert.deepEqual(confirmed(5), [6, 4]);
});

test('several turns of the same exchange are confirmed one by one', () => {
  const { x, unconfirmed, confirmed } = bench();
  unconfirmed.add(x, 2);
  unconfirmed.add(x, 3);
  assert.deepEqual(confirmed(2), [2, 0]);
  assert.deepEqual(confirmed(3), [5, 0]);
});
