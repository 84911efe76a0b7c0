/** Heartbeats at the shortest interval there is: kept up in both directions by every Node client, and missed by a dead peer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RawClient } from '../differential/raw-client.ts';
import { startBrokerUnderTest, uniqueName } from './broker-under-test.ts';
import { Link } from './link.ts';
import { nodeClients } from './node-clients.ts';
import { eventually } from './waiting.ts';

/** From the broker, two a second: together they take longer than a peer may be silent. */
const BEATS = 8;
/** Some clients send one a second. */
const CLIENT_BEATS = 4;

// At the same time, because all that they do is wait.
describe('heartbeats of one second', { concurrency: true, timeout: 60_000 }, () => {
  for (const client of nodeClients) {
    test(`${client.name} and the broker keep an idle connection alive`, async (t) => {
      const broker = await startBrokerUnderTest();
      t.after(() => broker.stop());
      const link = await Link.open(broker.url);
      // The session goes before the link: some libraries wait for ever for an answer to their close.
      const session = await client
        .open(t, link.url, { heartbeatSeconds: 1 })
        .finally(() => t.after(() => link.close()));
      const queue = await session.declareQueue('', { exclusive: true });
      await Promise.all([link.heartbeats.take(BEATS), link.clientHeartbeats.take(CLIENT_BEATS)]);
      await session.publish('', queue, Buffer.from('still here'));
      assert.equal((await session.get(queue))?.body.toString(), 'still here');
    });
  }

  test('a peer that has died is given up, and what it held is free', async (t) => {
    const broker = await startBrokerUnderTest();
    t.after(() => broker.stop());
    const port = Number(new URL(broker.url).port);
    const witness = await RawClient.connect(port);
    await witness.open();
    const [kept, exclusive] = [uniqueName('kept'), uniqueName('exclusive')];
    await witness.call('queue.declare', { queue: kept, autoDelete: true });
    witness.publish({ routingKey: kept, body: 'unacked' });
    const dying = await RawClient.connect(port);
    await dying.open({ tune: { heartbeat: 1 } });
    await dying.call('queue.declare', { queue: exclusive, exclusive: true });
    dying.send('basic.get', { queue: kept });
    assert.equal((await dying.expect('basic.get-ok')).body?.toString(), 'unacked');
    // From here on it says nothing more, while the broker's own heartbeats still reach it.
    await eventually('the connection to be closed', async () => (await dying.read(0, 10_000)).name === 'socket closed');
    const message = await eventually('the unacked message', async () => {
      witness.send('basic.get', { queue: kept, noAck: true });
      const { name, body, args } = await witness.read(1);
      return name === 'basic.get-ok' && { body: body?.toString(), redelivered: args.redelivered };
    });
    assert.deepEqual(message, { body: 'unacked', redelivered: true });
    witness.send('queue.declare', { queue: exclusive, passive: true });
    const refused = await witness.expect('channel.close');
    assert.equal(refused.args.replyText, `NOT_FOUND - no queue '${exclusive}' in vhost '/'`);
    await witness.close();
  });

  test('a peer that only sends methods is alive', async (t) => {
    const broker = await startBrokerUnderTest();
    t.after(() => broker.stop());
    const client = await RawClient.connect(Number(new URL(broker.url).port));
    await client.open({ tune: { heartbeat: 1 } });
    for (let beats = 0; beats < BEATS; beats++) {
      // Answers take the place of the broker's heartbeats, and this method that of the client's.
      for (let name = ''; name !== 'heartbeat'; ) name = (await client.read(0, 10_000)).name;
      await client.call('basic.qos', { prefetchCount: 1 });
    }
    await client.close();
  });

  test('without heartbeats a silent peer is left alone', async (t) => {
    const broker = await startBrokerUnderTest();
    t.after(() => broker.stop());
    const port = Number(new URL(broker.url).port);
    const silent = await RawClient.connect(port);
    await silent.open({ tune: { heartbeat: 0 } });
    const beating = await RawClient.connect(port);
    await beating.open({ tune: { heartbeat: 1 } });
    for (let closed = false; !closed; ) closed = (await beating.read(0, 10_000)).name === 'socket closed';
    await silent.call('basic.qos', { prefetchCount: 1 });
    await silent.close();
  });
});
