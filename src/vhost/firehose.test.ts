import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BasicProperties } from '../protocol/properties.ts';
import { Firehose, TRACE_EXCHANGE } from './firehose.ts';
import type { InternalMessage, InternalPublisher } from './internal-publisher.ts';
import { NO_ROUTE } from './route.ts';

const CHANNEL = { connection: '127.0.0.1:40000 -> 127.0.0.1:5672', number: 1, user: 'guest' };

function traced(properties: BasicProperties = {}, exchange = 'x') {
  return { exchange, routingKey: 'key', blindKeys: [], properties, body: Buffer.from('body') };
}

/** A firehose whose exchange has bindings or none, and what it publishes. */
function firehose(isHeard = true): { hose: Firehose; published: InternalMessage[] } {
  const published: InternalMessage[] = [];
  const publisher = { isHeard: () => isHeard, publish: (message: InternalMessage) => published.push(message) };
  return { hose: new Firehose('/', 'leveret@host', publisher as unknown as InternalPublisher), published };
}

describe('the firehose', () => {
  test('writes the headers in the order of RabbitMQ, for whoever compares octets', () => {
    const { hose, published } = firehose();
    hose.published(traced({ contentType: 'text/plain', priority: 1, headers: new Map() }), NO_ROUTE, CHANNEL);
    hose.delivered(traced(), 'q', true, CHANNEL);
    const [publish, delivery] = published.map(({ properties }) => properties.headers!);
    const start = ['exchange_name', 'routing_keys', 'properties', 'node'];
    const place = ['vhost', 'connection', 'channel', 'user'];
    assert.deepEqual([...publish!.keys()], [...start, ...place, 'routed_queues']);
    assert.deepEqual([...delivery!.keys()], [...start, 'redelivered', ...place]);
    const properties = publish!.get('properties');
    assert.deepEqual(properties?.type === 'F' && [...properties.value.keys()], ['priority', 'headers', 'content_type']);
  });

  test('keeps a timestamp after 2038, for which RabbitMQ has too few bits', () => {
    const { hose, published } = firehose();
    hose.published(traced({ timestamp: 2 ** 31 }), NO_ROUTE, CHANNEL);
    const properties = published[0]!.properties.headers!.get('properties');
    assert.deepEqual(properties?.type === 'F' && properties.value.get('timestamp'), { type: 'l', value: 2n ** 31n });
  });

  test('cuts a routing key that the prefix makes too long for AMQP', () => {
    const { hose, published } = firehose();
    hose.delivered(traced(), 'q'.repeat(255), false, CHANNEL);
    assert.equal(published[0]!.routingKey, `deliver.${'q'.repeat(247)}`);
  });

  test('takes nothing that was traced already, and nothing that nobody would get', () => {
    assert.equal(firehose().hose.takes('x'), true);
    assert.equal(firehose().hose.takes(TRACE_EXCHANGE), false);
    assert.equal(firehose(false).hose.takes('x'), false);
  });
});
