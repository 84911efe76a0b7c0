/** docs/configuration.md tells what there is: the list of settings is the schema's, and what it shows can be used as it is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSettings } from '../../src/config/test-settings.ts';
import { sectionOf } from '../../tools/page-section.ts';
import { settingsTable } from '../../tools/settings-table.ts';
import { fencesOf } from './markdown.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

test('the list of settings is that of the schema (npm run docs writes it)', () => {
  assert.equal(sectionOf(page, 'settings'), settingsTable());
});

test('the file that it shows is one that the broker reads, every line of it', () => {
  const [file] = fencesOf(page).filter(({ info }) => info === 'ini');
  const lines = file!.code.split('\n').filter((line) => /^[a-z]/.test(line));
  assert.ok(lines.length >= 5);
  const settings = readSettings('page', file!.code);
  assert.equal(Object.keys(settings).length, lines.length);
  assert.equal(settings.defaultPassword, 'a#b');
});

test('the mistake that it shows is reported in these words', () => {
  const message = fencesOf(page)
    .map(({ code }) => /^leveret: (\/etc\/leveret\.conf:3: .*)$/m.exec(code)?.[1])
    .find((found) => found !== undefined);
  assert.throws(() => readSettings('/etc/leveret.conf', '\n\nheartbeet = 30'), { message });
});
