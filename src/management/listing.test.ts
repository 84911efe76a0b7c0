import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Slices } from '../runtime/slices.ts';
import { ApiError } from './api-error.ts';
import { type Json, type JsonView, listJson, listsJson, objectJson } from './listing.ts';

const ITEMS: readonly JsonView[] = [
  { name: 'b', size: 2, arguments: { x: 1, y: 2 }, stats: { rate: 5, other: 1 } },
  { name: 'A', size: 10, arguments: {}, stats: { rate: 1 } },
  { name: 'c', arguments: {}, text: 'late' },
];

const slices = new Slices();

async function read(json: Json): Promise<unknown> {
  if (Buffer.isBuffer(json)) return JSON.parse(json.toString());
  const parts: Buffer[] = [];
  for await (const part of json) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

async function listed(query: Readonly<Record<string, string>>, isPaged = true): Promise<unknown> {
  const name = isPaged ? { name: (item: JsonView) => String(item.name) } : {};
  const options = { query: (parameter: string) => query[parameter], slices, view: (item: JsonView) => item };
  return read(await listJson(ITEMS, { ...options, ...name }));
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

  test('an object of lists is picked from in the same way, whatever gives the lists', async () => {
    const fields = { version: '1', queues: new Set([{ name: 'a', x: 1 }]), users: [], bindings: [{ x: 2 }] };
    const asked = async (columns?: string) => read(await listsJson(fields, () => columns, slices));
    assert.deepEqual(await asked(), { ...fields, queues: [{ name: 'a', x: 1 }] });
    assert.deepEqual(await asked('version,queues.name,users'), { version: '1', queues: [{ name: 'a' }], users: [] });
    assert.deepEqual(await asked('none'), {});
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

  test('a long list is sent in parts while it is made, whole and in its order', async () => {
    const items = Array.from({ length: 50_000 }, (_, index) => ({ name: `é${index}` }));
    const json = await listJson(items, { query: () => undefined, slices, view: (item) => item });
    assert.ok(!Buffer.isBuffer(json));
    assert.deepEqual(await read(json), items);
  });

  test('a short list is one buffer, whose length is known', async () => {
    assert.ok(Buffer.isBuffer(await listJson([], { query: () => undefined, slices, view: (item) => item })));
  });

  test('what is ordered comes in that order, pages of it too, and turned round if asked for', async () => {
    const items = Array.from({ length: 1000 }, (_, index) => ({ name: String((index * 7919) % 1000) }));
    const order = (one: JsonView, other: JsonView) => Number(one.name) - Number(other.name);
    const page = async (query: Readonly<Record<string, string>>) => {
      const name = (item: JsonView) => String(item.name);
      const options = {
        query: (parameter: string) => query[parameter],
        slices,
        name,
        order,
        view: (item: JsonView) => item,
      };
      return ((await read(await listJson(items, options))) as { items: JsonView[] }).items.map((item) => item.name);
    };
    assert.deepEqual(await page({ page: '2', page_size: '3' }), ['3', '4', '5']);
    assert.deepEqual(await page({ page: '2', page_size: '3', sort_reverse: 'true' }), ['5', '4', '3']);
    assert.deepEqual(await page({ page: '1', page_size: '3', sort: 'name' }), ['0', '1', '10']);
  });

  test('a list that knows no pages gives all of it', async () => {
    assert.equal(((await listed({ page: '1', page_size: '1' }, false)) as unknown[]).length, 3);
  });
});
