/**
 * The opening of a connection, one method after the other:
 *
 *   header --AMQP 0 0 9 1--> starting --start-ok--> tuning --tune-ok--> opening --open--> running
 *
 * What a client may not do here ends with the socket closed, after a pause, and without a word: it may not speak AMQP at all.
 * Clients that say `authentication_failure_close` are told of a wrong password.
 */
import type { Identity, TlsPeer } from '../auth/access.ts';
import { loginRefused } from '../auth/login.ts';
import { FRAME_MIN_SIZE, PROTOCOL_HEADER } from '../protocol/constants.ts';
import { AmqpError, internalError } from '../protocol/errors.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { type ConnectionTuneOk, METHOD_IDS, type Method, type OutgoingMethod } from '../protocol/methods.generated.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { Agreed } from './connection-description.ts';
import type { ConnectionLog } from './connection-log.ts';
import type { ConnectionContext } from './context.ts';

export type HandshakeStep =
  /** Go on, with these answers. */
  | { readonly kind: 'continue'; readonly answers: readonly OutgoingMethod[] }
  | { readonly kind: 'open'; readonly vhost: Vhost }
  /** Tell the client, then close. */
  | { readonly kind: 'refuse'; readonly error: AmqpError }
  /** Close without a word; the reason is for the log. */
  | { readonly kind: 'drop'; readonly reason: string };

/** @param refusal why the login failed, or null */
type LoggedIn = (user: string, refusal: string | null) => void;

export class Handshake {
  #state: 'header' | 'starting' | 'tuning' | 'opening' = 'header';
  readonly #context: ConnectionContext;
  readonly #peer: string;
  readonly #tls: TlsPeer | null;
  readonly #log: ConnectionLog;
  readonly #loggedIn: LoggedIn;
  identity: Identity = { user: '', tags: [] };
  clientProperties: FieldTable = new Map();
  mechanism = '';
  channelMax = 0;
  frameMaxBytes = FRAME_MIN_SIZE;
  heartbeatSeconds = 0;

  constructor(context: ConnectionContext, peer: string, tls: TlsPeer | null, log: ConnectionLog, loggedIn: LoggedIn) {
    this.#context = context;
    this.#peer = peer;
    this.#tls = tls;
    this.#log = log;
    this.#loggedIn = loggedIn;
  }

  /** What both sides have told each other and settled. */
  get agreed(): Agreed {
    const { mechanism, clientProperties, channelMax, frameMaxBytes, heartbeatSeconds } = this;
    return { mechanism, clientProperties, channelMax, frameMaxBytes, heartbeatSeconds };
  }

  /** Logged in, and on the way into a vhost. */
  get isOpening(): boolean {
    return this.#state === 'opening';
  }

  get awaitsHeader(): boolean {
    return this.#state === 'header';
  }

  /** The eight octets that a client sends first. @returns null when they are not AMQP 0-9-1. */
  header(bytes: Buffer, offset: number): HandshakeStep | null {
    if (!isSupportedHeader(bytes.subarray(offset, offset + 8))) return null;
    this.#state = 'starting';
    const start = {
      name: 'connection.start',
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: this.#context.serverProperties,
      mechanisms: this.#context.authenticator.mechanisms(this.#tls),
      locales: 'en_US',
    } as const;
    return { kind: 'continue', answers: [start] };
  }

  /** @throws AmqpError as the login does for what is malformed. */
  method(method: Method): HandshakeStep {
    if (this.#state === 'starting' && method.name === 'connection.start-ok') {
      this.clientProperties = method.clientProperties;
      this.mechanism = method.mechanism;
      this.#log.named();
      return this.#login(method.mechanism, method.response);
    }
    if (this.#state === 'tuning' && method.name === 'connection.tune-ok') return this.#tune(method);
    if (this.#state === 'opening' && method.name === 'connection.open') {
      return this.#enter(method.virtualHost);
    }
    return { kind: 'drop', reason: `${method.name} is not what the handshake expects` };
  }

  #login(mechanism: string, response: string): HandshakeStep {
    const { authenticator, authAttempts, limits } = this.#context;
    const login = authenticator.login(mechanism, response, this.#peer, this.#tls);
    const isAccepted = login.kind === 'accepted';
    authAttempts.count('amqp091', this.#peer, isAccepted ? login.identity.user : login.username, isAccepted);
    if (login.kind === 'refused') {
      this.#loggedIn(login.username, login.reason);
      const reason = `${mechanism} login refused: ${login.reason}`;
      this.#log.refused(reason, 'starting');
      if (!hasCapability(this.clientProperties, 'authentication_failure_close')) return { kind: 'drop', reason };
      return { kind: 'refuse', error: loginRefused(mechanism) };
    }
    this.identity = login.identity;
    this.#loggedIn(login.identity.user, null);
    this.#state = 'tuning';
    const { channelMax, frameMaxBytes: frameMax, heartbeatSeconds: heartbeat } = limits;
    return { kind: 'continue', answers: [{ name: 'connection.tune', channelMax, frameMax, heartbeat }] };
  }

  #tune({ channelMax, frameMax, heartbeat }: ConnectionTuneOk): HandshakeStep {
    const { limits } = this.#context;
    const fault =
      outOfRange('frame_max', frameMax, limits.frameMaxBytes) ??
      outOfRange('channel_max', channelMax, limits.channelMax) ??
      (frameMax > 0 && frameMax < FRAME_MIN_SIZE
        ? `negotiated frame_max = ${frameMax} is below ${FRAME_MIN_SIZE}`
        : null);
    if (fault !== null) return { kind: 'drop', reason: `failed to negotiate connection parameters: ${fault}` };
    this.channelMax = channelMax;
    this.frameMaxBytes = frameMax;
    this.heartbeatSeconds = heartbeat;
    this.#state = 'opening';
    return { kind: 'continue', answers: [] };
  }

  #enter(name: string): HandshakeStep {
    try {
      this.#context.authenticator.enter(this.identity, name);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return { kind: 'refuse', error: error.at(METHOD_IDS['connection.open']) };
    }
    const vhost = this.#context.vhost(name);
    if (vhost === undefined) return { kind: 'refuse', error: internalError(`vhost '${name}' is down`) };
    return { kind: 'open', vhost };
  }
}

/** 0 is no limit, hence above every limit but 0. */
function outOfRange(name: string, asked: number, offered: number): string | null {
  if (offered === 0 || (asked !== 0 && asked <= offered)) return null;
  const shown = asked === 0 ? '0 (no limit)' : String(asked);
  return `negotiated ${name} = ${shown} is higher than the maximum allowed value (${offered})`;
}

/** AMQP 0-9-1, and the header of 0-9 that RabbitMQ takes for it. */
function isSupportedHeader(header: Buffer): boolean {
  return [PROTOCOL_HEADER, HEADER_0_9].some((known) => header.equals(known));
}

const HEADER_0_9 = Buffer.from([0x41, 0x4d, 0x51, 0x50, 1, 1, 0, 9]);

export function hasCapability(clientProperties: FieldTable, name: string): boolean {
  const capabilities = clientProperties.get('capabilities');
  if (capabilities?.type !== 'F') return false;
  const capability = capabilities.value.get(name);
  return capability?.type === 't' && capability.value;
}
