/** `leveret config show`: every setting as it is in force, and who says so. */
import type { Configuration } from '../config/configuration.ts';
import type { Setting } from '../config/setting.ts';
import { DECLARED } from '../config/setting-keys.ts';
import { NAME, NODE_NAME } from '../config/setting-types.ts';

export interface ShownSetting {
  readonly key: string;
  /** As it would be written in `rabbitmq.conf`; null where there is none. */
  readonly value: string | null;
  /** `FILE:LINE`, a variable, a flag, or `default`. */
  readonly source: string;
}

const HIDDEN = '(hidden)';

/** In the order of the schema. Secrets are not in it. */
export function shownSettings({ given, settings }: Configuration): ShownSetting[] {
  return DECLARED.flatMap(([name, declared]) => {
    const hide = (value: string) => (declared.secret === true ? HIDDEN : inForce(declared, value));
    const assignments = given.get(name);
    if (assignments !== undefined) {
      return assignments.map(({ key, value, origin }) => ({ key, value: hide(value), source: origin }));
    }
    const isSaidOtherwise =
      declared.either !== undefined &&
      DECLARED.some(([other, { either }]) => either === declared.either && settings[other] !== undefined);
    const { key, value } = defaultOf(declared);
    const shown = value === null || isSaidOtherwise ? null : hide(value);
    return [{ key, value: shown, source: 'default' }];
  });
}

/** A name of a node without its host gets this one's. */
function inForce({ type }: Setting<unknown>, value: string): string {
  return type === NODE_NAME ? NODE_NAME.read(value) : value;
}

/** The default is of a setting as a whole; here it is shown as the line that would say the same. */
function defaultOf({ key, type, default: fallback }: Setting<unknown>): { key: string; value: string | null } {
  if (fallback === undefined) return { key, value: null };
  if (!key.endsWith('.$name')) return { key, value: fallback };
  if (type === NAME) return { key: key.replace('$name', () => fallback), value: 'true' };
  return { key: key.replace('$name', 'default'), value: fallback };
}

/** Lines that could stand in a file, with where they come from as comments. */
export function reportLines(shown: readonly ShownSetting[]): string[] {
  const lines = shown.map(({ key, value }) => (value === null ? `# ${key} is not set` : `${key} = ${quoted(value)}`));
  const width = Math.max(...lines.map(({ length }) => length).filter((length) => length <= 60));
  return lines.map((line, index) => {
    const { value, source } = shown[index]!;
    return value === null ? line : `${line.padEnd(width)}  # ${source}`;
  });
}

/** What would be read as something else without quotes. */
function quoted(value: string): string {
  if (!/^\s|\s$|[#'"]/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
