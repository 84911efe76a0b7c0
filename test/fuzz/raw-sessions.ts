/** Sessions that no client library has: channels woven into one another, rare methods, every field type. */
import { RawClient } from '../differential/raw-client.ts';
import { typed } from '../differential/wire-format.ts';

const EVERY_TYPE = {
  t: typed('t', true),
  b: typed('b', -1),
  B: typed('B', 255),
  s: typed('s', -300),
  u: typed('u', 65_000),
  I: typed('I', -70_000),
  i: typed('i', 4_000_000_000),
  l: typed('l', -5_000_000_000n),
  L: typed('L', 5_000_000_000n),
  T: typed('T', 1_700_000_000),
  f: typed('f', 0.5),
  d: typed('d', 0.25),
  D: typed('D', { scale: 2, unscaled: 1999 }),
  S: typed('S', 'text'),
  x: typed('x', Buffer.from([0, 1, 2])),
  A: [typed('s', 1), typed('S', 'two'), { three: typed('V', null) }],
  F: { nested: { deeper: { deepest: 1 } } },
  V: typed('V', null),
};

/** Reads past whatever else comes. */
async function until(client: RawClient, channel: number, name: string): Promise<void> {
  while ((await client.read(channel)).name !== name);
}

/** Three channels at once: one publishes bodies of many frames between which the others go on. */
export async function interleaved(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  await client.open({ tune: { frameMax: 4096, channelMax: 20 } });
  for (const number of [2, 3]) await client.openChannel(number);
  await client.call('queue.declare', { queue: 'raw.woven', arguments: { 'x-max-priority': 9 } });
  await client.channel(2).call('confirm.select');
  await client.channel(3).call('basic.qos', { prefetchCount: 3, global: true });
  await client
    .channel(3)
    .call('basic.consume', { queue: 'raw.woven', consumerTag: 'raw-consumer', arguments: { 'x-priority': 5 } });
  for (let i = 0; i < 3; i++) {
    client.send('basic.publish', { routingKey: 'raw.woven' });
    client
      .channel(2)
      .publish({ routingKey: 'raw.woven', properties: { headers: EVERY_TYPE, priority: i }, body: 'between' });
    client.channel(1).sendContentHeader(9000, { deliveryMode: 2 });
    for (const size of [4088, 4088, 824]) {
      client.channel(1).sendBody(Buffer.alloc(size, 'b'));
      client.channel(2).publish({ routingKey: 'raw.woven', body: '' });
    }
    client.sendHeartbeat();
    const { args } = await client.channel(3).expect('basic.deliver');
    client.channel(3).send('basic.ack', { deliveryTag: args.deliveryTag as number, multiple: i % 2 === 0 });
  }
  client.channel(3).send('basic.recover', { requeue: true });
  await until(client, 3, 'basic.recover-ok');
  client.channel(3).send('basic.cancel', { consumerTag: 'raw-consumer', nowait: true });
  await client.call('queue.purge', { queue: 'raw.woven' });
  await client.call('queue.delete', { queue: 'raw.woven', ifUnused: false });
  client.channel(2).send('channel.close', { replyCode: 200 });
  await until(client, 2, 'channel.close-ok');
  await client.close();
}

/** Direct reply-to, alternate and internal exchanges, no-wait declarations, an error and a channel opened anew, a new secret. */
export async function rareMethods(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  await client.open();
  await client.openChannel(2);
  await client.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true, consumerTag: 'raw-replies' });
  client.publish({ routingKey: 'raw.requests', properties: { replyTo: 'amq.rabbitmq.reply-to' }, body: 'nobody asks' });
  client.send('exchange.declare', { exchange: 'raw.hash', type: 'x-consistent-hash', nowait: true });
  client.send('exchange.declare', { exchange: 'raw.random', type: 'x-random', autoDelete: true, nowait: true });
  for (const queue of ['raw.one', 'raw.two']) {
    client.send('queue.declare', {
      queue,
      nowait: true,
      exclusive: true,
      arguments: { 'x-max-length-bytes': 5000, 'x-queue-mode': 'lazy' },
    });
    client.send('queue.bind', { queue, exchange: 'raw.hash', routingKey: '2', nowait: true });
    client.send('queue.bind', { queue, exchange: 'raw.random', nowait: true });
  }
  client.send('exchange.bind', { destination: 'raw.random', source: 'raw.hash', routingKey: '1', nowait: true });
  for (let i = 0; i < 8; i++)
    client.publish({ exchange: 'raw.hash', routingKey: `key ${i}`, mandatory: true, body: `${i}` });
  await client.channel(2).call('tx.select');
  client.channel(2).publish({ exchange: 'raw.hash', routingKey: 'in a transaction', body: Buffer.alloc(3000) });
  client.channel(2).send('basic.get', { queue: 'raw.one' });
  await client.channel(2).read();
  client.channel(2).send('basic.nack', { deliveryTag: 0, multiple: true, requeue: true });
  await client.channel(2).call('tx.commit');
  await client.call('channel.flow', { active: true });
  client.channel(0).send('connection.update-secret', { newSecret: 'guest', reason: 'renewed' });
  await client.channel(0).expect('connection.update-secret-ok');
  client.channel(2).send('queue.declare', { queue: 'raw.missing', passive: true });
  await client.channel(2).expect('channel.close');
  client.channel(2).send('channel.close-ok');
  await client.openChannel(2);
  client.send('basic.cancel', { consumerTag: 'raw-replies' });
  await until(client, 1, 'basic.cancel-ok');
  await client.call('exchange.unbind', { destination: 'raw.random', source: 'raw.hash', routingKey: '1' });
  await client.call('exchange.delete', { exchange: 'raw.hash', ifUnused: false });
  await client.close();
}
