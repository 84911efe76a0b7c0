/** The log of a broker with its outputs as they were asked for, and what whoever runs it may do with them. */
import { writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock } from './clock.ts';
import { makeDirectory } from './data-directory.ts';
import { type LogCategory, type LogEntry, Logger, type LogLevel, type LogOutput } from './log.ts';
import { LogFile } from './log-file.ts';
import { formatted, type LogFormatter, plainLines } from './log-format.ts';
import { type ConsoleLogOptions, DEFAULT_ROTATION, type FileLogOptions, type LogOptions } from './log-options.ts';
import type { Syslog } from './syslog.ts';
import type { SyslogLogOptions } from './syslog-options.ts';

/** What whoever runs a broker may do with its log. */
export interface LogControl {
  /** Paths of the files that are written to; none where the log has no file. */
  readonly files: readonly string[];
  /** Until the broker stops. @param category left out: of everything that has no level of its own */
  setLevel(level: LogLevel, category?: LogCategory): void;
  /** Begins new files, whatever the size of those that there are. @throws Error of the file system */
  rotate(): void;
}

/** A log of the program's own, which is given all lines. */
export interface OwnLog {
  debug(category: string, message: string): void;
  info(category: string, message: string): void;
  warning(category: string, message: string): void;
  error(category: string, message: string): void;
}

export interface LogsOptions {
  readonly log?: OwnLog | undefined;
  /** Of standard error, where there is no log of the program's own. */
  readonly logLevel?: LogLevel | undefined;
  readonly logging?: LogOptions | undefined;
}

const DEFAULT_LEVEL: LogLevel = 'info';

export class Logs implements LogControl {
  readonly log: Logger;
  readonly #files = new Map<string, LogFile>();
  readonly #clock: Clock;
  #syslog: Syslog | null = null;

  constructor({ log, logLevel, logging }: LogsOptions, clock: Clock) {
    this.#clock = clock;
    this.log = new Logger(() => clock.nowMs());
    for (const [category, level] of Object.entries(logging?.levels ?? {})) {
      this.log.setLevel(level, category as LogCategory);
    }
    if (log !== undefined) this.log.add({ level: 'debug', write: (entry) => handOver(entry, log) });
    else if (logLevel !== undefined || logging === undefined) this.log.add(standardError(logLevel ?? 'warning'));
    if (logging?.console !== undefined) this.log.add(consoleOutput(logging.console));
  }

  get files(): readonly string[] {
    return [...this.#files.keys()];
  }

  setLevel(level: LogLevel, category?: LogCategory): void {
    this.log.setLevel(level, category);
  }

  rotate(): void {
    for (const file of this.#files.values()) file.rotate();
  }

  /** Loaded when it is asked for. @throws Error that says which setting makes no sense, or which file cannot be read */
  async openSyslog(options: SyslogLogOptions): Promise<void> {
    const { Syslog } = await import('./syslog.ts');
    this.#syslog = new Syslog(options, this.#clock, this.log);
    this.log.add(this.#syslog);
  }

  /** Lines that come afterwards find no file, and no server. */
  close(): void {
    this.#syslog?.close();
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** @throws Error that says which file cannot be written */
  openFiles(options: FileLogOptions, nodeName: string): void {
    const { name = `${nodeName}.log`, ofCategory = {} } = options;
    this.log.add({ ...this.#fileOutput(name, options), without: new Set(Object.keys(ofCategory)) });
    for (const [category, ownName] of Object.entries(ofCategory)) {
      this.log.add({ ...this.#fileOutput(ownName, options), only: new Set([category]) });
    }
  }

  #fileOutput(name: string, options: FileLogOptions): LogOutput {
    const { level = DEFAULT_LEVEL, formatter = 'plaintext' } = options;
    const file = this.#open(resolve(options.directory, name), options, formatter);
    return { level, write: (entry) => file.write(formatted(entry, formatter)) };
  }

  #open(path: string, { rotation }: FileLogOptions, formatter: LogFormatter): LogFile {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const note = (message: string) =>
      formatted({ atMs: this.#clock.nowMs(), level: 'error', category: 'log', message }, formatter);
    try {
      makeDirectory(dirname(path));
      const file = new LogFile({ path, rotation: { ...DEFAULT_ROTATION, ...rotation }, clock: this.#clock, note });
      this.#files.set(path, file);
      return file;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(`the log file ${path} cannot be written (${code ?? message}): set log.dir, or log.file = false`);
    }
  }
}

function handOver({ level, category, message }: LogEntry, log: OwnLog): void {
  // Nothing is said at any other level.
  if (level === 'debug' || level === 'info' || level === 'warning' || level === 'error') log[level](category, message);
}

/** Through the stream, which may be the embedding program's to watch. */
function standardError(level: LogLevel): LogOutput {
  return { level, write: (entry) => process.stderr.write(plainLines(entry)) };
}

/** Straight to the descriptor: a stream that once failed, because its disk was full or its reader slow, never writes again. */
function consoleOutput(options: ConsoleLogOptions): LogOutput {
  const { level = DEFAULT_LEVEL, formatter = 'plaintext', stream = 'stderr' } = options;
  const fd = stream === 'stdout' ? 1 : 2;
  let lostCount = 0;
  const noteOf = (entry: LogEntry): string => {
    if (lostCount === 0) return '';
    return formatted(
      { ...entry, level: 'error', category: 'log', message: `${lostCount} lines could not be written` },
      formatter,
    );
  };
  const write = (entry: LogEntry) => {
    try {
      writeSync(fd, noteOf(entry) + formatted(entry, formatter));
      lostCount = 0;
    } catch {
      lostCount++;
    }
  };
  return { level, write };
}
