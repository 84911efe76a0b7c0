/**
 * The certificate that listeners use now. When its files change, connections from then on get the new one, and standing ones
 * go on as they are; files that cannot be used leave the old one in use, with a line in the log that says why.
 *
 * Loaded only by a broker that has a listener with TLS.
 */
import type { TlsOptions } from '../config/tls-options.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { WatchedFiles } from '../runtime/watched-files.ts';
import { readTlsFiles, type TlsCredentials } from './tls-files.ts';
import { type CertificatesInUse, type Secured, TlsHandshakes } from './tls-handshakes.ts';

export class TlsCertificates implements CertificatesInUse {
  readonly options: TlsOptions;
  readonly settings: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #files: WatchedFiles;
  readonly #followers: ((credentials: TlsCredentials) => void)[] = [];
  #current: TlsCredentials;

  /**
   * @param settings what the names of the settings begin with that the options come from
   * @throws Error that says which file is wrong, and what to do
   */
  constructor(options: TlsOptions, clock: Clock, log: Log, settings = 'ssl_options') {
    this.options = options;
    this.settings = settings;
    this.#clock = clock;
    this.#log = log;
    const { certFile, keyFile = certFile, caCertFile = certFile } = options;
    this.#files = new WatchedFiles([...new Set([certFile, keyFile, caCertFile])], clock, () => this.reload());
    try {
      this.#current = readTlsFiles(options, clock.nowMs(), settings);
    } catch (error) {
      this.#files.close();
      throw error;
    }
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  /** What secures accepted sockets with them. */
  handshakes(timeoutMs: number, secured: Secured): TlsHandshakes {
    return new TlsHandshakes(this, timeoutMs, this.#log, secured);
  }

  /** Is given what connections from now on are to use, whenever that changes. */
  follow(follower: (credentials: TlsCredentials) => void): void {
    this.#followers.push(follower);
  }

  /** Reads the files again. @returns why the old ones stay in use, or null */
  reload(): string | null {
    try {
      this.#use(readTlsFiles(this.options, this.#clock.nowMs(), this.settings));
      return null;
    } catch (error) {
      const { message } = error as Error;
      const inUse = `the old certificate, which holds until ${dayOf(this.#current)}, stays in use`;
      this.#log.error('tls', `the certificate files have changed and cannot be used: ${message}; ${inUse}`);
      return message;
    }
  }

  #use(credentials: TlsCredentials): void {
    if (isSame(credentials, this.#current)) return;
    this.#current = credentials;
    for (const follower of this.#followers) follower(credentials);
    const { subject } = credentials;
    this.#log.info('tls', `new connections get the certificate of "${subject}" that holds until ${dayOf(credentials)}`);
  }

  close(): void {
    this.#files.close();
  }
}

/** A file that was only touched is no change: sessions of clients stay good. */
function isSame({ context: one }: TlsCredentials, { context: other }: TlsCredentials): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}

function dayOf({ expiresAtMs }: TlsCredentials): string {
  return new Date(expiresAtMs).toISOString().slice(0, 10);
}
