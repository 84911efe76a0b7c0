import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Findings } from './assignment.ts';
import { readLayer } from './configuration.ts';
import { FOREIGN_KEYS, foreignKey } from './foreign-keys.ts';
import { DECLARED } from './setting-keys.ts';

/** Where Debian's package declares the keys of rabbitmq.conf. */
const SCHEMAS = '/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/*/priv/{schema/*.schema,*.schema}';

test('what RabbitMQ would do anyway is not worth a notice', () => {
  for (const [key, value] of [
    ['auth_backends.1', 'internal'],
    ['proxy_protocol', 'false'],
    ['hipe_compile', 'false'],
    ['cluster_formation.node_type', 'disc'],
    ['tcp_listen_options', 'none'],
  ] as const) {
    assert.deepEqual(foreignKey(key, [value]), {}, key);
  }
  assert.match(foreignKey('auth_backends.1', ['ldap'])!.refusal!, /could not log in/);
  assert.match(foreignKey('tcp_listen_options.backlog', ['128'])!.notice!, /sockets/);
  assert.equal(foreignKey('log.consol.level', ['info']), undefined);
});

test('what is a setting is not said to be something else', () => {
  const settings = new Set(DECLARED.flatMap(([, { key, also = [] }]) => [key, ...also]));
  assert.deepEqual(
    FOREIGN_KEYS.filter((key) => settings.has(key)),
    [],
  );
});

const files = globSync(SCHEMAS);
test('every key that RabbitMQ 3.10 knows is a setting, or one of which is said what happens instead', {
  skip: files.length === 0 && 'RabbitMQ is not installed',
}, () => {
  const keys = new Set(files.flatMap((file) => keysIn(readFileSync(file, 'utf8'))));
  assert.ok(keys.size > 800, 'these are all of them');
  assert.deepEqual([...keys].filter(isUnknown), []);
});

/** Without comments; a part that the user chooses is given some name, a section of samples that of one there is. */
function keysIn(schema: string): string[] {
  const mappings = schema.replace(/^\s*%.*$/gm, '').matchAll(/\{\s*mapping\s*,\s*"([^"]+)"/g);
  return Array.from(mappings, ([, key]) => key!.replace('$section', 'basic').replace(/\$\w+/g, 'name'));
}

function isUnknown(key: string): boolean {
  const findings = new Findings();
  readLayer([{ key, value: 'x', origin: 'here' }], findings);
  return findings.faults.some((fault) => fault.includes('there is no setting'));
}
