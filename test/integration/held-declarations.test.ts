/** What others are told and what happens to them while a declaration waits for its sync. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../src/broker.ts';
import { ask } from '../management/http-client.ts';
import { clientOf, start } from './declaring-clients.ts';
import { HeldDeclarations, takenIn } from './held-declarations.ts';

async function namesIn({ managementUrl }: Broker): Promise<string[]> {
  const { body } = await ask(managementUrl!, { method: 'GET', path: '/api/queues' });
  return (body as { name: string }[]).map(({ name }) => name).sort();
}

test('what a channel has sent behind a declaration that fails does not happen', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [holder, winner, loser] = await Promise.all([clientOf(t, broker), clientOf(t, broker), clientOf(t, broker)]);
  await winner.call('queue.declare', { queue: 'kept', durable: true });
  await disk.holdBehind(holder);
  winner.send('queue.declare', { queue: 'contested', exclusive: true });
  await takenIn(winner, 2);
  loser.send('queue.declare', { queue: 'contested' });
  loser.send('queue.bind', { queue: 'contested', exchange: 'amq.fanout' });
  loser.send('queue.declare', { queue: 'behind', durable: true });
  loser.send('queue.delete', { queue: 'kept' });
  await takenIn(loser, 2);
  disk.release();
  await winner.expect('queue.declare-ok');
  assert.equal((await loser.expect('channel.close')).args.replyCode, 405);
  assert.deepEqual(await namesIn(broker), ['contested', 'held', 'kept']);
  winner.channel(2).publish({ exchange: 'amq.fanout', mandatory: true });
  await winner.channel(2).expect('basic.return');
});

test('... and what it has sent behind one that is there already, as it was asked for, happens in its turn', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [holder, first, second] = await Promise.all([clientOf(t, broker), clientOf(t, broker), clientOf(t, broker)]);
  await first.call('queue.declare', { queue: 'kept', durable: true });
  await disk.holdBehind(holder);
  for (const client of [first, second]) {
    client.send('queue.declare', { queue: 'shared', durable: true });
    client.send('queue.bind', { queue: 'shared', exchange: 'amq.fanout' });
    await takenIn(client, 2);
  }
  second.send('queue.declare', { queue: 'behind', durable: true });
  second.send('queue.delete', { queue: 'kept' });
  second.send('queue.declare', { queue: 'kept', passive: true });
  await takenIn(second, 3);
  disk.release();
  for (const client of [first, second]) {
    await client.expect('queue.declare-ok');
    await client.expect('queue.bind-ok');
  }
  assert.equal((await second.expect('queue.declare-ok')).args.queue, 'behind');
  await second.expect('queue.delete-ok');
  assert.equal((await second.expect('channel.close')).args.replyCode, 404);
  assert.deepEqual(await namesIn(broker), ['behind', 'held', 'shared']);
});

test('what is answered without a proposal waits for its turn: reply addresses, and names with line breaks', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const client = await clientOf(t, broker);
  await client.call('queue.declare', { queue: 'here', durable: true });
  await disk.holdBehind(client);
  client.send('queue.declare', { queue: 'amq.rabbitmq.reply-to' });
  client.send('queue.delete', { queue: 'here' });
  client.send('queue.declare', { queue: 'here\n', durable: true });
  client.send('queue.declare', { queue: 'here', passive: true });
  await takenIn(client, 2);
  disk.release();
  assert.equal((await client.expect('queue.declare-ok')).args.queue, 'held');
  assert.equal((await client.expect('queue.declare-ok')).args.queue, 'amq.rabbitmq.reply-to');
  await client.expect('queue.delete-ok');
  assert.equal((await client.expect('queue.declare-ok')).args.queue, 'here');
  assert.equal((await client.expect('queue.declare-ok')).args.queue, 'here');
});

test('a declaration of the same queue with a line break in its name waits for the deletion', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const client = await clientOf(t, broker);
  await client.call('queue.declare', { queue: 'here', durable: true });
  await disk.holdBehind(client);
  client.send('queue.delete', { queue: 'here' });
  client.send('queue.declare', { queue: 'here\n', durable: true });
  await takenIn(client, 2);
  disk.release();
  await client.expect('queue.declare-ok');
  await client.expect('queue.delete-ok');
  await client.expect('queue.declare-ok');
  await client.call('queue.declare', { queue: 'here', passive: true });
});

test('connection.close waits for basic.cancel, and for channel.close, which take a queue with them', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const client = await clientOf(t, broker);
  await client.openChannel(2);
  for (const number of [1, 2]) {
    const channel = client.channel(number);
    const queue = `passing ${number}`;
    await channel.call('queue.declare', { queue, durable: true, autoDelete: true });
    await channel.call('basic.consume', { queue, consumerTag: 'one' });
  }
  disk.hold();
  client.send('basic.cancel', { consumerTag: 'one' });
  client.channel(2).send('channel.close', { replyCode: 200 });
  await takenIn(client, 3);
  client.channel(0).send('connection.close', { replyCode: 200 });
  const order: string[] = [];
  const heard = [
    client.expect('basic.cancel-ok').then(() => order.push('cancel-ok')),
    client
      .channel(2)
      .expect('channel.close-ok')
      .then(() => order.push('channel.close-ok')),
    client
      .channel(0)
      .expect('connection.close-ok')
      .then(() => order.push('connection.close-ok')),
  ];
  await takenIn(await clientOf(t, broker), 2);
  disk.release();
  await Promise.all(heard);
  assert.deepEqual(order, ['cancel-ok', 'channel.close-ok', 'connection.close-ok']);
});

test('a queue that is deleted if it is empty takes no message with it that came meanwhile', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [client, publisher] = await Promise.all([clientOf(t, broker), clientOf(t, broker)]);
  await client.call('queue.declare', { queue: 'empty', durable: true });
  await publisher.call('confirm.select');
  disk.hold();
  client.send('queue.delete', { queue: 'empty', ifEmpty: true });
  await takenIn(client, 2);
  publisher.publish({ routingKey: 'empty', mandatory: true, properties: { deliveryMode: 2 } });
  const first = (await publisher.read(1)).name;
  disk.release();
  const last = (await client.read(1)).name;
  assert.deepEqual([first, last], ['basic.return', 'queue.delete-ok']);
});

test('a queue that goes since nobody uses it is not found meanwhile, and who declares it gets a new one', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [client, next, last] = await Promise.all([clientOf(t, broker), clientOf(t, broker), clientOf(t, broker)]);
  const passing = { queue: 'passing', durable: true, autoDelete: true };
  await client.call('queue.declare', passing);
  await client.call('queue.bind', { queue: 'passing', exchange: 'amq.fanout' });
  await client.call('basic.consume', { queue: 'passing', consumerTag: 'one' });
  client.publish({ exchange: 'amq.fanout', properties: { deliveryMode: 2 } });
  await client.expect('basic.deliver');
  disk.hold();
  client.send('basic.cancel', { consumerTag: 'one' });
  await takenIn(client, 2);
  next.publish({ exchange: 'amq.fanout', mandatory: true });
  await next.expect('basic.return');
  next.send('basic.consume', { queue: 'passing', consumerTag: 'two' });
  assert.equal((await next.expect('channel.close')).args.replyCode, 404);
  last.send('queue.declare', passing);
  last.send('queue.bind', { queue: 'passing', exchange: 'amq.fanout' });
  await takenIn(last, 2);
  disk.release();
  await client.expect('basic.cancel-ok');
  assert.equal((await last.expect('queue.declare-ok')).args.messageCount, 0);
  await last.expect('queue.bind-ok');
  last.publish({ exchange: 'amq.fanout', body: 'kept' });
  await last.call('basic.consume', { queue: 'passing' });
  assert.equal(String((await last.expect('basic.deliver')).body), 'kept');
});

test('a second deletion waits for the first one, and a queue that could not be deleted is there as before', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [client, other] = await Promise.all([clientOf(t, broker), clientOf(t, broker)]);
  await client.call('queue.declare', { queue: 'empty', durable: true });
  disk.hold();
  client.send('queue.delete', { queue: 'empty', ifEmpty: true });
  await takenIn(client, 2);
  other.send('queue.delete', { queue: 'empty' });
  await takenIn(other, 2);
  disk.fail();
  assert.equal((await client.read(1)).args.replyCode, 541);
  assert.equal((await other.read(1)).args.replyCode, 541);
  const again = await clientOf(t, broker);
  again.publish({ routingKey: 'empty', mandatory: true, body: 'kept' });
  const message = await again.call('basic.get', { queue: 'empty' }, 'basic.get-ok');
  assert.equal(String(message.body), 'kept');
});

test('an exchange that somebody has bound does not go with another binding, and is in use', async (t) => {
  const broker = await start(t);
  const disk = new HeldDeclarations(t);
  const [client, other] = await Promise.all([clientOf(t, broker), clientOf(t, broker)]);
  const fanout = { type: 'fanout', durable: true };
  await client.call('exchange.declare', { exchange: 'passing', ...fanout, autoDelete: true });
  await client.call('exchange.declare', { exchange: 'unused', ...fanout });
  await client.call('queue.declare', { queue: 'a', durable: true });
  await client.call('queue.declare', { queue: 'b', durable: true });
  await client.call('queue.bind', { queue: 'a', exchange: 'passing' });
  await disk.holdBehind(client);
  client.send('queue.unbind', { queue: 'a', exchange: 'passing' });
  await takenIn(client, 2);
  other.send('queue.bind', { queue: 'b', exchange: 'passing' });
  other.send('queue.bind', { queue: 'b', exchange: 'unused' });
  await takenIn(other, 2);
  client.channel(2).send('exchange.delete', { exchange: 'unused', ifUnused: true });
  await takenIn(client, 3);
  disk.release();
  await client.expect('queue.declare-ok');
  await client.expect('queue.unbind-ok');
  await other.expect('queue.bind-ok');
  await other.expect('queue.bind-ok');
  assert.equal((await client.channel(2).expect('channel.close')).args.replyCode, 406);
  await other.call('exchange.declare', { exchange: 'passing', passive: true });
  other.publish({ exchange: 'passing', mandatory: true });
  assert.equal((await other.call('queue.declare', { queue: 'b', passive: true })).args.messageCount, 1);
});
