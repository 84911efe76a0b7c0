import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readSettings } from '../config/test-settings.ts';
import { logOptions } from './log-settings.ts';

function optionsOf(...lines: string[]) {
  return logOptions(readSettings('rabbitmq.conf', lines.join('\n')), 'data');
}

test('lines go to syslog as RabbitMQ’s settings say', () => {
  assert.equal(optionsOf('log.syslog.host = elsewhere').syslog, undefined);
  assert.deepEqual(optionsOf('log.syslog = true').syslog, { tls: {} });
  const { syslog } = optionsOf(
    ...['log.syslog = true', 'log.syslog.ip = 10.0.0.1', 'log.syslog.transport = tls', 'log.syslog.facility = local3'],
    ...['log.syslog.identity = broker', 'log.syslog.ssl_options.verify = verify_peer'],
  );
  const expected = { host: '10.0.0.1', transport: 'tls', facility: 'local3', identity: 'broker' };
  assert.deepEqual(syslog, { ...expected, tls: { verify: 'verify_peer' } });
});

describe('where the log goes', () => {
  test('unless told: everything from info up into a file, warnings to the console, too', () => {
    const { console, file, exchange } = optionsOf();
    assert.deepEqual([console, exchange], [{ level: 'warning' }, undefined]);
    assert.equal(file?.directory, 'data/log');
  });

  test('in memory nothing is left behind, but where a file is asked for', () => {
    assert.equal(logOptions({}, undefined).file, undefined);
    assert.equal(logOptions({ logFile: '/tmp/a.log' }, undefined).file?.name, '/tmp/a.log');
  });

  test('log.console = true alone is the console and no file, as in RabbitMQ’s own container', () => {
    const { console, file } = optionsOf('log.console = true');
    assert.deepEqual([console, file], [{ level: 'info' }, undefined]);
    assert.notEqual(optionsOf('log.console = true', 'log.file = a.log').file, undefined);
  });

  test('each output can be left out', () => {
    const { console, file } = optionsOf('log.console = false', 'log.file = false');
    assert.deepEqual([console, file], [undefined, undefined]);
  });

  test('a size of 0 is no limit, as in RabbitMQ', () => {
    assert.equal(optionsOf('log.file.rotation.size = 0').file?.rotation?.sizeBytes, Number.POSITIVE_INFINITY);
  });

  test('categories may have a level and a file of their own', () => {
    const { levels, file } = optionsOf('log.connection.level = debug', 'log.channel.file = channels.log');
    assert.deepEqual([levels, file?.ofCategory], [{ connection: 'debug' }, { channel: 'channels.log' }]);
  });
});

test('what is not there is refused with what to do instead, and may be said to be off', () => {
  assert.throws(() => optionsOf('log.journald = true'), /systemd/);
  assert.equal(optionsOf('log.file.rotation.compress = true').file?.rotation?.compress, true);
  assert.throws(() => optionsOf('log.file.rotation.date = daily'), /\$D0/);
  optionsOf('log.syslog = false', 'log.journald = false', 'log.file.rotation.compress = false');
});
