import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from './api-error.ts';
import { type JsonView, listJson, objectJson } from './listing.ts';

const ITEMS: readonly JsonView[] = [
  { name: 'b', size: 2, arguments: { x: 1, y: 2 }, stats: { rate: 5, other: 1 } },
  { name: 'A', size: 10, arguments: {}, stats: { rate: 1 } },
  { name: 'c', arguments: {}, text: 'late' },
];

async function listed(query: Readonly<Record<string, string>>, isPaged = true): Promise<unknown> {
  const name = isPaged ? { name: (item: JsonView) => String(item.name) } : {};
  const json = await listJson(ITEMS, { query: (parameter) => query[parameter], view: (item) => item, ...name });
  return JSON.parse(json.toString());
}

async function names(query: Readonly<Record<string, string>>): Promise<unknown[]> {
  return ((await listed(query, false)) as { name: unknown }[]).map(({ name }) => name);
}

describe('sorting', () => {
  test('by a number, and what lacks it comes first, like a zero', async () => {
    assert.deepEqual(await names({ sort: 'size' }), ['c', 'b', 'A']);
  });

  test('by a text, in the order of its octets', async () => {
    assert.deepEqual(await names({ sort: 'name' }), ['A', 'b', 'c']);
  });

  test('by a field in a field, the other way round', async () => {
    assert.deepEqual(await names({ sort: 'stats.rate', sort_reverse: 'true' }), ['b', 'A', 'c']);
  });

  test('numbers come before texts, as in Erlang', async () => {
    assert.deepEqual(await names({ sort: 'text' }), ['b', 'A', 'c']);
  });
});

describe('columns', () => {
  test('fields in fields are picked one by one, arguments are given whole', () => {
    const query = { columns: 'name,stats.rate,arguments.x' } as Record<string, string>;
    assert.deepEqual(JSON.parse(objectJson(ITEMS[0]!, (name) => query[name])), {
      name: 'b',
      arguments: { x: 1, y: 2 },
      stats: { rate: 5 },
    });
  });

  test('a name that no field has leaves nothing', async () => {
    assert.deepEqual(await listed({ columns: 'none' }, false), [{}, {}, {}]);
  });
});

describe('pages', () => {
  test('a page tells how much there is, how much fits the filter and what is on it', async () => {
    assert.deepEqual(await listed({ page: '2', page_size: '2', columns: 'name' }), {
      filtered_count: 3,
      item_count: 1,
      items: [{ name: 'c' }],
      page: 2,
      page_count: 2,
      page_size: 2,
      total_count: 3,
    });
  });

  test('a page of a sorted list is cut after sorting', async () => {
    const { items } = (await listed({ page: '1', page_size: '1', sort: 'size', sort_reverse: 'true' })) as {
      items: JsonView[];
    };
    assert.equal(items[0]?.name, 'A');
  });

  test('names are filtered by a part of them or a pattern, whatever the case', async () => {
    for (const query of [{ name: 'a' }, { name: '^a$', use_regex: 'true' }]) {
      const { filtered_count, items } = (await listed({ page: '1', ...query })) as Record<string, unknown>;
      assert.equal(filtered_count, 1);
      assert.equal((items as JsonView[])[0]?.name, 'A');
    }
  });

  test('an empty list has a first page', async () => {
    assert.match(JSON.stringify(await listed({ page: '1', name: 'none' })), /"page_count":0/);
  });

  for (const query of [{ page: '0' }, { page: 'x' }, { page: '3', page_size: '2' }, { page: '1', page_size: '501' }]) {
    test(`${JSON.stringify(query)} is refused`, async () => {
      await assert.rejects(listed(query), (error) => error instanceof ApiError && error.status === 400);
    });
  }

  test('a long list is whole and in its order', async () => {
    const items = Array.from({ length: 1234 }, (_, index) => ({ name: `é${index}` }));
    const json = await listJson(items, { query: () => undefined, view: (item) => item });
    assert.deepEqual(JSON.parse(json.toString()), items);
  });

  test('a list that knows no pages gives all of it', async () => {
    assert.equal(((await listed({ page: '1', page_size: '1' }, false)) as unknown[]).length, 3);
  });
});
