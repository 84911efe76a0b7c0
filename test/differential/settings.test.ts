/**
 * RabbitMQ's own schemas translate `rabbitmq.conf` to Erlang terms. What they make of a file must come to the same settings here
 * as the file itself: that holds classic keys, types and units against what RabbitMQ means by them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Findings } from '../../src/config/assignment.ts';
import { readClassic } from '../../src/config/classic-file.ts';
import { readLayer } from '../../src/config/configuration.ts';
import type { Setting } from '../../src/config/setting.ts';
import { DECLARED } from '../../src/config/setting-keys.ts';
import { FILE, HOST, LISTENER, NODE_NAME, SHARE } from '../../src/config/setting-types.ts';
import { readSettings } from '../../src/config/test-settings.ts';
import { isRabbitMqInstalled } from './rabbitmq.ts';

const PLUGINS = '/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins';
const SCRIPT = join(import.meta.dirname, 'translate-settings.escript');
const CONFIGURATIONS = join(import.meta.dirname, '../integration/configurations');

const skip = !isRabbitMqInstalled() && 'RabbitMQ is not installed';

/** As RabbitMQ has it, in terms. */
function translated(t: TestContext, conf: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-translated-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'rabbitmq.conf'), conf);
  const terms = execFileSync('escript', [SCRIPT, PLUGINS, join(directory, 'rabbitmq.conf')], { encoding: 'utf8' });
  assert.match(terms, /^\[/, conf);
  return terms;
}

/** Settings by name; of those with names of the user's own only the values count, which come in another order. */
function comparable(settings: object): Record<string, unknown> {
  const entries = Object.entries(settings).map(([name, value]) => {
    const values = value instanceof Map ? [...value.values()] : value;
    return [name, Array.isArray(values) ? values.map((one) => JSON.stringify(one)).sort() : values];
  });
  return Object.fromEntries(entries);
}

/** What RabbitMQ adds to every file, and is no more than its default. */
const ADDED: readonly string[] = ['logConsoleStream', 'logRotationCompress'];

/** Terms and file say the same of all that the file says, and the terms say nothing else. */
function assertSame(terms: string, conf: string): void {
  const { settings, findings } = fromTerms(terms);
  assert.deepEqual(findings.faults, []);
  const expected = comparable(readSettings('conf', conf));
  const found = Object.entries(comparable(settings)).filter(([name]) => name in expected || !ADDED.includes(name));
  assert.deepEqual(Object.fromEntries(found), expected);
}

function fromTerms(terms: string): { settings: object; findings: Findings } {
  const findings = new Findings();
  return { settings: readLayer(readClassic('terms', terms, findings), findings).settings, findings };
}

for (const [name, files] of [
  ['a container', ['docker/rabbitmq.conf', 'docker/conf.d/10-defaults.conf']],
  ['a playbook', ['servers/rabbitmq.conf']],
] as const) {
  test(`the file of ${name} and what RabbitMQ makes of it come to the same`, { skip }, (t) => {
    const conf = files.map((file) => readFileSync(join(CONFIGURATIONS, file), 'utf8')).join('\n');
    assertSame(translated(t, conf), conf);
  });
}

/** A line that sets it to something else than its default, and than any other setting. */
function lineOf({ key, type, default: fallback, mayBeNone }: Setting<unknown>, index: number): string {
  const named = key.replace('$name', key.includes('retention') ? 'hour' : 'x');
  if (type === FILE) return `${named} = ${import.meta.filename}`;
  if (type === HOST) return `${named} = 127.0.0.${index}`;
  if (type === LISTENER) return `${named} = 127.0.0.2:${index}`;
  if (type === NODE_NAME) return `${named} = x@here`;
  if (type === SHARE) return `${named} = 0.${index}`;
  const words = /^one of (.*)$/.exec(type.form)?.[1]?.split(', ');
  if (words !== undefined) return `${named} = ${words.find((word) => word !== fallback)}`;
  if (type.form === 'true or false') return `${named} = ${fallback !== 'true'}`;
  if (type.form === 'false') return `${named} = false`;
  if (mayBeNone === true) return `${named} = true`;
  if (key === 'log.dir') return `${named} = ${tmpdir()}`;
  if (key === 'log.file.rotation.date') return `${named} = $D0`;
  if (/text/.test(type.form) && type.unit === undefined) return `${named} = text-${index}`;
  return `${named} = ${type.unit === 'ms' ? 7000 + index : 100 + index}`;
}

/** Those with which nothing can be compared, and why. */
const EXCEPTIONS = new Map([
  ['force_fine_statistics', 'RabbitMQ knows it in Erlang terms alone'],
  ['default_permissions.write', 'RabbitMQ 3.10 gives what is set here as the permission to read'],
  ['default_permissions.read', 'and what is set here as the one to write'],
]);

/** Of what can be said in two ways one is left out. */
for (const [left, out] of [
  ['share', '.absolute'],
  ['number of bytes', '.relative'],
] as const) {
  test(`every setting that RabbitMQ has means the same in both forms, each limit a ${left}`, { skip }, (t) => {
    const both = DECLARED.filter(([, { key, classic, either }]) => {
      return classic !== undefined && !EXCEPTIONS.has(key) && !(either !== undefined && key.endsWith(out));
    });
    const conf = both.map(([, declared], index) => lineOf(declared, index + 1)).join('\n');
    const all = '\ndefault_permissions.write = .*\ndefault_permissions.read = .*';
    assertSame(translated(t, conf + all), conf + all);
  });
}

test('RabbitMQ takes the permissions to read and to write for each other; here each is what it is called', {
  skip,
}, (t) => {
  const conf = ['configure', 'write', 'read'].map((name) => `default_permissions.${name} = ${name}`).join('\n');
  const { defaultConfigure, defaultWrite, defaultRead } = readSettings('conf', conf);
  assert.deepEqual([defaultConfigure, defaultWrite, defaultRead], ['configure', 'write', 'read']);
  const { settings } = fromTerms(translated(t, conf));
  const swapped = { defaultConfigure: 'configure', defaultWrite: 'read', defaultRead: 'write' };
  for (const [name, value] of Object.entries(swapped)) assert.equal(settings[name as keyof object], value, name);
});
