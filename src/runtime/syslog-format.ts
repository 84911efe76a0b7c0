/** A line of the log as messages of syslog, as RFC 3164 and RFC 5424 have them, in the form of RabbitMQ's. */
import { hostname } from 'node:os';
import type { LogEntry, LogLevel } from './log.ts';
import { formatted, timeText } from './log-format.ts';
import { SYSLOG_FACILITIES, type SyslogLogOptions } from './syslog-options.ts';

const SEVERITIES: Readonly<Record<LogLevel, number>> = {
  emergency: 0,
  alert: 1,
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
  none: 7,
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export type FormatSyslog = (entry: LogEntry) => Buffer[];

/** @throws Error where protocol and transport, or the facility, make no sense */
export function syslogFormat(options: SyslogLogOptions): FormatSyslog {
  const { formatter = 'plaintext', multilineMode = false, identity = 'leveret' } = options;
  const facility = facilityNumber(options.facility ?? 'daemon');
  const host = hostname();
  const isNew = protocolOf(options) === 'rfc5424';
  const headOf = (entry: LogEntry) => {
    const priority = facility * 8 + SEVERITIES[entry.level];
    return isNew
      ? `<${priority}>1 ${timeText(entry.atMs).replace(' ', 'T')} ${host} ${identity} ${process.pid} ${entry.category} -`
      : `<${priority}>${oldTime(entry.atMs)} ${host.split('.')[0]} ${identity}[${process.pid}] <${entry.category}> -`;
  };
  return (entry) => {
    const text = formatter === 'json' ? formatted(entry, 'json').trimEnd() : entry.message;
    const lines = multilineMode ? [text] : text.split('\n').filter((line) => line !== '');
    return lines.map((line) => Buffer.from(`${headOf(entry)} ${line}`));
  };
}

export function isTls({ transport }: SyslogLogOptions): boolean {
  return transport === 'tls' || transport === 'ssl';
}

function protocolOf(options: SyslogLogOptions): 'rfc3164' | 'rfc5424' {
  const { protocol } = options;
  if (!isTls(options)) return protocol ?? 'rfc3164';
  if (protocol === 'rfc3164') throw new Error('log.syslog.protocol = rfc3164 does not go with TLS: rfc5424 does');
  return 'rfc5424';
}

function facilityNumber(name: string): number {
  const number = (SYSLOG_FACILITIES as readonly string[]).indexOf(name === 'kernel' ? 'kern' : name);
  if (number < 0) throw new Error(`log.syslog.facility = ${name}: expected one of ${SYSLOG_FACILITIES.join(', ')}`);
  return number;
}

/** `Nov  6 01:47:59`, local time. */
function oldTime(atMs: number): string {
  const [, month, day, time] = /^\d+-(\d+)-(\d+) ([\d:]+)/.exec(timeText(atMs)) as unknown as string[];
  return `${MONTHS[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${time}`;
}
