/** Frames that are wrong: each costs the connection, and the close says why. AMQP 0-9-1 4.2 and 4.10.2 */

import { group, type Session } from '../session.ts';
import { encodeFrame, encodeMethod, FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD } from '../wire-format.ts';

export const connectionErrorSessions: Session[] = [];
const session = group('connection errors', connectionErrorSessions);

session('a channel method on channel 0', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('channel.open');
});

session('a queue method on channel 0', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('queue.declare', { queue: 'q' });
});

session('content frames on channel 0', async (s) => {
  const channel = await s.open();
  channel.client.channel(0).sendContentHeader(1);
  await channel.read();
});

session('a body frame on channel 0', async (s) => {
  const channel = await s.open();
  channel.client.channel(0).sendBody('x');
  await channel.read();
});

session('basic.publish on channel 0', async (s) => {
  const channel = await s.open();
  channel.client.channel(0).publish({ routingKey: 'q', body: 'm' });
  await channel.read();
});

session('a method on a channel that was never opened', async (s) => {
  const channel = await s.open();
  channel.client.channel(5).send('queue.declare', { queue: 'q' });
  await channel.read();
});

session('channel.close on a channel that was never opened', async (s) => {
  const channel = await s.open();
  channel.client.channel(5).send('channel.close');
  await channel.read();
});

session('channel.close-ok on a channel that was never opened', async (s) => {
  const channel = await s.open();
  channel.client.channel(5).send('channel.close-ok');
  await channel.read();
});

session('a publish on a channel that was never opened', async (s) => {
  const channel = await s.open();
  channel.client.channel(5).publish({ routingKey: 'q', body: 'm' });
  await channel.read();
});

session('content frames on a channel that was never opened', async (s) => {
  const channel = await s.open();
  channel.client.channel(5).sendContentHeader(1);
  await channel.read();
});

session('a method on a channel that was closed in order', async (s) => {
  const channel = await s.open();
  await channel.ask('channel.close', { replyCode: 200, replyText: 'bye' });
  channel.send('basic.qos', { prefetchCount: 1 });
  await channel.read();
});

session('channel.open twice', async (s) => {
  const channel = await s.open();
  channel.send('channel.open');
  await channel.read();
});

session('a connection method on channel 1', async (s) => {
  const channel = await s.open();
  channel.send('connection.open', { virtualHost: '/' });
  await channel.read();
});

session('a frame whose end octet is wrong', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_METHOD, 1, encodeMethod('basic.qos', {}), 0x00);
  await channel.read();
});

session('a heartbeat frame whose end octet is wrong', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_HEARTBEAT, 0, Buffer.alloc(0), 0x01);
  await channel.read();
});

session('a frame of an unknown type on channel 1', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(4, 1, Buffer.from('abc'));
  await channel.read();
});

session('a frame of an unknown type with more octets than a line holds', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(9, 0, Buffer.alloc(20, 150));
  await channel.read();
});

session('a frame of an unknown type on channel 0', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(9, 0, Buffer.from('abc'));
  await channel.read();
});

session('a frame header that announces 100 MB', async (s) => {
  const channel = await s.open();
  const header = encodeFrame(FRAME_BODY, 1, Buffer.alloc(0)).subarray(0, 7);
  header.writeUInt32BE(100_000_000, 3);
  channel.client.sendBytes(header, 'frame header type=3 channel=1 size=100000000');
  await channel.read();
});

session('a method frame of frame-max bytes and one over it', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  const long = encodeMethod('queue.declare', {
    queue: s.name('q'),
    exclusive: true,
    arguments: { a: 'x'.repeat(5_000) },
  });
  channel.client.sendFrame(FRAME_METHOD, 1, long.subarray(0, 4_096));
  await channel.read();
});

session('garbage after the handshake', async (s) => {
  const channel = await s.open();
  channel.client.sendBytes(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'an HTTP request');
  await channel.read();
});

session('a protocol header after the handshake', async (s) => {
  const channel = await s.open();
  channel.client.sendProtocolHeader();
  await channel.read();
});

session('heartbeats on channel 0 are taken, one on channel 1 is not', async (s) => {
  const channel = await s.open();
  channel.client.sendHeartbeat();
  await channel.ask('basic.qos', { prefetchCount: 1 });
  channel.client.sendHeartbeat(1);
  await channel.read();
});

session('a heartbeat with a payload', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_HEARTBEAT, 0, Buffer.from('abc'));
  await channel.read();
});

for (const [title, classId, methodId] of [
  ['an unknown class', 70, 10],
  ['an unknown method of class basic', 60, 55],
  ['an unknown method of class queue', 50, 99],
  ['access.request, which RabbitMQ still answers', 30, 10],
] as const) {
  session(title, async (s) => {
    const channel = await s.open();
    const payload = Buffer.alloc(4);
    payload.writeUInt16BE(classId, 0);
    payload.writeUInt16BE(methodId, 2);
    const realm = classId === 30 ? Buffer.from('\x05/data\x1f', 'latin1') : Buffer.alloc(0);
    channel.client.sendFrame(FRAME_METHOD, 1, Buffer.concat([payload, realm]));
    await (classId === 30 ? channel.read() : channel.read());
  });
}

session('an unknown class on channel 0', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_METHOD, 0, Buffer.from([0, 70, 0, 10]));
  await channel.read();
});

session('an empty method frame', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_METHOD, 1, Buffer.alloc(0));
  await channel.read();
});

session('a method frame of two bytes', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_METHOD, 1, Buffer.from([0, 60]));
  await channel.read();
});

session('a queue.declare whose arguments are cut off', async (s) => {
  const channel = await s.open();
  channel.client.sendFrame(FRAME_METHOD, 1, encodeMethod('queue.declare', { queue: 'queue' }).subarray(0, 8));
  await channel.read();
});

session('a queue.declare with bytes after its arguments', async (s) => {
  const channel = await s.open();
  const payload = encodeMethod('queue.declare', { queue: 'queue' });
  channel.client.sendFrame(FRAME_METHOD, 1, Buffer.concat([payload, Buffer.from('more')]));
  await channel.read();
});

session('a table whose length goes past its frame', async (s) => {
  const channel = await s.open();
  const table = Buffer.from([0, 0, 0, 200, 1, 0x61, 0x74, 1]);
  channel.client.sendFrame(FRAME_METHOD, 1, encodeMethod('queue.declare', { queue: 'q', arguments: table }));
  await channel.read();
});

session('a table with a value of an unknown type', async (s) => {
  const channel = await s.open();
  const table = Buffer.from([0, 0, 0, 4, 1, 0x61, 0x3f, 1]);
  channel.client.sendFrame(FRAME_METHOD, 1, encodeMethod('queue.declare', { queue: 'q', arguments: table }));
  await channel.read();
});

session('a table whose string goes past its end', async (s) => {
  const channel = await s.open();
  const table = Buffer.from([0, 0, 0, 8, 1, 0x61, 0x53, 0, 0, 0, 99, 0x78]);
  channel.client.sendFrame(FRAME_METHOD, 1, encodeMethod('queue.declare', { queue: 'q', arguments: table }));
  await channel.read();
});

session('a content header with a bad table in its headers', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  const header = Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 4, 1, 0x61, 0x3f, 1]);
  channel.client.sendFrame(FRAME_HEADER, 1, header);
  channel.sendBody('m');
  await channel.read();
});

session('a content header whose properties are cut off', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.client.sendFrame(FRAME_HEADER, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 9, 0x61]));
  channel.sendBody('m');
  await channel.read();
});

session('a content header that is too short', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.client.sendFrame(FRAME_HEADER, 1, Buffer.from([0, 60, 0, 0]));
  await channel.read();
});

session('a content header whose weight is not 0', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.client.sendFrame(FRAME_HEADER, 1, Buffer.from([0, 60, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]));
  await channel.read();
});

session('a content header with a continuation flag', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.client.sendFrame(FRAME_HEADER, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0]));
  channel.sendBody('m');
  await channel.read();
});

session('a body frame where a content header belongs', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.sendBody('m');
  await channel.read();
});

session('a method where a content header belongs', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.send('basic.qos', { prefetchCount: 1 });
  await channel.read();
});

session('a method where a body belongs', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.sendContentHeader(5);
  channel.send('basic.qos', { prefetchCount: 1 });
  await channel.read();
});

session('a second content header where a body belongs', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.sendContentHeader(5);
  channel.sendContentHeader(5);
  await channel.read();
});

session('a content header with no publish before it', async (s) => {
  const channel = await s.open();
  channel.sendContentHeader(5);
  await channel.read();
});

session('a body frame with no publish before it', async (s) => {
  const channel = await s.open();
  channel.sendBody('m');
  await channel.read();
});

session('a body larger than its header declared', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.sendContentHeader(3);
  channel.sendBody('four');
  await channel.ask('basic.qos', { prefetchCount: 1 });
});

session('a body frame after a body of size 0', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.sendContentHeader(0);
  channel.sendBody('');
  await channel.read();
});

session('empty body frames inside a body are taken', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.sendContentHeader(4);
  channel.sendBody('ab');
  channel.sendBody('');
  channel.sendBody('cd');
  await channel.ask('basic.get', { queue, noAck: true });
});

for (const method of ['queue.declare-ok', 'channel.open-ok', 'basic.qos-ok', 'basic.get-empty', 'basic.recover-ok']) {
  session(`${method}, which only a server may send`, async (s) => {
    const channel = await s.open();
    await channel.ask(method);
  });
}

session('basic.deliver, which only a server may send', async (s) => {
  const channel = await s.open();
  channel.send('basic.deliver', { consumerTag: 'c', deliveryTag: 1 });
  channel.sendContentHeader(0);
  await channel.read();
});

session('a queue name that is not UTF-8', async (s) => {
  const channel = await s.open();
  const payload = Buffer.concat([Buffer.from([0, 50, 0, 10, 0, 0, 2, 0xff, 0xfe]), Buffer.from([0, 0, 0, 0, 0])]);
  channel.client.sendFrame(FRAME_METHOD, 1, payload);
  await channel.read();
});
