/** docs/configuration.md tells what there is: the list of settings is the schema's, and what it shows can be used as it is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Findings } from '../../src/config/assignment.ts';
import { readClassic } from '../../src/config/classic-file.ts';
import { readLayer } from '../../src/config/configuration.ts';
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

test('the terms that it shows are read without a fault, with the one notice that they tell of', () => {
  const [file] = fencesOf(page).filter(({ info }) => info === 'erlang');
  const findings = new Findings();
  const { settings } = readLayer(readClassic('page', file!.code, findings), findings);
  assert.deepEqual(findings.faults, []);
  assert.equal(findings.notices.length, 1);
  assert.match(findings.notices[0]!, /hipe_compile/);
  assert.equal(settings.tcpListeners!.size, 2);
  assert.equal(settings.diskFreeLimitRelative, 1);
  assert.equal(settings.managementPort, 15_672);
});

test('every variable of RabbitMQ’s that it lists is one that is read, and the other way round', () => {
  const listed = page.split('\n').filter((line) => line.startsWith('| `RABBITMQ_'));
  const names = listed.flatMap((line) => [...line.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  const source = readFileSync(join(import.meta.dirname, '../../src/config/environment.ts'), 'utf8');
  const files = ['CONFIG_FILE', 'CONFIG_FILES', 'ADVANCED_CONFIG_FILE', 'ENABLED_PLUGINS_FILE'];
  const read = new Set([...source.matchAll(/\bRABBITMQ_[A-Z_]*[A-Z]\b/g)].map(([name]) => name));
  for (const none of ['RABBITMQ_VARIABLES', 'RABBITMQ_CONF_ENV_FILE', 'RABBITMQ_CONFIG_FILE']) read.delete(none);
  assert.deepEqual(names.sort(), [...files.map((name) => `RABBITMQ_${name}`), ...read].sort());
});

test('the mistake that it shows is reported in these words', () => {
  const message = fencesOf(page)
    .map(({ code }) => /^leveret: (\/etc\/leveret\.conf:3: .*)$/m.exec(code)?.[1])
    .find((found) => found !== undefined);
  assert.throws(() => readSettings('/etc/leveret.conf', '\n\nheartbeet = 30'), { message });
});
