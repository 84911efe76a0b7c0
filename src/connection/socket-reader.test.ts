import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { after, describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { eventually } from '../../test/conformance/waiting.ts';
import { CertificateDirectory } from '../../test/integration/certificates.ts';
import { SocketReader } from './socket-reader.ts';

const directory = new CertificateDirectory();
after(() => directory.remove());
const { certFile, keyFile } = directory.authority('localhost');
const cert = readFileSync(certFile);
const key = readFileSync(keyFile);

interface Transport {
  listen(take: (socket: Socket) => void): Server;
  connect(port: number): Socket;
}

const TRANSPORTS: Readonly<Record<string, Transport>> = {
  TCP: {
    listen: (take) => createServer({ pauseOnConnect: true }, take),
    connect: (port) => tcpConnect(port, '127.0.0.1'),
  },
  TLS: {
    listen: (take) => createTlsServer({ cert, key }, take),
    connect: (port) => tlsConnect({ port, host: '127.0.0.1', ca: cert, servername: 'localhost' }),
  },
};

/** One that is told to stop after each of the reads that `stopsAfter` is true for. */
async function startReading(t: TestContext, { listen, connect }: Transport, stopsAfter: (size: number) => boolean) {
  const read: Buffer[] = [];
  let size = 0;
  const accepted = Promise.withResolvers<Socket>();
  const reader = new SocketReader();
  const server = listen((socket) => {
    const reading = reader.read(socket, (bytes, end) => {
      read.push(Buffer.from(bytes.subarray(0, end)));
      size += end;
      return !stopsAfter(size);
    });
    reading.on('error', () => {});
    accepted.resolve(reading);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const client = connect((server.address() as AddressInfo).port);
  const socket = await accepted.promise;
  t.after(async () => {
    client.destroy();
    socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  return { client, socket, taken: () => Buffer.concat(read), takenSize: () => size, readCount: () => read.length };
}

/** Octets whose place can be told. */
function numbered(size: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: size / 4 }, (_, index) => index).buffer);
}

for (const [name, transport] of Object.entries(TRANSPORTS)) {
  describe(`a socket with ${name}`, () => {
    const octets = numbered(1_000_000);

    test('is read to its end, in order', async (t) => {
      const { client, socket, taken } = await startReading(t, transport, () => false);
      const ended = new Promise((resolve) => socket.once('end', resolve));
      client.end(octets);
      await ended;
      assert.ok(taken().equals(octets));
    });

    test('gives nothing more once it is told to stop, until it is resumed, and loses nothing', async (t) => {
      const { client, socket, taken, takenSize, readCount } = await startReading(t, transport, () => true);
      client.write(octets);
      for (let reads = 1; takenSize() < octets.length; reads++) {
        await eventually('a read', async () => readCount() === reads);
        for (let turns = 0; turns < 5; turns++) await nextTurn();
        assert.equal(readCount(), reads);
        socket.resume();
      }
      assert.ok(taken().equals(octets));
    });

    test('is left to the kernel while it is paused: the client cannot send without end', async (t) => {
      const { client, socket, taken, takenSize } = await startReading(t, transport, () => false);
      client.write('first');
      await eventually('what came first', async () => takenSize() === 5);
      socket.pause();
      const much = numbered(16_000_000);
      client.write(much);
      for (let turns = 0; turns < 200; turns++) await nextTurn();
      assert.ok(client.writableLength > 0);
      assert.equal(takenSize(), 5);
      socket.resume();
      await eventually('all of it', async () => takenSize() === 5 + much.length);
      assert.ok(taken().subarray(5).equals(much));
    });
  });
}
