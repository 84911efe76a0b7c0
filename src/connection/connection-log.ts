/** What the log says of a connection, in RabbitMQ's words: people look for them, and programs do. */
import type { AmqpError } from '../protocol/errors.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { METHOD_IDS } from '../protocol/methods.generated.ts';
import type { Log } from '../runtime/log.ts';
import { shortPid } from './pids.ts';

/** As much of a connection as is said of it. */
export interface Described {
  readonly pid: number;
  /** `127.0.0.1:40000 -> 127.0.0.1:5672` */
  readonly name: string;
  readonly user: string;
  /** Null until it is open. */
  readonly vhostName: string | null;
  readonly clientProperties: FieldTable;
}

/** The reply code of a close that who runs the broker asked for. */
const CONNECTION_FORCED = 320;

export class ConnectionLog {
  readonly #log: Log;
  readonly #of: Described;
  #isAccepted = false;
  /** Why it ends was said already. */
  #isToldOf = false;

  constructor(log: Log, of: Described) {
    this.#log = log;
    this.#of = of;
  }

  /** Its first octets have come: whoever only looks whether the port is open sends none. */
  accepted(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.#log.info('connection', () => `accepting AMQP connection ${this.#label()}`);
  }

  /** The client has said who it is. */
  named(): void {
    const given = givenName(this.#of.clientProperties);
    if (given === undefined) return;
    this.#log.info('connection', () => `connection ${this.#label()} has a client-provided name: ${given}`);
  }

  opened(): void {
    const { user, vhostName } = this.#of;
    this.#log.info(
      'connection',
      () => `connection ${this.#label(true)}: user '${user}' authenticated and granted access to vhost '${vhostName}'`,
    );
  }

  /** A login or a vhost that is refused. */
  refused(reason: string, state: 'starting' | 'opening'): void {
    const { user } = this.#of;
    const place =
      user === '' ? this.#label(false, `state: ${state}`) : this.#label(false, `user: '${user}'`, `state: ${state}`);
    this.#log.error('connection', `Error on AMQP connection ${place}:\n${reason}`);
  }

  /** The broker closes it, for what came on `channel` or by itself. */
  failed(error: AmqpError, channel: number): void {
    const place = `${this.#place('state: running')}, channel ${channel}`;
    const text = `operation ${operationOf(error)} caused a connection exception ${nameOf(error)}: "${reasonOf(error)}"`;
    // An operator who stops a broker, or closes a connection, knows it.
    const level = error.replyCode === CONNECTION_FORCED ? 'info' : 'error';
    this.#log[level]('connection', `Error on AMQP connection ${place}:\n ${text}`);
  }

  channelFailed(error: AmqpError, channel: number): void {
    const text = `operation ${operationOf(error)} caused a channel exception ${nameOf(error)}: ${reasonOf(error)}`;
    this.#log.error('channel', `Channel error on connection ${this.#place()}, channel ${channel}:\n${text}`);
  }

  /** A fault of the broker, and not of the client. */
  crashed({ stack, message }: Error): void {
    this.#log.error('broker', `a fault showed on AMQP connection ${this.#place()}:\n${stack ?? message}`);
  }

  /** The broker ends it without a word. */
  cutOff(reason: string): void {
    if (this.#isToldOf) return;
    this.#isToldOf = true;
    this.#log.error('connection', `closing AMQP connection ${this.#label()}:\n${reason}`);
  }

  /** The broker is through with it, which is no news. */
  dismissed(): void {
    this.#isToldOf = true;
  }

  /** @param inOrder whether both sides had agreed on it */
  closed(inOrder: boolean): void {
    if (this.#isToldOf) return;
    if (inOrder) this.#log.info('connection', () => `closing AMQP connection ${this.#place()}`);
    else if (this.#isAccepted) {
      const reason = 'client unexpectedly closed TCP connection';
      this.#log.warning('connection', () => `closing AMQP connection ${this.#place()}:\n${reason}`);
    } else {
      const reason = 'connection_closed_with_no_data_received';
      this.#log.debug('connection', () => `closing AMQP connection ${this.#label()}:\n${reason}`);
    }
  }

  /** With all that is known of it. */
  #place(...more: string[]): string {
    const { user, vhostName } = this.#of;
    return vhostName === null
      ? this.#label(true, ...more)
      : this.#label(true, `vhost: '${vhostName}'`, `user: '${user}'`, ...more);
  }

  #label(withGivenName = false, ...parts: string[]): string {
    const { pid, name, clientProperties } = this.#of;
    const given = withGivenName ? givenName(clientProperties) : undefined;
    return `${shortPid(pid)} (${[given === undefined ? name : `${name} - ${given}`, ...parts].join(', ')})`;
  }
}

/** What a client calls its connection. */
export function givenName(clientProperties: FieldTable): string | undefined {
  const given = clientProperties.get('connection_name');
  return given?.type === 'S' ? given.value : undefined;
}

function operationOf({ classId, methodId }: AmqpError): string {
  const found = Object.entries(METHOD_IDS).find(([, id]) => id.classId === classId && id.methodId === methodId);
  return found?.[0] ?? 'none';
}

/** `NOT_FOUND - no queue 'q' in vhost '/'` begins with it. */
function nameOf({ replyText }: AmqpError): string {
  return (/^[A-Z_]+/.exec(replyText)?.[0] ?? '').toLowerCase();
}

export function reasonOf({ replyText }: AmqpError): string {
  return replyText.replace(/^[A-Z_]+(?: - )?/, '');
}
