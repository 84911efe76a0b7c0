import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { Findings } from '../config/assignment.ts';
import { type Configuration, readLayer } from '../config/configuration.ts';
import { readSysctl } from '../config/sysctl-file.ts';
import { reportLines, shownSettings } from './configuration-report.ts';

function configured(content: string): Configuration {
  const findings = new Findings();
  const configuration = readLayer(
    readSysctl('a.conf', content, findings, () => []),
    findings,
  );
  assert.deepEqual(findings, new Findings());
  return configuration;
}

function shown(content: string, key: string) {
  return shownSettings(configured(content)).find((setting) => setting.key === key);
}

test('a setting is shown as it was written, with where', () => {
  const content = '# sizes\nmessage_memory_limit = 64MiB\nlisteners.tcp.a = 1\nlisteners.tcp.b = ::1:2';
  assert.deepEqual(shown(content, 'message_memory_limit'), {
    key: 'message_memory_limit',
    value: '64MiB',
    source: 'a.conf:2',
  });
  assert.deepEqual(shown(content, 'listeners.tcp.b'), { key: 'listeners.tcp.b', value: '::1:2', source: 'a.conf:4' });
  assert.equal(shown(content, 'listeners.tcp.default'), undefined, 'the default is not there beside them');
});

test('defaults are lines that would say the same', () => {
  const value = (key: string) => shown('', key)?.value;
  assert.equal(value('listeners.tcp.default'), '127.0.0.1:5672');
  assert.equal(value('loopback_users.guest'), 'true');
  assert.equal(value('channel_max'), '2047');
  assert.equal(value('node_name'), `leveret@${hostname()}`);
  assert.equal(value('ssl_options.certfile'), null);
});

test('of what can be said in two ways the other is not shown as if it were in force', () => {
  assert.equal(shown('disk_free_limit.relative = 1.0', 'disk_free_limit.absolute')?.value, null);
  assert.equal(shown('vm_memory_high_watermark.absolute = 1GB', 'vm_memory_high_watermark.relative')?.value, null);
});

test('secrets are hidden, the default one, too', () => {
  for (const content of ['default_pass = sesame\nssl_options.password = sesame', '']) {
    assert.equal(shown(content, 'default_pass')?.value, '(hidden)');
    assert.doesNotMatch(reportLines(shownSettings(configured(content))).join('\n'), /sesame|default_pass = guest/);
  }
});

test('what is printed can be read again, whatever is in it, and comes to the same', () => {
  for (const name of ['plain', 'a #1 "shop"', "it's # x", ' spaces ']) {
    const before = configured(`cluster_name = ${name.includes("'") ? `"${name}"` : `'${name}'`}\ndata_dir = /x`);
    const printed = reportLines(shownSettings(before)).join('\n').replace('(hidden)', 'guest');
    const after = configured(printed);
    assert.equal(after.settings.clusterName, name);
    const values = (configuration: Configuration) =>
      shownSettings(configuration).map(({ key, value }) => `${key} = ${value}`);
    assert.deepEqual(values(after), values(before));
  }
});
