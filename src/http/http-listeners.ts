/** Where something is served by HTTP: at a port without TLS, at one with it, or at both. */
import type { AddressInfo, Server } from 'node:net';
import type { TlsOptions } from '../config/tls-options.ts';
import { type ShownCertificate, shownCertificate } from '../connection/shown-certificate.ts';
import type { TlsCertificates } from '../connection/tls-certificates.ts';
import type { Clock } from '../runtime/clock.ts';
import { listenError } from '../runtime/listen-error.ts';
import type { Log } from '../runtime/log.ts';
import { Acceptor, type AcceptorLimits, type HttpServerLoader } from './acceptor.ts';

export interface HttpAddress {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
}

/** Without TLS unless there is something in `tls`; with it alone, unless `host` or `port` say where it is to be had without. */
export interface HttpListening extends HttpAddress {
  /** Where it is to be had with TLS, and the certificate for that. */
  readonly tls?: TlsOptions & HttpAddress;
}

/** One that is open. */
export interface HttpListener {
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

export interface HttpListenersOptions extends AcceptorLimits {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the server that is to answer, when the first caller comes. */
  readonly load: HttpServerLoader;
  /** Nobody waits for an answer any more. */
  closed?(): void;
  /** What is served, for the log. */
  readonly title: string;
  /** What the names of the settings begin with: `management`. */
  readonly settings: string;
  readonly defaultPort: number;
  readonly defaultTlsPort: number;
}

const DEFAULT_HOST = '127.0.0.1';

export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #acceptors: Acceptor[] = [];
  readonly #open: HttpListener[] = [];
  #certificates: TlsCertificates | null = null;
  #loaded: ReturnType<HttpServerLoader> | null = null;

  constructor(options: HttpListenersOptions) {
    this.#options = options;
  }

  get open(): readonly HttpListener[] {
    return this.#open;
  }

  /** With what is told to whoever looks after the broker. */
  shown(): (HttpListener & ShownCertificate)[] {
    const { current } = this.#certificates ?? {};
    return this.#open.map((listener) => {
      return { ...listener, ...shownCertificate(listener.protocol === 'https' ? current : undefined) };
    });
  }

  /** Null without TLS. */
  get certificates(): TlsCertificates | null {
    return this.#certificates;
  }

  /** Nothing stays open if it fails. @throws Error that says which setting or file is wrong, or why a port cannot be had */
  async listen(options: HttpListening): Promise<void> {
    try {
      await this.#listenAll(options);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #listenAll({ host, port, tls }: HttpListening): Promise<void> {
    const { settings, defaultPort, defaultTlsPort } = this.#options;
    const load = () => this.#load();
    if (tls === undefined || host !== undefined || port !== undefined) {
      const at = { host: host ?? DEFAULT_HOST, port: port ?? defaultPort };
      await this.#listen('http', new Acceptor(load, this.#options), at, `${settings}.tcp.port`);
    }
    if (tls === undefined) return;
    const certificates = await this.#openCertificates(tls);
    const at = { host: tls.host ?? DEFAULT_HOST, port: tls.port ?? defaultTlsPort };
    await this.#listen('https', new Acceptor(load, this.#options, certificates), at, `${settings}.ssl.port`);
  }

  async #openCertificates(tls: TlsOptions): Promise<TlsCertificates> {
    const { clock, log, settings } = this.#options;
    const { TlsCertificates } = await import('../connection/tls-certificates.ts');
    this.#certificates = new TlsCertificates(tls, clock, log, `${settings}.ssl`);
    return this.#certificates;
  }

  async #listen(
    protocol: HttpListener['protocol'],
    acceptor: Acceptor,
    { host, port }: { readonly host: string; readonly port: number },
    setting: string,
  ): Promise<void> {
    this.#acceptors.push(acceptor);
    const openPort = await listenAt(acceptor.server, host, port, setting);
    this.#open.push({ protocol, host, port: openPort });
    const kind = protocol === 'http' ? 'HTTP (non-TLS)' : 'HTTPS';
    this.#options.log.info('broker', `${this.#options.title}: ${kind} listener started on port ${openPort}`);
  }

  /** The same server for all that listen. */
  #load(): ReturnType<HttpServerLoader> {
    this.#loaded ??= this.#options.load();
    return this.#loaded;
  }

  async close(): Promise<void> {
    this.#options.closed?.();
    this.#certificates?.close();
    await Promise.all(this.#acceptors.map((acceptor) => acceptor.close()));
  }
}

/** @returns the port. @throws Error that says what to do */
function listenAt(server: Server, host: string, port: number, setting: string): Promise<number> {
  return new Promise((ready, refuse) => {
    server.once('error', (error) => refuse(listenError(host, port, error, setting)));
    server.listen({ host, port }, () => ready((server.address() as AddressInfo).port));
  });
}

/** `https://127.0.0.1:15671` */
export function urlOf({ protocol, host, port }: HttpListener): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
