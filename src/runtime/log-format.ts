/** What a line of the log looks like, as text or as JSON. Both are RabbitMQ's, so that what reads its logs reads these. */
import type { LogEntry } from './log.ts';

export const LOG_FORMATTERS = ['plaintext', 'json'] as const;
export type LogFormatter = (typeof LOG_FORMATTERS)[number];

/** @returns one line or several, each ended */
export function formatted(entry: LogEntry, formatter: LogFormatter): string {
  return formatter === 'json' ? jsonLine(entry) : plainLines(entry);
}

/** `2026-11-26 01:47:59.945012+00:00 [info] <connection> accepting ...`; a message of several lines has that before each. */
export function plainLines({ atMs, level, category, message }: LogEntry): string {
  const head = `${timeText(atMs)} [${level}] <${category}> `;
  const text = message.includes('\n') ? message.replaceAll('\n', `\n${head}`) : message;
  return `${head}${text}\n`;
}

function jsonLine({ atMs, level, category, message }: LogEntry): string {
  const domain = `rabbitmq.${category}`;
  return `${JSON.stringify({ time: timeText(atMs), level, msg: message, domain })}\n`;
}

/** The offset takes a look at the time zone, which has none of its own for the same quarter of an hour. */
const OFFSET_GOOD_FOR_MS = 15 * 60_000;
let offsetOfQuarter = -1;
let offset = { minutes: 0, text: '+00:00' };

/** Local time, with its distance from UTC. */
export function timeText(atMs: number): string {
  const quarter = Math.floor(atMs / OFFSET_GOOD_FOR_MS);
  if (quarter !== offsetOfQuarter) {
    offsetOfQuarter = quarter;
    offset = offsetAt(atMs);
  }
  const [day, time] = new Date(atMs + offset.minutes * 60_000).toISOString().split(/[TZ]/) as [string, string];
  // Microseconds in RabbitMQ; the clock here has milliseconds.
  return `${day} ${time}000${offset.text}`;
}

function offsetAt(atMs: number): { minutes: number; text: string } {
  const minutes = -new Date(atMs).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const text = `${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`;
  return { minutes, text };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
