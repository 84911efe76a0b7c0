/**
 * Who calls: the user of a basic authentication, and what its tags let it see.
 *
 *   management      its own connections, and the vhosts that it has permissions in
 *   policymaker     policies and parameters besides
 *   monitoring      all connections, channels and nodes besides what management sees
 *   administrator   everything
 *
 * Whoever comes through the control socket is the operator: an administrator who may enter every vhost.
 */
import { type Identity, OPERATOR } from '../auth/access.ts';
import type { Accounts } from '../auth/accounts.ts';
import type { ConnectionContext } from '../connection/context.ts';
import { decodeText } from '../protocol/text.ts';
import { loginFailed, notAuthorised } from './api-error.ts';

/** What a route asks of its caller's tags. */
export type Requirement = 'nobody' | 'management' | 'policymaker' | 'monitoring' | 'administrator';

/** A tag includes what the tags in its list may do. */
const INCLUDED_IN: Readonly<Record<Exclude<Requirement, 'nobody'>, readonly string[]>> = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
};

const REFUSALS: Readonly<Record<Exclude<Requirement, 'nobody'>, string>> = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
};

export class Caller {
  readonly identity: Identity;
  readonly #accounts: Accounts;

  constructor(identity: Identity, accounts: Accounts) {
    this.identity = identity;
    this.#accounts = accounts;
  }

  get name(): string {
    return this.identity.user;
  }

  /** Without a record of a user, and hence without permissions that could be written down. */
  get isOperator(): boolean {
    return this.identity === OPERATOR;
  }

  is(requirement: Exclude<Requirement, 'nobody'>): boolean {
    return this.identity.tags.some((tag) => INCLUDED_IN[requirement].includes(tag));
  }

  /** @throws ApiError 401 */
  mustBe(requirement: Requirement): void {
    if (requirement === 'nobody') return;
    this.#mustBe('management');
    this.#mustBe(requirement);
  }

  #mustBe(requirement: Exclude<Requirement, 'nobody'>): void {
    if (!this.is(requirement)) throw notAuthorised(REFUSALS[requirement]);
  }

  /** Whether it could open an AMQP connection to the vhost. */
  mayEnter(vhost: string): boolean {
    return this.isOperator || this.#accounts.permission(this.name, vhost) !== undefined;
  }

  /** Whether listings show it what is in the vhost. */
  sees(vhost: string): boolean {
    return this.is('administrator') || this.mayEnter(vhost);
  }
}

/**
 * Reads an `Authorization` header: basic, over the same accounts as AMQP.
 * @param peer the client's address: guest may be restricted to loopback
 * @throws ApiError 401 `Login failed`
 */
export function authenticate(header: string, peer: string, context: LoginContext): Identity {
  const [scheme, credentials = ''] = header.split(' ', 2);
  if (scheme!.toLowerCase() !== 'basic') throw loginFailed();
  const octets = Buffer.from(credentials, 'base64');
  const colon = octets.indexOf(':');
  if (colon < 0) throw loginFailed();
  return logIn({ name: octets.subarray(0, colon), password: octets.subarray(colon + 1) }, peer, context);
}

export interface Credentials {
  readonly name: Buffer;
  readonly password: Buffer;
}

/** @throws ApiError 401 `Login failed` */
export function logIn({ name, password }: Credentials, peer: string, context: LoginContext): Identity {
  if (name.includes(0) || password.includes(0)) throw loginFailed();
  const nul = Buffer.of(0);
  const response = Buffer.concat([nul, name, nul, password]);
  const login = context.authenticator.login('PLAIN', decodeText(response, 0, response.length), peer);
  context.authAttempts.count('http', peer, name.toString(), login.kind === 'accepted');
  if (login.kind === 'refused') {
    context.log.warning('management', `HTTP access denied: ${login.reason}`);
    throw loginFailed();
  }
  return login.identity;
}

type LoginContext = Pick<ConnectionContext, 'authenticator' | 'authAttempts' | 'log'>;
