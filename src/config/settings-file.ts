/**
 * Configuration files in RabbitMQ's `rabbitmq.conf` form: `key = value` a line, `#` starts a comment. A line that cannot be
 * used stops the start, with its file, its number and the nearest key that there is.
 */
import leven from 'leven';
import { SETTINGS, type SettingName, type Settings, setSetting } from './settings.ts';

const NAMES = new Map<string, SettingName>(
  Object.entries(SETTINGS).map(([name, { key }]) => [key, name as SettingName]),
);

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
  const name = NAMES.get(key);
  if (name === undefined) throw new Error(`there is no setting ${key}; did you mean ${nearest(key)}?`);
  setSetting(settings, name, unquoted(text.slice(at + 1).trim()));
}

/** A `#` inside of quotes belongs to the value. */
function withoutComment(line: string): string {
  return (/^(?:[^#'"]|'[^']*'|"[^"]*")*/.exec(line)?.[0] ?? '').trim();
}

function unquoted(text: string): string {
  return /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;
}

function nearest(key: string): string {
  return [...NAMES.keys()].sort((one, other) => leven(key, one) - leven(key, other))[0]!;
}
