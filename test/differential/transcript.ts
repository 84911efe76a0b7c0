/**
 * A session's transcript: what each client sent and what it read, in words that are the same for any broker.
 *
 * Only what a session reads is written, in the order in which it reads, so that frames of two channels (between which
 * no broker promises an order) cannot swap places in it. What a session left unread is drained at its end, per channel.
 * The fields of a received table are sorted, because a table has no order.
 * Names that a broker makes up (server-named queues, consumer tags, reply-to addresses) are numbered by first appearance.
 */

import {
  describeArguments,
  describeBody,
  describeValue,
  type Received,
  type Trace,
  USUAL_CLIENT_PROPERTIES,
} from './raw-client.ts';
import type { TypedTable } from './wire-format.ts';

/** Patterns of names that a broker makes up, and what they are called in a transcript. */
const MADE_UP_NAMES: readonly (readonly [RegExp, string])[] = [
  [/amq\.rabbitmq\.reply-to\.[A-Za-z0-9._+/=-]+/g, 'reply-to'],
  [/amq\.gen-[A-Za-z0-9_-]{22}/g, 'server-named'],
  [/amq\.ctag-[A-Za-z0-9_-]{22}/g, 'consumer-tag'],
  [/127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+/g, 'connection'],
  [/\bleveret[-\d]*@[\w.-]+/g, 'node'],
];

/** Values of server-properties that name a product rather than a behaviour. */
const PRODUCT_PROPERTIES = ['cluster_name', 'copyright', 'information', 'platform', 'product', 'version'];

export class Transcript {
  readonly #lines: string[] = [];
  readonly #madeUp = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  /** What a client of this label says and hears. */
  tracer(label: string): Trace {
    return {
      sent: (text) => this.add(`${label} > ${text}`),
      received: (what) => this.add(`${label} < ${describeReceived(what)}`),
    };
  }

  /** A line of the session's own. */
  note(text: string): void {
    this.add(`# ${text}`);
  }

  add(line: string): void {
    this.#lines.push(this.#normalised(line));
  }

  #normalised(line: string): string {
    let text = line.replace(describeValue(USUAL_CLIENT_PROPERTIES), '(usual)');
    // x-death's time is the broker's clock: its type is compared, its value is not.
    text = text.replace(/\btime:T \d+/g, 'time:T <time>');
    for (const [pattern, kind] of MADE_UP_NAMES) {
      text = text.replace(pattern, (name) => this.#numbered(name, kind));
    }
    return text;
  }

  #numbered(name: string, kind: string): string {
    const known = this.#madeUp.get(name);
    if (known !== undefined) return known;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const label = `<${kind} ${number}>`;
    this.#madeUp.set(name, label);
    return label;
  }
}

function describeReceived(what: Received): string {
  if (what.name === 'socket closed') return 'socket closed';
  const args = what.name === 'connection.start' ? startArguments(what.args) : what.args;
  const head = `ch${what.channel} ${what.name}${describeArguments(args)}`;
  if (what.body === undefined) return head;
  const { headers, ...others } = what.properties!;
  const properties = describeArguments({ ...(headers === undefined ? {} : { headers: sorted(headers) }), ...others });
  const frames = what.bodySizes!.length > 1 ? ` in frames of ${what.bodySizes!.join('+')}` : '';
  return `${head} |${properties} | ${describeBody(what.body)}${frames}`;
}

/** The figures of connection.start with its product names replaced, and the mechanisms in alphabetical order. */
function startArguments(args: Record<string, unknown>): Record<string, unknown> {
  const properties = args.serverProperties as TypedTable;
  const shown = Object.entries(properties)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, PRODUCT_PROPERTIES.includes(name) ? { ...field, value: `<${name}>` } : field]);
  const mechanisms = String(args.mechanisms).split(' ').sort().join(' ');
  return { ...args, mechanisms, serverProperties: Object.fromEntries(shown) };
}

/** A field table is a set of names: RabbitMQ changes their order when it rewrites one, and no client may rely on it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if ('letter' in value && 'value' in value) return { ...value, value: sorted(value.value) };
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sorted(field)]));
}
