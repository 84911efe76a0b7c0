/** Where the log goes, and how much of it. docs/logging.md has it for users. */
import type { LogCategory, LogLevel, NamedLogCategory } from './log.ts';
import type { LogRotation } from './log-file.ts';
import type { LogFormatter } from './log-format.ts';
import type { SyslogLogOptions } from './syslog-options.ts';

export interface ConsoleLogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  readonly formatter?: LogFormatter;
  /** Default `stderr`. */
  readonly stream?: 'stdout' | 'stderr';
}

export interface FileLogOptions {
  readonly directory: string;
  /** Default: the node's name, with `.log` behind it. */
  readonly name?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  readonly formatter?: LogFormatter;
  /** Default: by size alone, at 10 MiB, with ten old files kept. */
  readonly rotation?: Partial<LogRotation>;
  /** Categories that have a file of their own, and its name. */
  readonly ofCategory?: Readonly<Partial<Record<NamedLogCategory, string>>>;
}

export interface ExchangeLogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  readonly formatter?: LogFormatter;
}

export interface LogOptions {
  readonly console?: ConsoleLogOptions;
  readonly file?: FileLogOptions;
  /** The topic exchange `amq.rabbitmq.log` in the vhost `/`. */
  readonly exchange?: ExchangeLogOptions;
  readonly syslog?: SyslogLogOptions;
  /** By category; goes before the level of each output. */
  readonly levels?: Readonly<Partial<Record<LogCategory, LogLevel>>>;
}

export const DEFAULT_ROTATION: LogRotation = { date: null, sizeBytes: 10 * 1024 * 1024, count: 10, compress: false };
