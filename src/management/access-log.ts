/**
 * Who asked the HTTP API for what, and what was answered: RabbitMQ's `management.http_log_dir`, in the combined format of web
 * servers. No password is in it: of `Authorization` the name alone is shown, and of paths not what stands behind the `?`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HourlyFile } from '../runtime/hourly-file.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Writes a line when the answer is sent, or the caller gone. */
export function logAccess(file: HourlyFile, nowMs: number, request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', httpVersion, headers } = request;
  const from = request.socket.remoteAddress ?? '-';
  const sizeOf = countBody(response);
  response.once('close', () => {
    const line = `${method} ${withoutQuery(url)} HTTP/${httpVersion}`;
    const [referer, agent] = [withoutQuery(headers.referer ?? ''), headers['user-agent'] ?? ''];
    const user = inert(userOf(headers.authorization));
    const quoted = [line, referer, agent].map((text) => `"${inert(text)}"`);
    file.write(
      `${from} - ${user} [${timeText(nowMs)}] ${quoted[0]} ${response.statusCode} ${sizeOf()} ${quoted[1]} ${quoted[2]}`,
    );
  });
}

/** @returns how many octets of a body were written so far; of a head there is no telling */
function countBody(response: ServerResponse): () => number {
  let size = 0;
  for (const name of ['write', 'end'] as const) {
    const write = response[name].bind(response) as (...args: unknown[]) => never;
    response[name] = (...args: unknown[]) => {
      const [chunk] = args;
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) size += Buffer.byteLength(chunk);
      return write(...args);
    };
  }
  return () => size;
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0]!;
}

/** `26/Nov/2026:02:02:13 +0000` */
function timeText(atMs: number): string {
  const [date, time] = new Date(atMs).toISOString().split(/[T.]/) as [string, string];
  const [year, month, day] = date.split('-') as [string, string, string];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}

function userOf(authorization = ''): string {
  const [scheme, credentials = ''] = authorization.split(' ', 2);
  const text = scheme!.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString() : '';
  const colon = text.indexOf(':');
  return colon > 0 ? text.slice(0, colon) : '-';
}

/** What a caller sends does not end a field or a line. */
function inert(text: string): string {
  return text.replace(/[^ -~]|["\\]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
