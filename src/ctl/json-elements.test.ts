import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { elementsOf } from './json-elements.ts';

const OBJECTS = [{ a: 'x]}"\\', b: [{ c: {} }, []] }, {}, { 'ü{': '\\\\"' }, { n: 1.5, t: null }];

async function read(text: string, size: number): Promise<unknown[]> {
  const octets = Buffer.from(text);
  async function* chunks() {
    for (let from = 0; from < octets.length; from += size) yield octets.subarray(from, from + size);
  }
  const found: unknown[] = [];
  for await (const element of elementsOf(chunks())) found.push(element);
  return found;
}

describe('the objects of a list', () => {
  for (const size of [1, 2, 3, 7, 1000]) {
    test(`are found in pieces of ${size} octets`, async () => {
      assert.deepEqual(await read(JSON.stringify(OBJECTS), size), OBJECTS);
      assert.deepEqual(await read(JSON.stringify(OBJECTS, null, 2), size), OBJECTS);
    });
  }

  test('may be none', async () => {
    assert.deepEqual(await read('[]', 1), []);
  });

  for (const text of ['[{"a":1}', '[{"a":', '[{"a":1},{"b":"']) {
    test(`${text} ends too early`, async () => {
      await assert.rejects(read(text, 2), SyntaxError);
    });
  }
});
