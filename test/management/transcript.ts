/**
 * Calls and answers as lines of text, with what belongs to the machine or the moment taken out:
 *
 *   GET /api/vhosts/v1
 *     200
 *     {"cluster_state":{"NODE":"running"}, ...}
 */
import { FIELDS_LEFT_OUT } from './accepted-differences.ts';
import { type ApiCall, type ApiReply, ask } from './http-client.ts';

export interface BrokerUnderTest {
  /** Such as `http://127.0.0.1:15672`. */
  readonly base: string;
  readonly amqpPort: number;
  readonly nodeName: string;
  /** RabbitMQ: what Leveret leaves out is taken out of its answers. */
  readonly isReference: boolean;
}

const LEFT_OUT: ReadonlySet<string> = new Set(FIELDS_LEFT_OUT.flatMap(({ fields }) => fields));
/** Of another value every time, or on every machine: only the type counts. */
const OF_THE_MACHINE = new Set(['password_hash', 'ports', 'protocols', 'cluster_name']);
/** Headers that say something of the answer. */
const HEADERS = ['location', 'allow', 'www-authenticate', 'content-disposition'];
/** RabbitMQ has the hash of an Erlang term there. */
const ARGUMENTS_HASH = /~[\w-]{6}(?=["\n]|$)/g;
/** Erlang breaks the lines of a long term by their length, which depends on the name of the node. */
const TERM_LINE_BREAK = /(?<=,)\\n {2,}/g;
/** How long RabbitMQ may take to know of what a client did. */
const PATIENCE_MS = 25_000;
const PAUSE_MS = 200;

export function callText({ method, path, body, user, headers = {} }: ApiCall): string {
  const as = user === undefined ? '' : ` as ${user?.split(':')[0] ?? 'nobody'}`;
  const payload = body === undefined ? '' : ` ${typeof body === 'string' ? body : JSON.stringify(body)}`;
  const also = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`);
  return `${method} ${path}${as}${also.join('')}${payload}`;
}

/** Asks, again and again while `call.until` does not hold. */
export async function playedCall(broker: BrokerUnderTest, call: ApiCall): Promise<string> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  const placed = { ...call, path: inPlace(call.path, broker) };
  for (;;) {
    const reply = await ask(broker.base, placed);
    if (call.until === undefined || call.until(reply.body) || Date.now() > deadlineMs) {
      return `${callText(call)}\n${replyText(call, reply, broker)}`;
    }
    await new Promise((next) => setTimeout(next, PAUSE_MS));
  }
}

function inPlace(path: string, { nodeName, amqpPort }: BrokerUnderTest): string {
  return path.replace('NODE', encodeURIComponent(nodeName)).replace('AMQP_PORT', String(amqpPort));
}

function replyText(call: ApiCall, { status, headers, body }: ApiReply, broker: BrokerUnderTest): string {
  const lines = [String(status)];
  for (const name of HEADERS) if (headers[name] !== undefined) lines.push(`${name}: ${headers[name]}`);
  const isRefused = status >= 400;
  if (body !== undefined && (call.compare !== 'status' || isRefused)) lines.push(bodyText(call, body, broker));
  const text = lines.map((line) => `  ${line}\n`).join('');
  return text
    .replaceAll(broker.nodeName, 'NODE')
    .replaceAll(String(broker.amqpPort), 'AMQP_PORT')
    .replace(ARGUMENTS_HASH, '~HASH')
    .replace(TERM_LINE_BREAK, '');
}

function bodyText({ compare }: ApiCall, body: unknown, { isReference }: BrokerUnderTest): string {
  const known = comparable(body, isReference ? LEFT_OUT : new Set());
  return JSON.stringify(compare === 'shape' ? shapeOf(known) : known);
}

/** Names sorted, so that their order says nothing. */
function comparable(value: unknown, leftOut: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => comparable(each, leftOut));
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value).filter((name) => !leftOut.has(name));
  return Object.fromEntries(
    names.sort().map((name) => {
      const own = (value as Record<string, unknown>)[name];
      return [name, OF_THE_MACHINE.has(name) ? shapeOf(own) : comparable(own, leftOut)];
    }),
  );
}

/** Types in place of values; of a list its first element stands for all. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, shapeOf(own)]));
}
