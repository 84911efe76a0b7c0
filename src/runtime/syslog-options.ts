/** Where lines go by syslog, and in which form. The settings are RabbitMQ's `log.syslog.*`. */
import type { LogLevel } from './log.ts';
import type { LogFormatter } from './log-format.ts';

export const SYSLOG_TRANSPORTS = ['tls', 'tcp', 'udp', 'ssl'] as const;
export const SYSLOG_PROTOCOLS = ['rfc5424', 'rfc3164'] as const;

/** By their numbers; RabbitMQ has two names for the first. */
export const SYSLOG_FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp', 'ntp'],
  ...['audit', 'alert', 'clock', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const;

export interface SyslogLogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  readonly formatter?: LogFormatter;
  /** A name or an address. Default `localhost`. */
  readonly host?: string;
  /** Default 514; 6514 with TLS. */
  readonly port?: number;
  /** Default `udp`; `ssl` is `tls`. */
  readonly transport?: (typeof SYSLOG_TRANSPORTS)[number];
  /** Default `rfc3164`, and `rfc5424` with TLS, which goes with no other. */
  readonly protocol?: (typeof SYSLOG_PROTOCOLS)[number];
  /** What the program is called there. Default `leveret`. */
  readonly identity?: string;
  /** Default `daemon`. */
  readonly facility?: string;
  /** Whether a text of several lines is one message; each line is one unless told. */
  readonly multilineMode?: boolean;
  readonly tls?: SyslogTlsOptions;
}

/** PEM files; they are read for each connection. */
export interface SyslogTlsOptions {
  /** The authorities that the server's certificate is to be signed by. Default: those of the runtime. */
  readonly caCertFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Opens the key. */
  readonly password?: string;
  /** Whether the server's certificate has to be good, and for its name. Default `verify_none`, as in RabbitMQ. */
  readonly verify?: 'verify_none' | 'verify_peer';
}
