/** What waits in x-delayed-message exchanges, and dead letters that wait for their next attempt. */
import { found, objectIn, path } from '../asking.ts';
import type { Json } from '../broker-client.ts';
import type { Call, Command, Output, RunningCall } from '../command.ts';
import { ArgumentFailure, badArgument, EXIT, type Failure, failed } from '../failure.ts';
import { AmqpTable, type Row, type Value } from '../formatters/formatter.ts';
import { type ColumnsOf, field, rowOf, streamed } from '../listing.ts';

const PAGE_SIZE = 500;

const EXCHANGE = [
  '<exchange>',
  'The name of an exchange of the type x-delayed-message; amq.default for dead letters that wait.',
] as const;
const ID = ['<id>', 'The id of a message: list_delayed shows it.'] as const;
const FILTER_USAGE = '[--routing-key <key>] [--headers <headers>] [--due-from <time>] [--due-until <time>]';
const FILTER_OPTIONS = { 'routing-key': 'text', headers: 'text', 'due-from': 'text', 'due-until': 'text' } as const;
const FILTER_EXPLAINED = [
  ['--routing-key', 'Those whose routing key matches this, as a binding key of a topic exchange would: order.42.#'],
  ['--headers', 'Those that have all of these headers, as an object of JSON.'],
  ['--due-from', 'Those that are due then or later: 2026-12-24T18:00:00Z, or milliseconds since 1970.'],
  ['--due-until', 'Those that are due before then.'],
] as const;

/** A time as people read it, and as --due-from takes it. */
const time = (name: string) => ({ fields: [name], value: ({ [name]: at }: Json) => timeText(at) });
const timeText = (atMs: number | null): string => (atMs === null ? '' : new Date(atMs).toISOString());

const STATUS_COLUMNS: ColumnsOf = {
  vhost: field('vhost'),
  name: field('name'),
  messages_delayed: field('messages_delayed'),
  next_due_at: time('next_due_at'),
  released: field('released'),
  unroutable: field('unroutable'),
  cancelled: field('cancelled'),
  lateness_mean_ms: field('lateness_mean_ms'),
  lateness_p50_ms: field('lateness_p50_ms'),
  lateness_p99_ms: field('lateness_p99_ms'),
  release_rate: field('release_rate'),
};

const MESSAGE_COLUMNS: ColumnsOf = {
  id: field('id'),
  due_at: time('due_at'),
  routing_key: field('routing_key'),
  payload_bytes: field('payload_bytes'),
  exchange: field('exchange'),
  headers: { fields: ['properties'], value: ({ properties }) => new AmqpTable(properties.headers ?? {}) },
  properties: { fields: ['properties'], value: ({ properties }) => withoutHeaders(properties) },
  published_at: time('published_at'),
};

const WHOLE_COLUMNS: ColumnsOf = {
  ...MESSAGE_COLUMNS,
  payload_encoding: field('payload_encoding'),
  payload: field('payload'),
};

export const delayedCommands: readonly Command[] = [
  {
    name: 'cancel_delayed',
    group: 'Delayed messages',
    text: 'Cancels messages that wait: some by their ids, or all that fit',
    usage: `[--vhost <vhost>] <exchange> [<id> ...] ${FILTER_USAGE} [--timeout <timeout>]`,
    positionals: [1, Number.POSITIVE_INFINITY],
    options: FILTER_OPTIONS,
    explained: [EXCHANGE, ID, ...FILTER_EXPLAINED],
    check: (call) => checkChosen(call, 'purge_delayed cancels all'),
    banner: ({ vhost, positionals: [name] }) =>
      `Cancelling delayed messages of exchange '${name}' in vhost '${vhost}' ...`,
    run: async (call) => {
      const cancelEach = (id: string) => call.broker.delete(`${delayed(call)}/${id}`);
      const cancelAll = async () => (await call.broker.delete(`${delayed(call)}?${query(call)}`)).cancelled;
      return done('Cancelled', await each(call, cancelEach, cancelAll));
    },
  },
  {
    name: 'delayed_status',
    group: 'Delayed messages',
    text: 'How many messages wait in each exchange that delays them, and when the next one is due',
    usage: '[--no-table-headers] [<column> ...] [--timeout <timeout>]',
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: { byDefault: Object.keys(STATUS_COLUMNS).slice(0, 4), all: Object.keys(STATUS_COLUMNS).sort() },
    banner: () => 'Listing exchanges that delay messages, in all vhosts ...',
    run: ({ broker, columns }) => streamed({ broker, from: 'delayed', columns, known: STATUS_COLUMNS }),
  },
  {
    name: 'get_delayed',
    group: 'Delayed messages',
    text: 'Shows a message that waits, with its payload',
    usage: '[--vhost <vhost>] <exchange> <id> [--truncate <octets>] [--base64] [--timeout <timeout>]',
    positionals: [2, 2],
    options: { truncate: 'integer', base64: 'flag' },
    explained: [
      EXCHANGE,
      ID,
      ['--truncate', 'How much of the payload is shown, at most.'],
      ['--base64', 'The payload in base64, also where it is a text.'],
    ],
    banner: ({ positionals: [name, id] }) => `Message ${id} of exchange '${name}' ...`,
    run: getDelayed,
  },
  {
    name: 'list_delayed',
    group: 'Delayed messages',
    text: 'Lists the messages that wait in an exchange, in the order in which they are due',
    usage: `[--vhost <vhost>] [--no-table-headers] <exchange> [<column> ...] ${FILTER_USAGE} [--timeout <timeout>]`,
    positionals: [1, Number.POSITIVE_INFINITY],
    options: FILTER_OPTIONS,
    explained: [EXCHANGE, ...FILTER_EXPLAINED],
    columns: {
      byDefault: Object.keys(MESSAGE_COLUMNS).slice(0, 4),
      all: Object.keys(MESSAGE_COLUMNS).sort(),
      behind: 1,
    },
    check: (call) => void query(call),
    banner: ({ vhost, positionals: [name] }) =>
      `Listing delayed messages of exchange '${name}' in vhost '${vhost}' ...`,
    run: (call) => ({ kind: 'rows', columns: call.columns, rows: waiting(call) }),
  },
  {
    name: 'purge_delayed',
    group: 'Delayed messages',
    text: 'Cancels all messages that wait in an exchange',
    usage: '[--vhost <vhost>] <exchange> [--timeout <timeout>]',
    positionals: [1, 1],
    explained: [EXCHANGE],
    banner: ({ vhost, positionals: [name] }) =>
      `Purging delayed messages of exchange '${name}' in vhost '${vhost}' ...`,
    run: async (call) => {
      const { cancelled } = await found(call.broker.delete(`${delayed(call)}?all=true`), noSuchExchange(call));
      return done('Cancelled', cancelled);
    },
  },
  {
    name: 'release_delayed',
    group: 'Delayed messages',
    text: 'Releases messages before their time: some by their ids, all that fit, or all that wait',
    usage: `[--vhost <vhost>] <exchange> [<id> ...] ${FILTER_USAGE} [--all] [--timeout <timeout>]`,
    positionals: [1, Number.POSITIVE_INFINITY],
    options: { ...FILTER_OPTIONS, all: 'flag' },
    explained: [EXCHANGE, ID, ...FILTER_EXPLAINED, ['--all', 'All that wait.']],
    check: (call) => checkChosen(call, 'or --all'),
    banner: ({ vhost, positionals: [name] }) =>
      `Releasing delayed messages of exchange '${name}' in vhost '${vhost}' ...`,
    run: async (call) => {
      const releaseEach = (id: string) => call.broker.post(`${delayed(call)}/${id}/release`);
      const releaseAll = async () => (await call.broker.post(`${delayed(call)}/release`, body(call))).released;
      return done('Released', await each(call, releaseEach, releaseAll));
    },
  },
];

/** Page by page: there may be millions. */
async function* waiting(call: RunningCall): AsyncIterable<Row> {
  const fields = call.columns.flatMap((column) => MESSAGE_COLUMNS[column]!.fields).map((name) => `messages.${name}`);
  const asked = `${delayed(call)}?page_size=${PAGE_SIZE}&columns=next,${[...new Set(fields)]}&${query(call)}`;
  for (let after = ''; ; ) {
    const { messages, next } = await found(call.broker.get(asked + after), noSuchExchange(call));
    for (const message of messages ?? []) yield rowOf(message, call.columns, MESSAGE_COLUMNS);
    if (next === null) return;
    after = `&after=${next}`;
  }
}

async function getDelayed(call: RunningCall): Promise<Output> {
  const { options, positionals } = call;
  const asked = new URLSearchParams();
  if (options.truncate !== undefined) asked.set('truncate', String(options.truncate));
  if (options.base64 === true) asked.set('encoding', 'base64');
  const message = await found(
    call.broker.get(`${delayed(call)}/${encodeURIComponent(positionals[1]!)}?${asked}`),
    failed(
      EXIT.unavailable,
      `no message ${positionals[1]} waits in exchange '${positionals[0]}' in vhost '${call.vhost}'`,
    ),
  );
  const columns = Object.keys(WHOLE_COLUMNS);
  return { kind: 'rows', columns, rows: [rowOf(message, columns, WHOLE_COLUMNS)] };
}

/** Where there are ids, one by one: those that wait no more are passed over. @returns how many it was done to */
async function each(
  call: RunningCall,
  one: (id: string) => Promise<Json>,
  fitting: () => Promise<number>,
): Promise<number> {
  const [, ...ids] = call.positionals;
  // Or its absence would look like that of the messages.
  await found(call.broker.get(`${exchangeOf(call)}?columns=name`), noSuchExchange(call));
  if (ids.length === 0) return fitting();
  let count = 0;
  for (const id of ids) {
    const gone = failed(EXIT.unavailable, `no message ${id} waits there`);
    const isDone = await found(one(encodeURIComponent(id)), gone).then(
      () => true,
      (error) => {
        if (error === gone) return false;
        throw error;
      },
    );
    if (isDone) count++;
  }
  return count;
}

function done(what: string, count: number): Output {
  return { kind: 'text', text: `${what} ${count} ${count === 1 ? 'message' : 'messages'}` };
}

const exchangeOf = ({ vhost, positionals: [name] }: Call): string => path('exchanges', vhost, name!);
const delayed = (call: Call): string => `${exchangeOf(call)}/delayed`;

function noSuchExchange({ vhost, positionals: [name] }: Call): Failure {
  return failed(EXIT.unavailable, `there is no exchange '${name}' in vhost '${vhost}'`);
}

/** Ids, or what they have in common, and not both. @throws ArgumentFailure */
function checkChosen(call: Call, otherwise: string): void {
  const { positionals, options } = call;
  const isById = positionals.length > 1;
  const ways = [isById, query(call) !== '', options.all === true].filter((isChosen) => isChosen).length;
  const names = Object.keys(FILTER_OPTIONS).map((name) => `--${name}`);
  if (ways === 0) throw new ArgumentFailure(EXIT.usage, `say which messages: ids, ${names.join(', ')}; ${otherwise}`);
  if (ways > 1)
    throw new ArgumentFailure(EXIT.usage, 'ids, what messages have in common, and all are three ways: choose one');
}

/** What is asked for, by the names that the API has for it. @throws ArgumentFailure */
function filterOf({ options }: Pick<Call, 'options'>): { readonly [name: string]: Json } {
  const text = (name: keyof typeof FILTER_OPTIONS) => options[name] as string | undefined;
  const asked = {
    routing_key: text('routing-key'),
    headers: options.headers === undefined ? undefined : objectIn(String(options.headers)),
    due_from: timeIn(text('due-from')),
    due_until: timeIn(text('due-until')),
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function query(call: Pick<Call, 'options'>): string {
  const fields = Object.entries(filterOf(call));
  const texts = fields.map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return String(new URLSearchParams(texts));
}

function body(call: Pick<Call, 'options'>): object {
  return call.options.all === true ? { all: true } : filterOf(call);
}

/** @throws ArgumentFailure */
function timeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(atMs)) throw badArgument(`'${text}' is no time: 2026-12-24T18:00:00Z is one`);
  return atMs;
}

function withoutHeaders({ headers: _, ...properties }: { readonly [name: string]: Value }): Value {
  return properties;
}
