import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FORMATTERS } from './all.ts';
import { AmqpTable, cellText, type Listing, type Row } from './formatter.ts';

const COLUMNS = ['name', 'tags'];
const ROWS: readonly Row[] = [
  { name: 'a "b"', tags: ['x', 'y'] },
  { name: 'ü', tags: [] },
];

async function lines(format: string, listing: Partial<Listing>, headers = true): Promise<string[]> {
  const printed: string[] = [];
  const all = FORMATTERS[format]!.list({ kind: 'rows', columns: COLUMNS, rows: ROWS, ...listing }, headers);
  for await (const line of all) printed.push(line);
  return printed;
}

describe('a list', () => {
  test('as a table', async () => {
    assert.deepEqual(await lines('table', {}), ['name\ttags', 'a "b"\t[x, y]', 'ü\t[]']);
    assert.deepEqual(await lines('table', {}, false), ['a "b"\t[x, y]', 'ü\t[]']);
  });

  test('as comma-separated values', async () => {
    const printed = ['"name","tags"', '"a ""b""","[x, y]"', '"ü","[]"'];
    assert.deepEqual(await lines('csv', {}), printed);
    assert.deepEqual(await lines('csv', {}, false), printed);
  });

  test('as JSON: each line but the last can be read alone', async () => {
    const printed = await lines('json', {});
    assert.deepEqual(printed, ['[', '{"name":"a \\"b\\"","tags":["x","y"]}', ',{"name":"ü","tags":[]}', ']']);
    assert.deepEqual(JSON.parse(printed.join('\n')), ROWS);
  });

  test('as a table with lines, as wide as it has to be', async () => {
    assert.deepEqual(await lines('pretty_table', {}), [
      '┌───────┬────────┐',
      '│ name  │ tags   │',
      '├───────┼────────┤',
      '│ a "b" │ [x, y] │',
      '├───────┼────────┤',
      '│ ü     │ []     │',
      '└───────┴────────┘',
    ]);
  });

  for (const format of ['table', 'pretty_table']) {
    test(`with control characters in names, as ${format}: they are shown, and do nothing`, async () => {
      const [name] = ['a\tb\nc\u001b[2Jd\u007fe\u0085f'];
      const printed = (await lines(format, { columns: ['name'], rows: [{ name }] })).join('\n');
      assert.ok(printed.includes('a\\tb\\nc\\u001b[2Jd\\u007fe\\u0085f'), printed);
      assert.doesNotMatch(printed.replaceAll('\n', ''), /\p{Cc}/u);
    });
  }

  for (const [format, whole, streamed] of [
    ['table', [''], []],
    ['pretty_table', [''], []],
    ['csv', [], []],
    ['json', ['[]'], ['[', ']']],
  ] as const) {
    test(`without anything in it, as ${format}`, async () => {
      assert.deepEqual(await lines(format, { rows: [], isWhole: true }), whole);
      assert.deepEqual(await lines(format, { rows: [] }), streamed);
    });
  }

  test('is printed while it is read', async () => {
    let readCount = 0;
    function* rows() {
      for (const row of ROWS) {
        readCount++;
        yield row;
      }
    }
    const list = FORMATTERS.table!.list({ kind: 'rows', columns: COLUMNS, rows: rows() }, false);
    await list[Symbol.asyncIterator]().next();
    assert.equal(readCount, 1);
  });
});

test('what a cell holds is printed as rabbitmqctl prints it', () => {
  assert.equal(cellText({ 'node@host': 'running' }), '[{node@host, running}]');
  const table = new AmqpTable({ 'x-max-length': 10, own: [1, 'b', true, { c: 'd' }], empty: {} });
  assert.equal(cellText(table), '[{"x-max-length",10},{"own",[1,"b",true,[{"c","d"}]]},{"empty",[]}]');
  assert.equal(JSON.stringify(table), '{"x-max-length":10,"own":[1,"b",true,{"c":"d"}],"empty":{}}');
  assert.equal(cellText(undefined), '');
});
