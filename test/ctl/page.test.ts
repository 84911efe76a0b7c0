/** docs/leveretctl.md, help and the parser are made of the same declarations, and these are whole. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { COMMANDS } from '../../src/ctl/commands/all.ts';
import { COMMON_OPTIONS } from '../../src/ctl/common-options.ts';
import { EXIT } from '../../src/ctl/failure.ts';
import { FORMATTERS } from '../../src/ctl/formatters/all.ts';
import { commandTables, optionsTable } from '../../tools/ctl-commands.ts';
import { sectionOf } from '../../tools/page-section.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/leveretctl.md'), 'utf8');

test('the lists of options and commands are those that are declared (npm run docs writes them)', () => {
  assert.equal(sectionOf(page, 'options'), optionsTable());
  assert.equal(sectionOf(page, 'commands'), commandTables());
});

test('the page names every exit code and every format', () => {
  for (const code of Object.values(EXIT)) assert.match(page, new RegExp(`^\\| ${code} \\|`, 'm'));
  for (const name of Object.keys(FORMATTERS)) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'));
});

describe('every command', () => {
  for (const { name, usage, options = {}, letters = {}, explained = [], text } of COMMANDS) {
    test(`${name}: its options stand in its usage and mean nothing else elsewhere`, () => {
      for (const option of Object.keys(options)) {
        const shown = `${usage} ${explained.map(([part]) => part).join(' ')}`;
        assert.ok(shown.includes(`--${option}`), option);
        assert.ok(!Object.hasOwn(COMMON_OPTIONS, option), option);
      }
      for (const letter of Object.keys(letters)) {
        assert.ok(!Object.values(COMMON_OPTIONS).some((common) => common.letter === letter), letter);
      }
      assert.ok(text !== '' && !text.endsWith('.'));
    });
  }

  test('has a name of its own', () => {
    assert.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
  });
});
