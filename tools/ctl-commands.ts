/** The lists of options and commands in docs/leveretctl.md, out of the declarations. */
import { type Command, GROUPS } from '../src/ctl/command.ts';
import { COMMANDS } from '../src/ctl/commands/all.ts';
import { COMMON_OPTIONS } from '../src/ctl/common-options.ts';

export function optionsTable(): string {
  const rows = Object.entries(COMMON_OPTIONS).map(([name, { letter, value, text }]) => {
    const behind = value === undefined ? '' : ` ${value.toUpperCase()}`;
    return [`\`--${name}${behind}\`${letter === undefined ? '' : `, \`-${letter}\``}`, text];
  });
  return table(['option', 'what it does'], rows);
}

/** A table for each group that has commands. */
export function commandTables(): string {
  const groups = GROUPS.map((group) => [group, COMMANDS.filter((command) => command.group === group)] as const);
  return groups
    .filter(([, commands]) => commands.length > 0)
    .map(([group, commands]) => `### ${group}\n\n${table(['command', 'what it does'], commands.map(rowOf))}`)
    .join('\n\n');
}

function rowOf({ name, usage, text, columns }: Command): readonly string[] {
  const chosen = columns === undefined ? '' : ` Columns: ${columns.all.map((column) => `\`${column}\``).join(', ')}.`;
  return [`\`${`${name} ${usage}`.trim()}\``, `${text}.${chosen}`];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  return [head, head.map(() => '---'), ...escaped].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
