/**
 * Connections that have been accepted on a TLS port and are not secured yet, and what becomes of them:
 *
 *   accepted --handshake, certificate good--> secured
 *       '----(nonsense, too slow, certificate not good: a line in the log)----> gone
 *
 * The runtime lets OpenSSL turn away a client without a certificate, and looks at one that was shown itself, when the handshake
 * is done: such a client is closed on without an alert. Depth is not the runtime's business at all, and is counted here.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket } from 'node:tls';
import type { TlsPeer } from '../auth/access.ts';
import { ClientCertificate } from '../auth/client-certificate.ts';
import { DEFAULT_TLS_DEPTH, type TlsOptions } from '../config/tls-options.ts';
import type { Log } from '../runtime/log.ts';
import type { TlsCredentials } from './tls-files.ts';

export type Secured = (socket: TLSSocket, tls: TlsPeer) => void;

/** What handshakes are done with: tls-certificates.ts has it. */
export interface CertificatesInUse {
  readonly options: TlsOptions;
  /** What the names of the settings begin with that the options come from. */
  readonly settings: string;
  readonly current: TlsCredentials;
  follow(follower: (credentials: TlsCredentials) => void): void;
}

export class TlsHandshakes {
  readonly #server: Server;
  readonly #certificates: CertificatesInUse;
  readonly #log: Log;
  readonly #secured: Secured;
  /** Sockets below those that are being secured, or are. */
  readonly #below = new Set<Socket>();

  constructor(certificates: CertificatesInUse, timeoutMs: number, log: Log, secured: Secured) {
    const { verify = 'verify_none', failIfNoPeerCert = false } = certificates.options;
    this.#certificates = certificates;
    this.#log = log;
    this.#secured = secured;
    this.#server = createServer({
      ...certificates.current.context,
      requestCert: verify === 'verify_peer',
      rejectUnauthorized: failIfNoPeerCert,
      handshakeTimeout: timeoutMs,
    });
    this.#server.on('secureConnection', (socket) => this.#take(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#fail(error, socket));
    certificates.follow(({ context }) => this.#server.setSecureContext(context));
  }

  /** Begins the handshake on an accepted socket, which is not to be touched any more. */
  begin(accepted: Socket): void {
    accepted.remoteAddress; // Is kept from now on, for a word about one that is gone.
    this.#below.add(accepted);
    accepted.once('close', () => this.#below.delete(accepted));
    this.#server.emit('connection', accepted);
  }

  /** Cuts off whoever is still here. */
  destroy(): void {
    for (const socket of this.#below) socket.destroy();
  }

  #take(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    const fault = certificate === undefined ? null : this.#faultOf(socket);
    if (fault !== null) {
      this.#refused(socket.remoteAddress, fault);
      socket.on('error', () => {}); // It may be gone already.
      socket.destroySoon();
      return;
    }
    this.#secured(socket, peerOf(socket, certificate));
  }

  #faultOf(socket: TLSSocket): string | null {
    if (!socket.authorized) return this.#reasonOf(socket.authorizationError);
    const { depth = DEFAULT_TLS_DEPTH } = this.#certificates.options;
    const count = intermediatesAbove(socket.getPeerCertificate(true));
    return count > depth
      ? `${count} certificates stand above it, ${this.#certificates.settings}.depth allows ${depth}`
      : null;
  }

  #fail(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const { code = '' } = error;
    const { remoteAddress: peer = 'a client' } = (socket as WithSocketBelow)._parent ?? socket;
    socket.destroy();
    if (socket.authorizationError) return this.#refused(peer, this.#reasonOf(socket.authorizationError));
    // Whoever looks whether the port is open does this all day long.
    if (code === 'ECONNRESET') return this.#log.debug('connection', `${peer}: gone before TLS was agreed on`);
    this.#log.warning(
      'connection',
      `${peer}: no TLS connection: ${this.#inWords(HANDSHAKE_REASONS[code]) ?? error.message}`,
    );
  }

  /** The runtime gives the code alone, whatever its types say. */
  #reasonOf(authorizationError: unknown): string {
    return this.#inWords(CERTIFICATE_REASONS[`${authorizationError}`]) ?? `${authorizationError}`;
  }

  /** The settings by the names that they have on this listener. */
  #inWords(reason: string | undefined): string | undefined {
    return reason?.replace('ssl_options', this.#certificates.settings);
  }

  #refused(peer: string | undefined, reason: string): void {
    this.#log.warning('connection', `${peer}: the client's certificate is refused: ${reason}`);
  }
}

interface WithSocketBelow {
  readonly _parent?: Socket;
}

const HANDSHAKE_REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'what came is not TLS; is the client meant for a port without?',
  ERR_SSL_HTTP_REQUEST: 'what came is HTTP',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client has shown no certificate',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks no version of TLS that is allowed here (ssl_options.versions)',
  ERR_SSL_NO_SHARED_CIPHER: 'the client knows no cipher that is allowed here (ssl_options.ciphers)',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the handshake took too long (ssl_handshake_timeout)',
};

const UNKNOWN_AUTHORITY = 'no authority in ssl_options.cacertfile has signed it';
const CERTIFICATE_REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};

function peerOf(socket: TLSSocket, certificate: X509Certificate | undefined): TlsPeer {
  return {
    certificate: certificate === undefined ? null : new ClientCertificate(certificate.raw),
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
  };
}

/** How many stand between a certificate and the authority that has signed itself. */
function intermediatesAbove(certificate: DetailedPeerCertificate): number {
  let count = 0;
  for (let at = certificate.issuerCertificate; !isSelfIssued(at); at = at.issuerCertificate) count++;
  return count;
}

function isSelfIssued(certificate: DetailedPeerCertificate | undefined): boolean {
  return certificate?.issuerCertificate === undefined || certificate.issuerCertificate === certificate;
}
