/** From the text of a setting to its value. Each throws an Error that says what is expected. */
import { isIP } from 'node:net';

const LARGEST_PORT = 65_535;

export function readText(text: string): string {
  if (text === '') throw new Error('expected a text');
  return text;
}

/** A regular expression, which may be empty: that matches no name of a queue. Compiled by those who check permissions. */
export function readPattern(text: string): string {
  return text;
}

/** Null for `none`. */
export function readPathOrNone(text: string): string | null {
  return text === 'none' ? null : readText(text);
}

/** A whole number from 0 up, or `infinity`. */
export function readCount(text: string): number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  return wholeNumber(text, 'expected a whole number, or infinity');
}

export function readFlag(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Error('expected true or false');
  return text === 'true';
}

/** Whatever else is said, nobody. */
const NOBODY: readonly string[] = [];

/** Who is in a list whose lines are `NAME = true`, `NAME = false` or `NUMBER = NAME`. */
export function readListed(text: string, name?: string, before: readonly string[] = []): readonly string[] {
  if (name === undefined || before === NOBODY) return NOBODY;
  if (text === 'true') return [...before, name];
  if (text === 'false') return before;
  if (!/^\d+$/.test(name))
    throw new Error('expected true or false, or a number in place of the name, and the name here');
  return [...before, readText(text)];
}

export function readSeconds(text: string): number {
  return wholeNumber(text, 'expected seconds as a whole number');
}

export function readMilliseconds(text: string): number {
  return wholeNumber(text, 'expected milliseconds as a whole number');
}

/** `0.4`: a share of something, from 0 up. */
export function readShare(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error('expected a share, such as 0.4');
  return Number(text);
}

/** RabbitMQ's: a letter alone is of 1024. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/** `1048576`, `1MiB`, `1MB`. */
export function readBytes(text: string): number {
  const found = /^(\d+) ?([a-z]*)$/i.exec(text);
  const unit = UNITS[found?.[2]?.toLowerCase() ?? ''];
  if (found === null || unit === undefined) {
    throw new Error('expected a number of bytes, with kB, MB, GB, KiB, MiB or GiB behind it or nothing');
  }
  return wholeNumber(found[1]!, 'expected a number of bytes') * unit;
}

export function readChoice<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((one) => one === text);
    if (found === undefined) throw new Error(`expected one of ${allowed.join(', ')}`);
    return found;
  };
}

export interface Listener {
  /** Undefined: where only a port was given. */
  readonly host?: string;
  readonly port: number;
}

/** `5672`, `127.0.0.1:5672`, `[::1]:5672`, `:::5672`. */
export function readListener(text: string): Listener {
  const found = /^(?:(.*):)?(\d+)$/.exec(text);
  if (found === null) throw new Error('expected a port, or ADDRESS:PORT');
  const port = readPort(found[2]!);
  return found[1] === undefined ? { port } : { host: readHost(found[1]), port };
}

/** A TCP port; 0 leaves the choice to the system. */
export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= LARGEST_PORT)) throw new Error(`expected a port from 0 to ${LARGEST_PORT}`);
  return port;
}

/** An address or the name of one, without a port. */
export function readHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^\w([\w.-]*\w)?$/.test(host)) {
    throw new Error(
      'expected an address such as 127.0.0.1, ::1 or 0.0.0.0, or a host name; the port has a flag of its own',
    );
  }
  return host;
}

function wholeNumber(text: string, expected: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(expected);
  return value;
}
