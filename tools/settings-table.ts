/** The list of settings in docs/configuration.md, out of the schema that all sources fill. */
import { SETTING_FLAGS } from '../src/cli/serve-options.ts';
import { variableOf } from '../src/config/environment.ts';
import type { Setting } from '../src/config/setting.ts';
import { SETTINGS } from '../src/config/settings.ts';

/** A Markdown table, one setting a row, in the order of the schema. */
export function settingsTable(): string {
  const rows = Object.entries(SETTINGS).map(([name, setting]) => {
    const { key, classic = [], default: fallback, type, text } = setting as Setting<unknown>;
    const [usual] = [classic].flat();
    return [
      code(key),
      usual === undefined ? '' : code(usual),
      flagOf(name, key),
      code(variableOf(key)),
      type.unit ?? '',
      fallback === undefined ? '' : code(fallback),
      text.replaceAll('|', '\\|'),
    ];
  });
  const head = ['`rabbitmq.conf`', 'in Erlang terms', 'flag', 'variable', 'unit', 'default', 'what it is'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function flagOf(name: string, key: string): string {
  if (key.startsWith('listeners.tcp.')) return '`--host`, `--port`';
  const found = SETTING_FLAGS.find(([, of]) => of === name);
  return found === undefined ? '' : code(/--[\w-]+/.exec(found[0])![0]);
}

function code(text: string): string {
  return `\`${text}\``;
}
