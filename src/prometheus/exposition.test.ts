import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposition, labelText, type Table } from './exposition.ts';

const gauge = { name: 'size', type: 'gauge', help: 'How large it is' } as const;

function textOf(...tables: Table[]): string {
  return [...exposition(tables)].join('');
}

test('a metric is its type, what it is for, and a line for each object that has one', () => {
  const table: Table<number> = {
    prefix: 'p_',
    metrics: [{ ...gauge, value: (size) => (size > 0 ? size : undefined) }],
    objects: [1.5, 0, 3],
    labels: (size) => labelText({ of: `a "${size}"\n\\` }),
  };
  assert.equal(
    textOf(table as Table),
    '# TYPE p_size gauge\n# HELP p_size How large it is\np_size{of="a \\"1.5\\"\\n\\\\"} 1.5\np_size{of="a \\"3\\"\\n\\\\"} 3\n',
  );
});

test('a summary is one metric with two figures', () => {
  const metrics = [
    { name: 'gc', suffix: '_count', type: 'summary', help: 'Collections', value: () => 2 },
    { name: 'gc', suffix: '_sum', value: () => 0.5 },
  ] as const;
  assert.equal(
    textOf({ prefix: '', metrics, objects: [null] }),
    '# TYPE gc summary\n# HELP gc Collections\ngc_count 2\ngc_sum 0.5\n',
  );
});

test('a histogram is one metric whose buckets have a label more than the object', () => {
  const bucket = { name: 'late', suffix: '_bucket', label: 'le="0.1"', value: () => 2 } as const;
  const first = { ...bucket, type: 'histogram', help: 'How late' } as const;
  const table = { prefix: '', metrics: [first, { name: 'late', suffix: '_count', value: () => 3 }], objects: [null] };
  const head = '# TYPE late histogram\n# HELP late How late\n';
  assert.equal(textOf(table), `${head}late_bucket{le="0.1"} 2\nlate_count 3\n`);
  const labelled = { ...table, labels: () => 'of="x"' };
  assert.equal(textOf(labelled), `${head}late_bucket{of="x",le="0.1"} 2\nlate_count{of="x"} 3\n`);
});

test('labels are asked for once, and a long text comes in short pieces, so that others have their turn', () => {
  let asked = 0;
  const labels = (index: unknown) => {
    asked++;
    return labelText({ queue: `queue-${index}` });
  };
  const metrics = [1, 2, 3].map((factor) => ({ ...gauge, name: `m${factor}`, value: () => factor }));
  const objects = Array.from({ length: 10_000 }, (_, index) => index);
  const pieces = [...exposition([{ prefix: '', metrics, objects, labels }])];
  assert.equal(asked, 10_000);
  assert.ok(pieces.length > 40);
  assert.ok(Math.max(...pieces.map(({ length }) => length)) < 20_000);
});
