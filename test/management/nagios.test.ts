/** Debian's checks of RabbitMQ for Nagios and its like, unchanged: what they ask of the HTTP API, and what they conclude. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { ChannelModel } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { busyClient } from './clients.ts';

const isThere = existsSync('/usr/bin/check_rabbitmq_overview');
if (!isThere && process.env.CI) throw new Error('nagios-plugins-rabbitmq must be installed in CI');

/** What the checks end with. */
const CODES = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

describe('checks for Nagios', { skip: isThere ? false : 'nagios-plugins-rabbitmq is not installed' }, () => {
  let broker: Broker;
  let client: ChannelModel;

  before(async () => {
    // They put `rabbit@` in front of the name of the host themselves.
    const nodeName = 'rabbit@localhost';
    broker = await startBroker({ port: 0, memory: true, logLevel: 'none', nodeName, management: { port: 0 } });
    client = await busyClient(broker.port);
  });
  after(async () => {
    await client?.close();
    await broker.stop();
  });

  /** @returns how it ended, and the line that it printed */
  function check(name: string, ...args: string[]): Promise<{ code: number; line: string }> {
    const { hostname, port } = new URL(broker.managementUrl!);
    const all = ['-H', hostname, '--port', port, '--noproxy', ...args];
    return new Promise((done) => {
      execFile(`/usr/bin/check_rabbitmq_${name}`, all, (error, stdout) => {
        done({ code: Number(error?.code ?? 0), line: stdout.trim() });
      });
    });
  }

  for (const [name, args, expected, pattern] of [
    ['aliveness', ['--vhost', '/'], 'ok', /vhost: \//],
    ['aliveness', ['--vhost', 'none'], 'unknown', /Not found: none/],
    ['aliveness', ['--vhost', '/', '-u', 'guest', '-p', 'wrong'], 'unknown', /Access refused/],
    ['connections', [], 'ok', /connections OK \(1\) connections_notrunning OK \(0\)/],
    // It counts from 0: two queues and two channels are there.
    ['objects', [], 'ok', /vhost=0;; exchange=\d+;; binding=\d+;; queue=1;; channel=1;;/],
    ['overview', [], 'ok', /messages OK \(4\) messages_ready OK \(2\) messages_unacknowledged OK \(2\)/],
    ['overview', ['-w', '3,-1,-1', '-c', '9,-1,-1'], 'warning', /messages WARNING \(4\)/],
    ['overview', ['-w', '1,-1,-1', '-c', '3,-1,-1'], 'critical', /messages CRITICAL \(4\)/],
    ['queue', ['--queue', 'live'], 'ok', /messages OK \(4\).*consumers OK \(1\)/],
    ['partition', ['-n', 'localhost'], 'ok', /No Partitions/],
    ['watermark', ['-n', 'localhost'], 'ok', /mem_alarm disk_free_alarm/],
  ] as const) {
    test(`check_rabbitmq_${name} ${args.join(' ')} is ${expected}`, async () => {
      const { code, line } = await check(name, ...args);
      assert.match(line, pattern);
      assert.equal(code, CODES[expected], line);
    });
  }
});
