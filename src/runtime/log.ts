/**
 * The log: what the broker says of itself, line by line, each with a level and a category, to as many outputs as there are.
 *
 * A text that takes work to make may be given as a function: it is called when some output takes the line.
 */
import { plainLines } from './log-format.ts';

/** From much to little; with `none` an output says nothing. */
export const LOG_LEVELS = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
  'none',
] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogText = string | (() => string);

export interface Log {
  debug(category: string, text: LogText): void;
  info(category: string, text: LogText): void;
  warning(category: string, text: LogText): void;
  error(category: string, text: LogText): void;
}

export interface LogEntry {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly category: string;
  readonly message: string;
}

export interface LogOutput {
  level: LogLevel;
  /** Where given, it takes lines of these categories and no others. */
  readonly only?: ReadonlySet<string>;
  /** Categories whose lines another output takes. */
  readonly without?: ReadonlySet<string>;
  /** Must not throw, and must not log. */
  write(entry: LogEntry): void;
}

/** Whoever changes a level while the broker runs may name one of these; what has none of them is `default`. */
export const LOG_CATEGORIES = ['connection', 'channel', 'queue', 'mirroring', 'federation', 'upgrade'] as const;
export type NamedLogCategory = (typeof LOG_CATEGORIES)[number];
export type LogCategory = NamedLogCategory | 'default';

const RANK = Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank])) as Record<LogLevel, number>;

export class Logger implements Log {
  readonly #outputs: LogOutput[] = [];
  /** As in RabbitMQ the level of a category, where it has one, goes before that of an output. */
  readonly #levels = new Map<string, LogLevel>();
  readonly #nowMs: () => number;
  /** The lowest rank that any output takes, by category; worked out anew after a change. */
  readonly #least = new Map<string, number>();
  /** Lines from before all outputs were there. */
  #early: LogEntry[] | null = [];

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  add(output: LogOutput): void {
    this.#outputs.push(output);
    this.#least.clear();
    for (const entry of this.#early ?? []) {
      if (RANK[entry.level] >= this.#rankOf(output, entry.category)) output.write(entry);
    }
  }

  remove(output: LogOutput): void {
    this.#outputs.splice(this.#outputs.indexOf(output) >>> 0, 1);
    this.#least.clear();
  }

  /** All outputs are there: what was said so far is told to none that comes later. */
  started(): void {
    this.#early = null;
    this.#least.clear();
  }

  /** @param category of these alone; left out, of all outputs, and of every category that has no level of its own */
  setLevel(level: LogLevel, category?: LogCategory): void {
    if (category === undefined) for (const output of this.#outputs) output.level = level;
    else this.#levels.set(category, level);
    this.#least.clear();
  }

  readonly debug = (category: string, text: LogText): void => this.#log('debug', category, text);
  readonly info = (category: string, text: LogText): void => this.#log('info', category, text);
  readonly warning = (category: string, text: LogText): void => this.#log('warning', category, text);
  readonly error = (category: string, text: LogText): void => this.#log('error', category, text);

  #log(level: LogLevel, category: string, text: LogText): void {
    const rank = RANK[level];
    if (rank < (this.#least.get(category) ?? this.#leastOf(category))) return;
    const message = typeof text === 'string' ? text : text();
    const entry = { atMs: this.#nowMs(), level, category, message };
    this.#early?.push(entry);
    for (const output of this.#outputs) if (rank >= this.#rankOf(output, category)) output.write(entry);
  }

  #leastOf(category: string): number {
    if (this.#early !== null) return RANK.debug;
    const least = Math.min(RANK.none, ...this.#outputs.map((output) => this.#rankOf(output, category)));
    this.#least.set(category, least);
    return least;
  }

  #rankOf({ level, only, without }: LogOutput, category: string): number {
    if (only?.has(category) === false || without?.has(category) === true) return RANK.none;
    const named = (LOG_CATEGORIES as readonly string[]).includes(category) ? category : 'default';
    return RANK[this.#levels.get(named) ?? level];
  }
}

/** A log with one output, which is given lines of text. */
export function createLog(
  level: LogLevel,
  write: (lines: string) => void = (lines) => process.stderr.write(lines),
): Logger {
  const log = new Logger();
  log.add({ level, write: (entry) => write(plainLines(entry)) });
  log.started();
  return log;
}
