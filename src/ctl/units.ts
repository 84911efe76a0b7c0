/** Octets as operators want to read them. */
import { ArgumentFailure, EXIT } from './failure.ts';

const UNITS: Readonly<Record<string, number>> = { bytes: 1, mb: 1e6, gb: 1e9 };
const DIGITS = 4;

/** @throws ArgumentFailure */
export function checkUnit(unit: string): void {
  if (Object.hasOwn(UNITS, unit.toLowerCase())) return;
  const text = `unit '${unit}' is not supported. Please use one of: ${Object.keys(UNITS).join(', ')}`;
  throw new ArgumentFailure(EXIT.usage, JSON.stringify(text).replaceAll('\\', ''));
}

/** `0.1385 gb`, with the unit as it was given. */
export function inUnit(octets: number, unit: string): string {
  const size = UNITS[unit.toLowerCase()]!;
  return `${size === 1 ? octets : float(octets / size, DIGITS)} ${unit}`;
}

/** As Erlang writes it: with a point, whatever the value is. */
export function float(value: number, digits: number): string {
  const text = String(Number(value.toFixed(digits)));
  return text.includes('.') ? text : `${text}.0`;
}

/** Pairs of a use of memory and its octets, the largest first. */
export function memoryParts({
  strategy: _,
  total: __,
  ...parts
}: Readonly<Record<string, unknown>>): [string, number][] {
  return (Object.entries(parts) as [string, number][]).sort(([, one], [, other]) => other - one);
}

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  kiB: 2 ** 10,
  KiB: 2 ** 10,
  kib: 2 ** 10,
  M: 2 ** 20,
  MiB: 2 ** 20,
  mib: 2 ** 20,
  G: 2 ** 30,
  GiB: 2 ** 30,
  gib: 2 ** 30,
  kB: 1e3,
  KB: 1e3,
  kb: 1e3,
  MB: 1e6,
  mb: 1e6,
  GB: 1e9,
  gb: 1e9,
  TB: 1e12,
  tb: 1e12,
  TiB: 2 ** 40,
  tib: 2 ** 40,
};

/** `2GB`, `512MiB`, `1000`. Null for what is none. */
export function octetsIn(text: string): number | null {
  const [, digits, unit] = /^([+-]?\d+)([A-Za-z]*)$/.exec(text) ?? [];
  if (digits === undefined || !Object.hasOwn(SIZES, unit!)) return null;
  return Number(digits) * SIZES[unit!]!;
}
