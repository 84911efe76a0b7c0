/** What the tests of TLS have in common: who is signed by whom, and clients that say what they see. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Socket, connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { withDeadline } from '../conformance/waiting.ts';
import { RawClient } from '../differential/raw-client.ts';
import { type Authority, type Certificate, CertificateDirectory } from './certificates.ts';

/** Files of one test file, made when they are first asked for. */
export class TestCertificates {
  readonly directory = new CertificateDirectory();
  readonly ca: Authority = this.directory.authority('ca');
  /** For localhost and 127.0.0.1. */
  readonly server = this.ca.issue('server', {
    subject: '/CN=localhost',
    alternativeNames: 'DNS:localhost,IP:127.0.0.1',
  });
  /** `CN=alice,O=Acme`. */
  readonly alice = this.ca.issue('alice', { subject: '/O=Acme/CN=alice' });

  /** Where server, key and authority are, as an option of startBroker(). */
  get tls(): { certFile: string; keyFile: string; caCertFile: string } {
    return { ...this.server, caCertFile: this.ca.certFile };
  }

  remove(): void {
    this.directory.remove();
  }
}

/** Users with all permissions; the password of each is its name. */
export function definitionsFor(...users: string[]) {
  return {
    vhosts: [{ name: '/' }],
    users: users.map((name) => ({ name, password: name, tags: '' })),
    permissions: users.map((user) => ({ user, vhost: '/', configure: '.*', write: '.*', read: '.*' })),
  };
}

export interface ClientOptions {
  readonly ca: Buffer;
  readonly host: string;
  readonly servername: string;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** How to connect as the owner of a certificate, or of none, trusting an authority. */
export function clientOptions(trusted: Certificate, own: Certificate | null = null): ClientOptions {
  const shown = own === null ? {} : { cert: readFileSync(own.certFile), key: readFileSync(own.keyFile) };
  return { ca: readFileSync(trusted.certFile), host: '127.0.0.1', servername: 'localhost', ...shown };
}

export async function connectTls(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = tlsConnect({ ...options, port });
  await withDeadline('the TLS handshake', once(socket, 'secureConnect'));
  return socket;
}

export async function rawClientOverTls(port: number, options: ConnectionOptions): Promise<RawClient> {
  return RawClient.over(await connectTls(port, options));
}

/** What a client that sends these octets sees, until the broker closes: `error CODE`, octets in hexadecimal, `closed`. */
export async function seenByTcpClient(port: number, octets: Buffer): Promise<string> {
  const socket = tcpConnect(port, '127.0.0.1', () => socket.write(octets));
  const seen: string[] = [];
  socket.on('data', (chunk) => seen.push(chunk.toString('hex')));
  return seenUntilClosed(socket, seen);
}

/** The same of a client with TLS, which sends a protocol header as soon as it may; `secured` once the handshake is done. */
export async function seenByTlsClient(port: number, options: ConnectionOptions): Promise<string> {
  const seen: string[] = [];
  const socket = tlsConnect({ ...options, port }, () => {
    seen.push('secured');
    socket.write('AMQP\0\0\x09\x01');
  });
  socket.on('data', () => {
    seen.push('connection.start');
    socket.destroy();
  });
  return seenUntilClosed(socket, seen);
}

/** A socket that is cut off and one that is closed in order are the same to a client: which of them it sees is chance. */
async function seenUntilClosed(socket: Socket, seen: string[]): Promise<string> {
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'ECONNRESET') seen.push(`error ${code}`);
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await withDeadline('the broker to close', closed);
  return [...seen, 'closed'].join(', ');
}
