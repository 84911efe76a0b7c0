/**
 * SASL: what a client's connection.start-ok says of who it is. One mechanism reads one form of response, or goes by what TLS
 * has shown.
 *
 * RabbitMQ answers none of these faults: until the connection is tuned it closes the socket without a word, some seconds
 * later. The texts are for the log, and leave the response out, as it may hold a password (RabbitMQ's log shows it).
 */
import { commandInvalid, syntaxError } from '../protocol/errors.ts';
import { decodeFieldTable, type FieldTable } from '../protocol/field-table.ts';
import { decodeText } from '../protocol/text.ts';
import type { TlsPeer } from './access.ts';

/** Who a client says it is. */
export interface Claim {
  readonly username: string;
  /** Null when the mechanism itself has proven the name, as EXTERNAL does by the certificate that it was made for. */
  readonly password: string | null;
}

/** A response that is well-formed and makes no claim that could be checked; why, for the log. */
export interface Refusal {
  readonly refusal: string;
}

export interface SaslMechanism {
  /** As it stands in connection.start and connection.start-ok. */
  readonly name: string;
  /** Whether connection.start lists it to this client. */
  isOffered(tls: TlsPeer | null): boolean;
  /**
   * Reads the response of connection.start-ok.
   * @throws AmqpError 502 when it is malformed, 503 when the mechanism is not for this client
   */
  read(response: Buffer, tls?: TlsPeer | null): Claim | Refusal;
}

/** A zero octet, the name, a zero octet, the password (RFC 4616). As in RabbitMQ, without another identity in front of it. */
export const PLAIN: SaslMechanism = {
  name: 'PLAIN',
  isOffered: () => true,
  read(response) {
    const second = response.indexOf(0, 1);
    if (response[0] !== 0 || second === -1 || response.includes(0, second + 1)) {
      throw syntaxError('PLAIN response invalid');
    }
    return {
      username: decodeText(response, 1, second),
      password: decodeText(response, second + 1, response.length),
    };
  },
};

/** A field table without the octets of its length, with LOGIN and PASSWORD in it. */
export const AMQPLAIN: SaslMechanism = {
  name: 'AMQPLAIN',
  isOffered: () => true,
  read(response) {
    const table = readLoginTable(response);
    if (!table.has('LOGIN') || !table.has('PASSWORD')) {
      throw syntaxError('AMQPLAIN auth info is missing LOGIN or PASSWORD field');
    }
    const username = textOf(table, 'LOGIN');
    const password = textOf(table, 'PASSWORD');
    if (username === undefined || password === undefined) return { refusal: 'the response holds no name and password' };
    return { username, password };
  },
};

/** The mechanisms that a broker offers: RabbitMQ's `auth_mechanisms`. */
export class SaslMechanisms {
  readonly #mechanisms: ReadonlyMap<string, SaslMechanism>;

  constructor(mechanisms: readonly SaslMechanism[] = [AMQPLAIN, PLAIN]) {
    this.#mechanisms = new Map(mechanisms.map((mechanism) => [mechanism.name, mechanism]));
  }

  /** For connection.start: the names with a space between, in the order in which they were given. */
  offeredTo(tls: TlsPeer | null): string {
    const offered = [...this.#mechanisms.values()].filter((mechanism) => mechanism.isOffered(tls));
    return offered.map(({ name }) => name).join(' ');
  }

  /** @throws AmqpError 503 for a mechanism that is not offered; case matters */
  find(name: string): SaslMechanism {
    const mechanism = this.#mechanisms.get(name);
    if (mechanism === undefined) throw commandInvalid(`unknown authentication mechanism '${name}'`);
    return mechanism;
  }
}

function readLoginTable(response: Buffer): FieldTable {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  return decodeFieldTable(Buffer.concat([length, response]), 0, response.length + 4);
}

/** RabbitMQ also takes octets for a string, and refuses the login, not the response, for any other type. */
function textOf(table: FieldTable, name: string): string | undefined {
  const field = table.get(name);
  if (field?.type === 'S') return field.value;
  return field?.type === 'x' ? decodeText(field.value, 0, field.value.length) : undefined;
}
