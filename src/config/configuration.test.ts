import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from './assignment.ts';
import { besideAdvanced, type Configuration, layered, readLayer } from './configuration.ts';

/** `KEY = VALUE` each; they come from LAYER:1, LAYER:2, ... */
function layer(name: string, ...lines: string[]): Configuration {
  const findings = new Findings();
  const assignments = lines.map((line, index) => {
    const [key, value] = line.split(' = ') as [string, string];
    return { key, value, origin: `${name}:${index + 1}` };
  });
  const configuration = readLayer(assignments, findings);
  assert.deepEqual(findings.faults, []);
  return configuration;
}

test('what the upper layer says goes before what the lower one says, and the rest stays', () => {
  const { settings, given } = layered([
    layer('file', 'heartbeat = 10', 'channel_max = 5'),
    layer('variables', 'heartbeat = 20'),
  ]);
  assert.deepEqual(settings, { heartbeatSeconds: 20, channelMax: 5 });
  assert.deepEqual(given.get('heartbeatSeconds'), [{ key: 'heartbeat', value: '20', origin: 'variables:1' }]);
  assert.equal(given.get('channelMax')![0]!.origin, 'file:2');
});

test('of two lines in one layer the later one counts, and is what the setting comes from', () => {
  const { settings, given } = layer('file', 'heartbeat = 10', 'heartbeat = 20');
  assert.equal(settings.heartbeatSeconds, 20);
  assert.deepEqual(given.get('heartbeatSeconds'), [{ key: 'heartbeat', value: '20', origin: 'file:2' }]);
});

test('a list is one thing: the upper layer’s takes the place of the lower one’s', () => {
  const { settings, given } = layered([
    layer('file', 'listeners.tcp.1 = 1', 'listeners.tcp.2 = 2', 'loopback_users.guest = true'),
    layer('advanced', 'listeners.tcp.3 = 3', 'loopback_users = none'),
  ]);
  assert.deepEqual([...settings.tcpListeners!.keys()], ['3']);
  assert.deepEqual(settings.loopbackUsers, []);
  assert.deepEqual(
    given.get('tcpListeners')!.map(({ key, origin }) => [key, origin]),
    [['listeners.tcp.3', 'advanced:1']],
  );
});

test('a number of bytes above takes the place of a share below, although a share goes first where both stand together', () => {
  const file = layer('file', 'disk_free_limit.relative = 1.0', 'vm_memory_high_watermark.absolute = 1GB');
  const above = layer('variables', 'disk_free_limit.absolute = 5', 'vm_memory_high_watermark.relative = 0.5');
  const expected = { diskFreeLimitAbsolute: 5, memoryWatermarkRelative: 0.5 };
  assert.deepEqual(layered([file, above]).settings, expected);
  const both = layer('file', 'disk_free_limit.relative = 1.0', 'disk_free_limit.absolute = 5');
  assert.deepEqual(layered([both]).settings, { diskFreeLimitRelative: 1, diskFreeLimitAbsolute: 5 });
});

test('what an advanced file says of a term leaves nothing of what a file says within it, as in RabbitMQ', () => {
  const file = layer(
    'file',
    'ssl_options.depth = 3',
    'ssl_options.verify = verify_peer',
    'disk_free_limit.relative = 1.0',
    'heartbeat = 10',
    'journal_file_size = 2MiB',
  );
  const advanced = layer('advanced', 'ssl_options.fail_if_no_peer_cert = true', 'disk_free_limit.absolute = 5');
  const { settings, given } = besideAdvanced(file, advanced);
  assert.deepEqual(settings, { heartbeatSeconds: 10, journalFileBytes: 2_097_152 });
  assert.deepEqual([...given.keys()], ['heartbeatSeconds', 'journalFileBytes']);
});

test('every fault and every notice of a layer is told, with where it stands', () => {
  const findings = new Findings();
  const origin = 'a.conf:1';
  const { settings } = readLayer(
    [
      { key: 'heartbeat', value: 'x', origin },
      { key: 'heartbeet', value: '1', origin },
      { key: 'mqtt.listeners.tcp.1', value: '1883', origin },
      { key: 'hipe_compile', value: 'true', origin },
      { key: 'channel_max', value: '3', origin },
    ],
    findings,
  );
  assert.deepEqual(settings, { channelMax: 3 });
  assert.deepEqual(findings.faults, [
    'a.conf:1: heartbeat = x: expected seconds as a whole number',
    'a.conf:1: there is no setting heartbeet; did you mean heartbeat?',
    'a.conf:1: mqtt.listeners.tcp.1 = 1883: this protocol is not spoken: its clients could not connect',
  ]);
  assert.deepEqual(findings.notices, ['a.conf:1: hipe_compile: what is run often is always compiled, by Node’s JIT']);
});
