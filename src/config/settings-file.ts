/**
 * Configuration files in RabbitMQ's `rabbitmq.conf` form: `key = value` a line, `#` starts a comment. A line that cannot be
 * used stops the start, with its file, its number and the nearest key that there is.
 */
import leven from 'leven';
import { SETTINGS, type SettingName, type Settings, setSetting } from './settings.ts';

const NAMES = new Map<string, SettingName>(
  Object.entries(SETTINGS).map(([name, { key }]) => [key, name as SettingName]),
);

/** Ends the keys that there may be several of, each with a name of the user's own. */
const OWN_NAME = '.$name';

/** @param path for messages. @throws Error with file, line and what is wrong. */
export function readSettingsFile(path: string, content: string): Settings {
  const settings: Settings = {};
  content.split(/\r?\n/).forEach((line, index) => {
    const text = withoutComment(line);
    if (text === '') return;
    try {
      readLine(settings, text);
    } catch (error) {
      throw new Error(`${path}:${index + 1}: ${(error as Error).message}`);
    }
  });
  return settings;
}

function readLine(settings: Settings, text: string): void {
  const at = text.indexOf('=');
  if (at < 0) throw new Error(`expected KEY = VALUE, found "${text}"`);
  const key = text.slice(0, at).trim();
  const value = unquoted(text.slice(at + 1).trim());
  const name = NAMES.get(key);
  if (name !== undefined) setSetting(settings, name, value);
  else readNamed(settings, key, value);
}

/** `listeners.tcp.default = 5672`, `listeners.tcp = none`. */
function readNamed(settings: Settings, key: string, value: string): void {
  const none = NAMES.get(key + OWN_NAME);
  if (none !== undefined && SETTINGS[none].mayBeNone === true) {
    if (value !== 'none') throw new Error(`${key} = ${value}: expected none, or ${key}.NAME in front of it`);
    return setSetting(settings, none, value);
  }
  for (const [declared, name] of NAMES) {
    const start = declared.slice(0, -OWN_NAME.length + 1);
    if (!declared.endsWith(OWN_NAME) || !key.startsWith(start) || key === start) continue;
    return setSetting(settings, name, value, key.slice(start.length));
  }
  throw new Error(`there is no setting ${key}; did you mean ${nearest(key)}?`);
}

/** A `#` inside of quotes belongs to the value. */
function withoutComment(line: string): string {
  return (/^(?:[^#'"]|'[^']*'|"[^"]*")*/.exec(line)?.[0] ?? '').trim();
}

function unquoted(text: string): string {
  return /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;
}

function nearest(key: string): string {
  const [last = '.NAME'] = /\.[^.]+$/.exec(key) ?? [];
  const known = [...NAMES.keys()].map((name) => name.replace(OWN_NAME, () => last));
  return known.sort((one, other) => leven(key, one) - leven(key, other))[0]!;
}
