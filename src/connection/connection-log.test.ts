import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { channelError, connectionForced, notFound } from '../protocol/errors.ts';
import { fromPlain, type PlainObject } from '../protocol/field-table.ts';
import { METHOD_IDS } from '../protocol/methods.generated.ts';
import { Logger } from '../runtime/log.ts';
import { ConnectionLog, type Described } from './connection-log.ts';

/** What RabbitMQ 3.10.8 logs, with this for its pid and addresses. */
const NAME = '127.0.0.1:44614 -> 127.0.0.1:5672';

function logOf(of: Partial<Described> & { properties?: PlainObject } = {}): { log: ConnectionLog; lines: string[] } {
  const lines: string[] = [];
  const logger = new Logger();
  logger.add({ level: 'debug', write: ({ level, message }) => lines.push(`${level} ${message}`) });
  const { properties = {}, ...others } = of;
  const described = {
    pid: 7,
    name: NAME,
    user: 'guest',
    vhostName: '/',
    clientProperties: fromPlain(properties),
    ...others,
  };
  return { log: new ConnectionLog(logger, described), lines };
}

const OPENING = { vhostName: null };
const NAMED = { properties: { connection_name: 'my name' } };

describe('a connection in the log', () => {
  test('that comes and goes', () => {
    const { log, lines } = logOf(NAMED);
    log.accepted();
    log.accepted();
    log.named();
    log.opened();
    log.closed(true);
    assert.deepEqual(lines, [
      `info accepting AMQP connection <0.7.0> (${NAME})`,
      `info connection <0.7.0> (${NAME}) has a client-provided name: my name`,
      `info connection <0.7.0> (${NAME} - my name): user 'guest' authenticated and granted access to vhost '/'`,
      `info closing AMQP connection <0.7.0> (${NAME} - my name, vhost: '/', user: 'guest')`,
    ]);
  });

  test('whose client is gone', () => {
    const { log, lines } = logOf();
    log.accepted();
    log.closed(false);
    const place = `<0.7.0> (${NAME}, vhost: '/', user: 'guest')`;
    assert.equal(lines[1], `warning closing AMQP connection ${place}:\nclient unexpectedly closed TCP connection`);
  });

  test('of somebody who only looked whether the port is open is for those who debug', () => {
    const { log, lines } = logOf({ ...OPENING, user: '' });
    log.closed(false);
    const text = `closing AMQP connection <0.7.0> (${NAME}):\nconnection_closed_with_no_data_received`;
    assert.deepEqual(lines, [`debug ${text}`]);
  });

  test('that is cut off is told of once', () => {
    const { log, lines } = logOf();
    log.accepted();
    log.cutOff('missed heartbeats from client, timeout: 1s');
    log.closed(false);
    const text = `closing AMQP connection <0.7.0> (${NAME}):\nmissed heartbeats from client, timeout: 1s`;
    assert.deepEqual(lines.slice(1), [`error ${text}`]);
  });

  test('whose login is refused', () => {
    const { log, lines } = logOf({ ...OPENING, user: '' });
    log.refused("PLAIN login refused: user 'guest' - invalid credentials", 'starting');
    const place = `<0.7.0> (${NAME}, state: starting)`;
    const reason = "PLAIN login refused: user 'guest' - invalid credentials";
    assert.deepEqual(lines, [`error Error on AMQP connection ${place}:\n${reason}`]);
  });

  test('that gets into no vhost', () => {
    const { log, lines } = logOf({ ...OPENING, user: 'u1' });
    log.refused('vhost none not found', 'opening');
    const place = `<0.7.0> (${NAME}, user: 'u1', state: opening)`;
    assert.deepEqual(lines, [`error Error on AMQP connection ${place}:\nvhost none not found`]);
  });

  test('that the broker closes, which is no error where an operator asked for it', () => {
    const { log, lines } = logOf();
    const place = `<0.7.0> (${NAME}, vhost: '/', user: 'guest', state: running)`;
    log.failed(channelError("second 'channel.open' seen", METHOD_IDS['channel.open']), 1);
    log.failed(connectionForced('Closed via management plugin'), 0);
    const text = `operation channel.open caused a connection exception channel_error: "second 'channel.open' seen"`;
    const forced = 'operation none caused a connection exception connection_forced: "Closed via management plugin"';
    assert.deepEqual(lines, [
      `error Error on AMQP connection ${place}, channel 1:\n ${text}`,
      `info Error on AMQP connection ${place}, channel 0:\n ${forced}`,
    ]);
  });
});

test('an error of a channel has the operation and RabbitMQ’s text', () => {
  const { log, lines } = logOf();
  log.channelFailed(notFound("no queue 'nope' in vhost '/'").at(METHOD_IDS['queue.declare']), 2);
  const place = `<0.7.0> (${NAME}, vhost: '/', user: 'guest'), channel 2`;
  const text = "operation queue.declare caused a channel exception not_found: no queue 'nope' in vhost '/'";
  assert.deepEqual(lines, [`error Channel error on connection ${place}:\n${text}`]);
});
