/**
 * From a client's connection.start-ok to an identity, and from its connection.open to a vhost, by the users of the metadata.
 *
 * A refused login says the same whatever was wrong (the name, the password, the place it came from); the reason is for the
 * log. Only a client with the capability `authentication_failure_close` is told; RabbitMQ closes the socket of any other one
 * without a word, some seconds later.
 */
import type { UserRecord } from '../metadata/port.ts';
import { type AmqpError, accessRefused, notAllowed } from '../protocol/errors.ts';
import { encodeText } from '../protocol/text.ts';
import type { Authenticator, Identity, Login, TlsPeer } from './access.ts';
import type { Accounts } from './accounts.ts';
import { isLoopback } from './loopback.ts';
import { hashPassword, isPassword } from './passwords.ts';
import type { Claim, SaslMechanisms } from './sasl.ts';

/** How many connections are open already, the one that is asked about not among them. */
export interface ConnectionCounts {
  ofUser(user: string): number;
  ofVhost(vhost: string): number;
  /** Channels on all connections of a user, the one that is asked about not among them. */
  channelsOfUser(user: string): number;
}

export interface AccountAuthenticatorOptions {
  readonly mechanisms: SaslMechanisms;
  /** RabbitMQ's `loopback_users`: who may log in from this machine only. */
  readonly loopbackUsers: readonly string[];
  /** What the limits on connections are held against. */
  readonly connections: ConnectionCounts;
}

/** 403, closing the connection: what a client is told whose login was refused. The text is RabbitMQ's. */
export function loginRefused(mechanism: string): AmqpError {
  const details = 'For details see the broker logfile.';
  const text = `Login was refused using authentication mechanism ${mechanism}. ${details}`;
  return accessRefused(text).closing('connection');
}

/** The authenticator over the accounts of the metadata: RabbitMQ's internal backend. */
export class AccountAuthenticator implements Authenticator {
  readonly #accounts: Accounts;
  readonly #mechanisms: SaslMechanisms;
  readonly #loopbackUsers: ReadonlySet<string>;
  readonly #connections: ConnectionCounts;
  /** Checked for a name that is not there, so that the time taken does not tell which names are. */
  readonly #nobodysHash = hashPassword('nobody');

  constructor(accounts: Accounts, options: AccountAuthenticatorOptions) {
    this.#accounts = accounts;
    this.#mechanisms = options.mechanisms;
    this.#loopbackUsers = new Set(options.loopbackUsers);
    this.#connections = options.connections;
  }

  readonly mechanisms = (tls: TlsPeer | null = null): string => this.#mechanisms.offeredTo(tls);

  /**
   * Judges connection.start-ok. The reason of a refusal holds no password.
   * @param response any octets, as decodeText() gives them
   * @param peer `socket.remoteAddress`
   * @param tls null: the connection is not encrypted
   * @throws AmqpError 503 for a mechanism that is not offered, 502 for a malformed response: RabbitMQ only logs those
   */
  login(mechanism: string, response: string, peer: string, tls: TlsPeer | null = null): Login {
    const claim = this.#mechanisms.find(mechanism).read(encodeText(response), tls);
    if ('refusal' in claim) return refused('', claim.refusal);
    const user = this.#userOf(claim);
    if (user === undefined) return refused(claim.username, `user '${claim.username}' - invalid credentials`);
    if (this.#loopbackUsers.has(user.name) && !isLoopback(peer)) {
      return refused(user.name, `user '${user.name}' can only connect via localhost`);
    }
    return { kind: 'accepted', identity: { user: user.name, tags: user.tags } };
  }

  /** connection.update-secret: RabbitMQ takes any secret of a user whose identity does not expire. */
  renew(identity: Identity, _secret: string): Login {
    return { kind: 'accepted', identity };
  }

  /**
   * Judges connection.open, in RabbitMQ's order: the vhost is there, neither it nor the user has too many connections, the user
   * has permissions in it.
   * @throws AmqpError 530 with RabbitMQ's text; the caller adds the method
   */
  enter({ user }: Identity, vhost: string): void {
    if (!this.#accounts.hasVhost(vhost)) throw notAllowed(`vhost ${vhost} not found`);
    const refusal = `access to vhost '${vhost}' refused for user '${user}'`;
    const ofVhostMax = this.#accounts.vhostLimit(vhost, 'max-connections');
    if (ofVhostMax !== undefined && this.#connections.ofVhost(vhost) >= ofVhostMax) {
      throw notAllowed(`${refusal}: connection limit (${ofVhostMax}) is reached`);
    }
    const ofUserMax = this.#accounts.userLimit(user, 'max-connections');
    if (ofUserMax !== undefined && this.#connections.ofUser(user) >= ofUserMax) {
      throw notAllowed(`connection refused for user '${user}': user connection limit (${ofUserMax}) is reached`);
    }
    if (this.#accounts.permission(user, vhost) === undefined) throw notAllowed(refusal);
  }

  /** Judges channel.open. @throws AmqpError 530 with RabbitMQ's text, which closes the connection */
  checkChannelCount({ user }: Identity): void {
    const max = this.#accounts.userLimit(user, 'max-channels');
    if (max === undefined || this.#connections.channelsOfUser(user) < max) return;
    const limit = `the maximum allowed user limit of (${max})`;
    throw notAllowed(`number of channels opened for user '${user}' has reached ${limit}`);
  }

  #userOf(claim: Claim): UserRecord | undefined {
    const user = this.#accounts.user(claim.username);
    if (claim.password === null) return user;
    const { passwordHash, hashing } = user ?? { passwordHash: this.#nobodysHash, hashing: 'sha256' as const };
    return isPassword(claim.password, passwordHash, hashing) ? user : undefined;
  }
}

function refused(username: string, reason: string): Login {
  return { kind: 'refused', username, reason };
}
