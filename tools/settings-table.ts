/** The list of settings in docs/configuration.md, out of the schema that the file and the flags fill. */
import { SETTING_FLAGS } from '../src/cli/serve-options.ts';
import type { Setting } from '../src/config/setting.ts';
import { SETTINGS } from '../src/config/settings.ts';

/** A Markdown table, one setting a row, in the order of the schema. */
export function settingsTable(): string {
  const rows = Object.entries(SETTINGS).map(([name, setting]) => {
    const { key, text, default: fallback } = setting as Setting<unknown>;
    return [
      `\`${key}\``,
      flagOf(name, key),
      fallback === undefined ? '' : `\`${fallback}\``,
      text.replaceAll('|', '\\|'),
    ];
  });
  const head = ['in a file', 'flag', 'default', 'what it is'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function flagOf(name: string, key: string): string {
  if (key.startsWith('listeners.tcp.')) return '`--host`, `--port`';
  const found = SETTING_FLAGS.find(([, of]) => of === name);
  return found === undefined ? '' : `\`${/--[\w-]+/.exec(found[0])![0]}\``;
}
