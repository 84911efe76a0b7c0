/** From what stands in a file or in an environment to the setting that is meant; and to the nearest one, where none is. */
import leven from 'leven';
import { FOREIGN_KEYS } from './foreign-keys.ts';
import type { Setting } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';

export const DECLARED = Object.entries(SETTINGS) as readonly (readonly [SettingName, Setting<unknown>])[];

/** A setting, and the part of its key that the user chose: undefined where nothing is to be chosen, and for `none`. */
export interface Meant {
  readonly name: SettingName;
  readonly part?: string;
}

/** Ends the keys that there may be several of, each with a name of the user's own. */
const OWN_NAME = '.$name';

const NAMES = new Map<string, SettingName>(
  DECLARED.flatMap(([name, { key, also = [] }]) => [key, ...also].map((one) => [one, name] as const)),
);

/** Without `$name`, with the dot. */
const PREFIXES = [...NAMES].flatMap(([key, name]) =>
  key.endsWith(OWN_NAME) ? [{ prefix: key.slice(0, -OWN_NAME.length + 1), name }] : [],
);

/** @throws Error for a value that does not go with a key that lacks its last part; undefined for a key that there is not. */
export function settingOf(key: string, value: string): Meant | undefined {
  const name = NAMES.get(key);
  if (name !== undefined && !key.endsWith(OWN_NAME)) return { name };
  const none = NAMES.get(key + OWN_NAME);
  if (none !== undefined && (SETTINGS[none] as Setting<unknown>).mayBeNone === true) {
    if (value === 'none') return { name: none };
    throw new Error(`${key} = ${value}: expected none, or ${key}.NAME in front of it`);
  }
  const found = PREFIXES.find(({ prefix }) => key.startsWith(prefix) && key !== prefix);
  return found && { name: found.name, part: key.slice(found.prefix.length) };
}

/** The key of a setting with the user's part in it. */
export function keyOf({ name, part }: Meant): string {
  const { key } = SETTINGS[name];
  return part === undefined ? key.replace(OWN_NAME, '') : key.replace('$name', () => part);
}

/** Of those that there are, the one that looks most like this one; what is only cut short looks most like the whole. */
export function nearest(given: string, known: Iterable<string>): string {
  const [last = '.NAME'] = /\.[^.]+$/.exec(given) ?? [];
  const keys = Array.from(known, (key) => key.replace(OWN_NAME, () => last));
  const longer = keys.filter((key) => key.startsWith(given));
  return (longer.length > 0 ? longer : keys).sort((one, other) => leven(given, one) - leven(given, other))[0]!;
}

export function nearestKey(key: string): string {
  return nearest(key, [...NAMES.keys(), ...FOREIGN_KEYS]);
}
