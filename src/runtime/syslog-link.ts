/** Ways to a syslog server: datagrams, or a stream with or without TLS, in which each message has its length in front (RFC 6587). */
import { X509Certificate } from 'node:crypto';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP, connect as tcpConnect } from 'node:net';
import { createSecureContext, type SecureContext, connect as tlsConnect } from 'node:tls';
import type { SyslogLogOptions, SyslogTlsOptions } from './syslog-options.ts';

export interface SyslogPlace {
  readonly host: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly tls: SyslogTlsOptions;
}

/** Each is told once at most. */
export interface LinkEvents {
  opened(): void;
  /** It is of no more use. */
  failed(reason: string): void;
}

export interface SyslogLink {
  /** @param done told when the operating system has all of them; not at all where the link fails */
  write(messages: readonly Buffer[], done: () => void): void;
  /** Sends the last ones, and ends; a link that is not open yet is given up. */
  end(messages: readonly Buffer[]): void;
}

const OPEN_MS_MAX = 10_000;
/** How long a server may take to take the last messages. */
const END_MS_MAX = 1_000;
/** Larger datagrams are cut by some servers, and lost by some networks. */
const DATAGRAM_BYTES_MAX = 8192;

export function placeOf({ host = 'localhost', port, transport = 'udp', tls = {} }: SyslogLogOptions): SyslogPlace {
  const isSecure = transport === 'tls' || transport === 'ssl';
  return { host, port: port ?? (isSecure ? 6514 : 514), transport: isSecure ? 'tls' : transport, tls };
}

/** @throws Error that says which file cannot be read */
export function openLink(place: SyslogPlace, events: LinkEvents): SyslogLink {
  return place.transport === 'udp' ? openDatagrams(place, events) : openStream(place, events);
}

function openStream({ host, port, transport, tls }: SyslogPlace, events: LinkEvents): SyslogLink {
  const socket =
    transport === 'tcp'
      ? tcpConnect({ host, port })
      : tlsConnect({
          ...{ host, port, secureContext: secureContextOf(tls), rejectUnauthorized: tls.verify === 'verify_peer' },
          ...(isIP(host) === 0 ? { servername: host } : {}),
        });
  let reason = 'the server has closed the connection';
  let isOpen = false;
  socket.setKeepAlive(true, 60_000);
  socket.setTimeout(OPEN_MS_MAX, () => socket.destroy(new Error(`no connection within ${OPEN_MS_MAX / 1000} s`)));
  socket.once(transport === 'tcp' ? 'connect' : 'secureConnect', () => {
    isOpen = true;
    socket.setTimeout(0);
    events.opened();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  socket.once('close', () => events.failed(reason));
  // What a server says is nothing to be read, but its end is.
  socket.resume();
  return {
    write: (messages, done) => {
      socket.write(framed(messages), (error) => {
        if (error == null) done();
      });
    },
    end: (messages) => {
      if (!isOpen) return void socket.destroy();
      socket.setTimeout(END_MS_MAX, () => socket.destroy());
      socket.end(framed(messages));
    },
  };
}

function framed(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message]));
}

/** @throws Error that says which setting is wrong */
export function secureContextOf({
  caCertFile,
  certFile,
  keyFile = certFile,
  password,
}: SyslogTlsOptions): SecureContext {
  const ca = caCertFile === undefined ? undefined : pemOf('cacertfile', caCertFile);
  const cert = certFile === undefined ? undefined : pemOf('certfile', certFile);
  const key = keyFile === undefined ? undefined : pemOf('keyfile', keyFile);
  try {
    return createSecureContext({ ca, cert, key, passphrase: password });
  } catch (error) {
    throw new Error(`the files of log.syslog.ssl_options cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function pemOf(name: string, path: string): Buffer {
  try {
    const pem = readFileSync(path);
    // A file without one would be passed over in silence.
    if (name !== 'keyfile') new X509Certificate(pem);
    return pem;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`log.syslog.ssl_options.${name}: ${path} cannot be read (${code ?? message})`, { cause: error });
  }
}

/** What becomes of a datagram nobody knows. */
function openDatagrams(place: SyslogPlace, events: LinkEvents): SyslogLink {
  const datagrams = new Datagrams(place, events);
  return {
    write: (messages, done) => datagrams.send(messages, done),
    end: (messages) => datagrams.end(messages),
  };
}

class Datagrams {
  readonly #port: number;
  readonly #events: LinkEvents;
  #socket: DatagramSocket | null = null;
  #to = '';
  #sendingCount = 0;
  #isEnding = false;
  #isOver = false;

  constructor({ host, port }: SyslogPlace, events: LinkEvents) {
    this.#port = port;
    this.#events = events;
    lookup(host, (error, address, family) => {
      if (error === null) this.#open(address, family);
      else this.#fail(error);
    });
  }

  /** @param done told when the system has all of them */
  send(messages: readonly Buffer[], done: () => void): void {
    let leftCount = messages.length;
    this.#sendingCount += leftCount;
    for (const message of messages) {
      this.#socket!.send(cut(message), this.#port, this.#to, (error) => {
        this.#sendingCount--;
        if (error !== null) this.#fail(error);
        else if (--leftCount === 0) done();
        if (this.#isEnding && this.#sendingCount === 0) this.#close();
      });
    }
  }

  end(messages: readonly Buffer[]): void {
    this.#isEnding = true;
    if (this.#socket !== null && !this.#isOver) this.send(messages, () => undefined);
    if (this.#sendingCount === 0) this.#close();
  }

  #open(address: string, family: number): void {
    if (this.#isOver) return;
    this.#to = address;
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.on('error', (error) => this.#fail(error));
    socket.bind(0, () => {
      if (this.#isOver) return;
      this.#socket = socket;
      this.#events.opened();
    });
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.#close();
    this.#events.failed(error.code ?? error.message);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket?.close();
  }
}

/** Between two characters. */
function cut(message: Buffer): Buffer {
  if (message.length <= DATAGRAM_BYTES_MAX) return message;
  let end = DATAGRAM_BYTES_MAX;
  while ((message[end]! & 0xc0) === 0x80) end--;
  return message.subarray(0, end);
}
