/** What users of every Node client rely on alike, volume and sizes included. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type BrokerUnderTest,
  startBrokerUnderTest,
  startRestartableBroker,
  uniqueName,
  variantOf,
} from './broker-under-test.ts';
import { OWN_PREFIX, OWN_USER, TENANT_VHOST } from './definitions.ts';
import { Link } from './link.ts';
import { type Message, nodeClients } from './node-clients.ts';
import { eventually, Inbox, withDeadline } from './waiting.ts';

const MIB = 1024 * 1024;

for (const client of nodeClients) {
  describe(client.name, { timeout: 120_000 }, () => {
    let broker: BrokerUnderTest;
    before(async () => {
      broker = await startBrokerUnderTest();
    });
    after(() => broker.stop());

    test('ten thousand persistent messages, all under way at once, are confirmed and come in their order', async (t) => {
      const session = await client.open(t, broker.url);
      const queue = await session.declareQueue(uniqueName('confirms'), {
        durable: true,
        arguments: { 'x-expires': 60_000 },
      });
      const bodies = Array.from({ length: 10_000 }, (_, index) => `message ${index}`);
      await Promise.all(bodies.map((body) => session.publish('', queue, Buffer.from(body), { persistent: true })));
      assert.equal(await session.countOf(queue), bodies.length);
      const inbox = new Inbox<Message>('a delivery');
      await session.consume(queue, inbox.put);
      const received = await inbox.take(bodies.length);
      assert.deepEqual(
        received.map(({ body }) => body.toString()),
        bodies,
      );
    });

    for (const frameMax of client.frameSizes) {
      test(`a message of 8 MiB goes both ways in frames of ${frameMax} bytes`, async (t) => {
        const session = await client.open(t, broker.url, { frameMax });
        const queue = await session.declareQueue('', { exclusive: true });
        const body = Buffer.alloc(8 * MIB, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
        await session.publish('', queue, body);
        assert.ok(body.equals((await session.get(queue))!.body), 'by basic.get');
        const inbox = new Inbox<Message>('the delivery');
        await session.consume(queue, inbox.put);
        await session.publish('', queue, body);
        assert.ok(body.equals((await inbox.next()).body), 'by basic.deliver');
      });
    }

    test('two thousand channels of one connection are open at once, and each works', async (t) => {
      const session = await client.open(t, broker.url);
      const queue = await session.declareQueue('', { exclusive: true });
      const inbox = new Inbox<Message>('a delivery');
      await session.consume(queue, inbox.put);
      // One channel is the session's own; amqplib and others may open 2047.
      const channels = await Promise.all(Array.from({ length: 1999 }, () => session.openChannel()));
      await Promise.all(channels.map((publish, index) => publish(queue, Buffer.from(`from ${index}`))));
      const received = await inbox.take(channels.length);
      assert.equal(new Set(received.map(({ body }) => body.toString())).size, channels.length);
    });

    test('names hold any Unicode, up to 255 bytes of it', async (t) => {
      const session = await client.open(t, variantOf(broker.url, { vhost: TENANT_VHOST }));
      const unique = uniqueName('名前');
      const longest = `${unique} \u{1F430}`.padEnd(
        255 - Buffer.byteLength(`${unique} \u{1F430}`) + `${unique} \u{1F430}`.length,
        '.',
      );
      assert.equal(Buffer.byteLength(longest), 255);
      const queue = await session.declareQueue(longest, { exclusive: true });
      assert.equal(queue, longest);
      const exchange = `обмен ${unique}`;
      await session.declareExchange(exchange, 'topic');
      const routingKey = `ключ.é.${'е\u0308'}.\u{1F407}`;
      await session.bind(queue, exchange, 'ключ.*.#');
      await session.publish(exchange, routingKey, Buffer.from('körper'), {
        headers: { 'schlüssel ☃': 'wert \u{1F955}' },
      });
      const message = await session.get(queue);
      assert.deepEqual(
        { ...message, body: message?.body.toString() },
        { body: 'körper', exchange, routingKey, redelivered: false, headers: { 'schlüssel ☃': 'wert \u{1F955}' } },
      );
      await session.deleteExchange(exchange);
      await assert.rejects(session.countOf('keine ☃'), {
        message: new RegExp(`NOT_FOUND - no queue 'keine ☃' in vhost '${TENANT_VHOST}'`),
      });
    });

    test('a connection that breaks takes its exclusive and auto-delete queues with it, and gives its unacked back', async (t) => {
      const link = await Link.open(broker.url);
      const witness = await client.open(t, broker.url);
      const kept = await witness.declareQueue(uniqueName('kept'), { arguments: { 'x-expires': 60_000 } });
      const leaving = await client.open(t, link.url).finally(() => t.after(() => link.close()));
      const exclusive = await leaving.declareQueue('', { exclusive: true });
      const autoDelete = await leaving.declareQueue(uniqueName('auto-delete'), { autoDelete: true });
      await leaving.consume(autoDelete, () => undefined);
      await leaving.publish('', kept, Buffer.from('unacked'));
      await leaving.hold(kept);
      assert.equal(await witness.countOf(kept), 0);
      await link.cut();
      await leaving.ended;
      const message = await eventually('the unacked message', () => witness.get(kept));
      assert.deepEqual([message.body.toString(), message.redelivered], ['unacked', true]);
      for (const queue of [exclusive, autoDelete]) {
        const isGone = ({ message }: Error) => message.includes(`NOT_FOUND - no queue '${queue}' in vhost '/'`);
        // Until it is known to the disk that it goes, it is there.
        await eventually(`the end of ${queue}`, () => witness.countOf(queue).then(() => false, isGone));
      }
    });

    test('publishing to an exchange that is not there is told by its name', async (t) => {
      const session = await client.open(t, broker.url);
      const missing = uniqueName('missing');
      await assert.rejects(withDeadline('the refusal', session.publish(missing, 'key', Buffer.from('lost'))), {
        message: new RegExp(`NOT_FOUND - no exchange '${missing}' in vhost '/'`),
      });
      await session.findExchange('amq.topic'); // The connection goes on.
    });

    test('passive declares find what is there, and say what is not', async (t) => {
      const session = await client.open(t, broker.url);
      const missing = uniqueName('missing');
      for (const type of ['direct', 'fanout', 'headers', 'match', 'topic']) await session.findExchange(`amq.${type}`);
      await assert.rejects(session.findExchange(missing), {
        message: new RegExp(`NOT_FOUND - no exchange '${missing}' in vhost '/'`),
      });
      await assert.rejects(session.countOf(missing), {
        message: new RegExp(`NOT_FOUND - no queue '${missing}' in vhost '/'`),
      });
      const queue = await session.declareQueue('', { exclusive: true });
      await session.publish('', queue, Buffer.from('one'));
      assert.equal(await session.countOf(queue), 1);
    });

    test('another user of the URL may do what its permissions say', async (t) => {
      const url = variantOf(broker.url, { user: OWN_USER, password: OWN_USER });
      const session = await client.open(t, url);
      const queue = await session.declareQueue(`${OWN_PREFIX}${uniqueName('q')}`, { exclusive: true });
      await session.publish('', queue, Buffer.from('mine'));
      assert.equal((await session.get(queue))?.body.toString(), 'mine');
      const guests = await (await client.open(t, broker.url)).declareQueue(uniqueName('guests'), { autoDelete: true });
      const refused = (access: string, kind: string, name: string) => ({
        message: new RegExp(`ACCESS_REFUSED - ${access} to ${kind} '${name}' in vhost '/' refused for user 'own'`),
      });
      await assert.rejects(session.get(guests), refused('access', 'queue', guests));
      const other = await client.open(t, url);
      await assert.rejects(
        other.publish('amq.topic', 'k', Buffer.from('x')),
        refused('access', 'exchange', 'amq.topic'),
      );
      const third = await client.open(t, url);
      await assert.rejects(third.declareQueue('foreign', {}), refused('access', 'queue', 'foreign'));
      await assert.rejects(client.open(t, variantOf(url, { vhost: TENANT_VHOST })));
    });

    test('a priority queue of 255 levels serves the highest first', async (t) => {
      const session = await client.open(t, broker.url);
      const queue = await session.declareQueue('', { exclusive: true, arguments: { 'x-max-priority': 255 } });
      for (const priority of [0, 255, 7, 254, 128])
        await session.publish('', queue, Buffer.from([priority]), { priority });
      const order: number[] = [];
      for (let message = await session.get(queue); message !== undefined; message = await session.get(queue)) {
        order.push(message.body[0]!);
      }
      assert.deepEqual(order, [255, 254, 128, 7, 0]);
    });

    test('dead letters of two queues are sorted by a topic exchange, by why they died', async (t) => {
      const session = await client.open(t, broker.url);
      const exchange = uniqueName('dead');
      await session.declareExchange(exchange, 'topic');
      const expired = await session.declareQueue('', { exclusive: true });
      const overflown = await session.declareQueue('', { exclusive: true });
      await session.bind(expired, exchange, 'dead.late');
      await session.bind(overflown, exchange, 'dead.#.much');
      const deadLetters = (key: string) => ({ 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': key });
      const late = await session.declareQueue('', {
        exclusive: true,
        arguments: { 'x-message-ttl': 1, ...deadLetters('dead.late') },
      });
      const short = await session.declareQueue('', {
        exclusive: true,
        arguments: { 'x-max-length': 1, ...deadLetters('dead.too.much') },
      });
      await session.publish('', late, Buffer.from('late'));
      for (const body of ['first', 'second']) await session.publish('', short, Buffer.from(body));
      const letters = [
        await eventually('the one that expired', () => session.get(expired)),
        await eventually('the one that was one too many', () => session.get(overflown)),
      ];
      assert.deepEqual(
        letters.map(({ body, routingKey, headers }) => [body.toString(), routingKey, headers['x-first-death-reason']]),
        [
          ['late', 'dead.late', 'expired'],
          ['first', 'dead.too.much', 'maxlen'],
        ],
      );
      await session.deleteExchange(exchange);
    });

    test('a publisher is told that the broker blocks it, and what it sent is confirmed when there is room again', async (t) => {
      const blocking = await startRestartableBroker();
      t.after(() => blocking.stop());
      if (!blocking.canBlock) return t.skip('the disk of a broker given by its URL cannot be filled from here');
      const session = await client.open(t, blocking.url);
      const queue = await session.declareQueue(uniqueName('blocked'), { durable: true });
      await session.publish('', queue, Buffer.from('before'), { persistent: true });
      blocking.fillDisk();
      let isConfirmed = false;
      const sent = session.publish('', queue, Buffer.from('while blocked'), { persistent: true });
      const confirmed = sent.then(() => {
        isConfirmed = true;
      });
      assert.match(String(await session.blockings.next()), /^low on disk/);
      assert.equal(isConfirmed, false, 'nothing is confirmed that is not on the disk');
      blocking.freeDisk();
      assert.equal(await session.blockings.next(), null);
      await withDeadline('the confirm', confirmed);
      await blocking.goDown();
      await blocking.comeBack();
      const later = await client.open(t, blocking.url);
      for (const body of ['before', 'while blocked']) assert.equal((await later.get(queue))?.body.toString(), body);
    });

    test('a broker that is stopped says so with 320', async (t) => {
      const stopping = await startRestartableBroker();
      t.after(() => stopping.stop());
      if (!stopping.stopsInOrder) return t.skip('the broker of a URL is not stopped from here');
      const session = await client.open(t, stopping.url);
      await stopping.goDown();
      assert.match(
        await withDeadline('the end of the connection', session.ended),
        /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/,
      );
    });
  });
}
