/** Handshake and negotiation: what a broker says before a channel exists. AMQP 0-9-1 1.4 and 4.2.2 */

import { group, type Session } from '../session.ts';
import { typed } from '../wire-format.ts';

export const handshakeSessions: Session[] = [];
const session = group('handshake', handshakeSessions);

const NO_CAPABILITIES = { product: 'raw-client' };

session('a whole handshake shows the server properties and the tune figures', async (s) => {
  const client = await s.connect();
  await client.open();
});

for (const [title, header] of [
  ['a protocol header of HTTP is answered with the right header', 'GET / HT'],
  ['a protocol header of AMQP 1.0 is answered with the right header', 'AMQP\0\x01\0\0'],
  ['a protocol header of AMQP 0-8 is accepted or refused', 'AMQP\x01\x01\x08\0'],
  ['a protocol header of AMQP 0-9 is accepted or refused', 'AMQP\x01\x01\0\x09'],
  ['a protocol header of SASL-first AMQP 1.0 is answered with the right header', 'AMQP\x03\x01\0\0'],
  ['a protocol header with a wrong revision is answered with the right header', 'AMQP\0\0\x09\x02'],
] as const) {
  session(title, async (s) => {
    const client = await s.connect();
    client.sendProtocolHeader(Buffer.from(header, 'latin1'));
    const answer = await client.read(0);
    if (answer.name === 'protocol-header') await client.read(0);
  });
}

session('a method frame instead of connection.start-ok', async (s) => {
  const client = await s.start();
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
});

session('a channel method before the handshake is over', async (s) => {
  const client = await s.start();
  client.send('channel.open');
  await client.read(0);
});

session('a client without capabilities that gives a wrong password sees only a closed socket', async (s) => {
  const client = await s.start();
  client.startOk({ password: 'wrong', clientProperties: NO_CAPABILITIES });
  await client.read(0);
});

session('authentication_failure_close turns a wrong password into connection.close 403', async (s) => {
  const client = await s.start();
  client.startOk({ password: 'wrong' });
  if ((await client.read(0)).name === 'connection.close') {
    client.channel(0).send('connection.close-ok');
    await client.read(0);
  }
});

session('an unknown user is refused as a wrong password is', async (s) => {
  const client = await s.start();
  client.startOk({ user: 'nobody', password: 'guest' });
  await client.read(0);
});

session('a malformed PLAIN response', async (s) => {
  const client = await s.start();
  client.startOk({ response: 'guest' });
  await client.read(0);
});

session('an unknown mechanism, with capabilities', async (s) => {
  const client = await s.start();
  client.startOk({ mechanism: 'SCRAM-SHA-1' });
  await client.read(0);
});

session('an unknown mechanism, without capabilities', async (s) => {
  const client = await s.start();
  client.startOk({ mechanism: 'SCRAM-SHA-1', clientProperties: NO_CAPABILITIES });
  await client.read(0);
});

session('EXTERNAL is not offered without TLS', async (s) => {
  const client = await s.start();
  client.startOk({ mechanism: 'EXTERNAL', response: '' });
  await client.read(0);
});

session('AMQPLAIN with login and password opens a connection', async (s) => {
  const client = await s.connect();
  await client.open({ mechanism: 'AMQPLAIN', response: amqplain('guest', 'guest') });
});

session('AMQPLAIN with a wrong password', async (s) => {
  const client = await s.start();
  client.startOk({ mechanism: 'AMQPLAIN', response: amqplain('guest', 'wrong') });
  await client.read(0);
});

session('AMQPLAIN without a password field', async (s) => {
  const client = await s.start();
  client.startOk({ mechanism: 'AMQPLAIN', response: Buffer.from('\x05LOGINS\0\0\0\x05guest', 'latin1') });
  await client.read(0);
});

session('an unknown virtual host', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered);
  await client.channel(0).ask('connection.open', { virtualHost: 'nowhere' });
  client.channel(0).send('connection.close-ok');
  await client.read(0);
});

session('an unknown virtual host, without capabilities', async (s) => {
  const { client, offered } = await s.tune({ clientProperties: NO_CAPABILITIES });
  client.tuneOk(offered);
  await client.channel(0).ask('connection.open', { virtualHost: 'nowhere' });
  client.channel(0).send('connection.close-ok');
  await client.read(0);
});

for (const [title, tune] of [
  ['tune-ok with a frame-max above the offered one', { frameMax: 200_000 }],
  ['tune-ok with a frame-max below 4096', { frameMax: 4095 }],
  ['tune-ok with a frame-max of 1', { frameMax: 1 }],
  ['tune-ok with a channel-max above the offered one', { channelMax: 65_535 }],
  ['tune-ok with a channel-max of 0', { channelMax: 0 }],
  ['tune-ok with a frame-max of 0', { frameMax: 0 }],
  ['tune-ok with a frame-max of 4096', { frameMax: 4096 }],
  ['tune-ok with a heartbeat above the offered one', { heartbeat: 3600 }],
] as const) {
  session(title, async (s) => {
    const { client, offered } = await s.tune();
    client.tuneOk(offered, tune);
    await client.channel(0).ask('connection.open', { virtualHost: '/' });
    if (!client.isClosed) await client.channel(1).ask('channel.open');
  });
}

session('frame-max 4096 cuts deliveries into bodies of 4088 bytes', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.publish({ routingKey: queue, body: Buffer.alloc(10_000, 'x') });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('a frame larger than the negotiated frame-max', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  channel.send('basic.publish', { routingKey: 'q' });
  channel.sendContentHeader(10_000);
  channel.sendBody(Buffer.alloc(5_000, 'x'));
  await channel.read();
});

session('a frame may be 8 bytes larger than frame-max, because RabbitMQ counts the payload alone', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.sendContentHeader(4_096);
  channel.sendBody(Buffer.alloc(4_096, 'x'));
  await channel.ask('basic.get', { queue, noAck: true });
  channel.send('basic.publish', { routingKey: queue });
  channel.sendContentHeader(4_097);
  channel.sendBody(Buffer.alloc(4_097, 'x'));
  await channel.read();
});

session('a channel number above channel-max', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered, { channelMax: 3 });
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
  await client.channel(3).ask('channel.open');
  await client.channel(4).ask('channel.open');
});

session('more channels than channel-max', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered, { channelMax: 2 });
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
  await client.channel(1).ask('channel.open');
  await client.channel(2).ask('channel.open');
  await client.channel(3).ask('channel.open');
});

session('a channel that was closed makes room for another under channel-max', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered, { channelMax: 1 });
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
  await client.channel(1).ask('channel.open');
  await client.channel(1).ask('channel.close', { replyCode: 200 });
  await client.channel(1).ask('channel.open');
});

session('a heartbeat that was agreed on is sent', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered, { heartbeat: 1 });
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
  await client.read(0);
});

session('a client that falls silent is cut off without a word', async (s) => {
  const { client, offered } = await s.tune();
  client.tuneOk(offered, { heartbeat: 1 });
  await client.channel(0).ask('connection.open', { virtualHost: '/' });
  const trace = s.quiet(client);
  let last = await client.read(0);
  while (last.name === 'heartbeat') last = await client.read(0);
  trace.on = true;
  s.note(`after heartbeats came: ${last.name}`);
});

session('connection.open twice', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('connection.open', { virtualHost: '/' });
});

session('connection.start-ok after the handshake', async (s) => {
  const channel = await s.open();
  channel.client.startOk();
  await channel.read();
});

session('connection.tune-ok after the handshake', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('connection.tune-ok', { channelMax: 10, frameMax: 4096 });
});

session('connection.close is answered at any channel state', async (s) => {
  const channel = await s.open();
  channel.publish({ exchange: '', routingKey: s.name('none'), body: 'x' });
  await channel.client.channel(0).ask('connection.close', { replyCode: 320, replyText: 'going' });
});

session('connection.close on a channel other than 0', async (s) => {
  const channel = await s.open();
  channel.send('connection.close', { replyCode: 200 });
  await channel.read();
});

session('connection.close-ok that nobody asked for', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('connection.close-ok');
});

session('connection.secure-ok that nobody asked for', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('connection.secure-ok', { response: 'x' });
});

session('connection.update-secret is taken', async (s) => {
  const channel = await s.open();
  await channel.client.channel(0).ask('connection.update-secret', { newSecret: 'x', reason: 'y' });
});

function amqplain(login: string, password: string): Buffer {
  const field = (name: string, value: string) => {
    const bytes = Buffer.alloc(name.length + 6);
    bytes.writeUInt8(name.length, 0);
    bytes.write(name, 1);
    bytes.write(typed('S', '').letter, name.length + 1);
    bytes.writeUInt32BE(value.length, name.length + 2);
    return Buffer.concat([bytes, Buffer.from(value)]);
  };
  return Buffer.concat([field('LOGIN', login), field('PASSWORD', password)]);
}
