/** What a connection asks of authentication and permissions. auth/ has the answers; broker.ts puts them together. */
import type { ClientCertificate } from './client-certificate.ts';

export interface Identity {
  readonly user: string;
  /** Those of the user when it logged in; `impersonator` may publish in other users' names. */
  readonly tags: readonly string[];
}

/**
 * Whoever can open the broker's control socket. There is no record of it as a user; it may do everything in every vhost. The name
 * is the one that RabbitMQ gives to what its command line has done.
 */
export const OPERATOR: Identity = { user: 'rmq-cli', tags: ['administrator'] };

export type Login =
  | { readonly kind: 'accepted'; readonly identity: Identity }
  | { readonly kind: 'refused'; readonly reason: string /** The name that was given. */; readonly username: string };

/** What TLS says of a client. */
export interface TlsPeer {
  /** Null when the client has shown none. */
  readonly certificate: ClientCertificate | null;
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite by its name in the standards: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
}

export interface Authenticator {
  /** The names of the mechanisms, as connection.start lists them to a client; without TLS unless told. */
  readonly mechanisms: (tls?: TlsPeer | null) => string;
  /** @param peer the client's address: guest may be restricted to loopback. */
  login(mechanism: string, response: string, peer: string, tls?: TlsPeer | null): Login;
  /** connection.update-secret. */
  renew(identity: Identity, secret: string): Login;
  /** @throws AmqpError 530 when the vhost is not there or not for this user. */
  enter(identity: Identity, vhost: string): void;
  /** @throws AmqpError 530 when the user may not open another channel. */
  checkChannelCount(identity: Identity): void;
}

export type Operation = 'configure' | 'write' | 'read';

/** What one user may do in one vhost. */
export interface ChannelAccess {
  /** Changes whenever an answer may: what was cached before is void. */
  readonly generation: number;
  /** @throws AmqpError 403 */
  check(kind: 'queue' | 'exchange', name: string, operation: Operation): void;
  /** @throws AmqpError 403 */
  checkTopic(exchange: string, routingKey: string, operation: 'write' | 'read'): void;
  /** @param count queues that are in the vhost already. @throws AmqpError 406 when there may be no more */
  checkQueueCount(name: string, count: number): void;
}
