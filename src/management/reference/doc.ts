/** What the reference says of a method of a path. */
import type { SchemaName } from './schemas.ts';

export interface Doc {
  /** One line: what it does, or what it gives. */
  readonly text: string;
  /** What is sent with it. */
  readonly takes?: SchemaName;
  /** What is answered with 200; without it there is no body. */
  readonly gives?: Given;
  /** The parameters of its query, besides those that all lists know. */
  readonly query?: readonly QueryParameter[];
  /** It is answered with 503 when what it looks at is not well. */
  readonly mayFail?: boolean;
}

export interface Given {
  readonly schema: SchemaName;
  /** One, all in one list, or all in one list unless a page of them is asked for. */
  readonly as: 'one' | 'list' | 'page';
}

export const one = (schema: SchemaName): Given => ({ schema, as: 'one' });
export const listOf = (schema: SchemaName): Given => ({ schema, as: 'list' });
export const pageOf = (schema: SchemaName): Given => ({ schema, as: 'page' });

/** By its name: what it does. */
export const QUERY_PARAMETERS = {
  columns: 'Names of fields, with commas between; within an object with a dot: `message_stats.publish`.',
  sort: 'The field that the list is sorted by; within an object with a dot.',
  sort_reverse: '`true`: the last comes first.',
  page: 'Which page of the list, from 1. Without it the list is given whole.',
  page_size: 'How many are on a page: 100 unless told, at most 500.',
  name: 'With `page`: those alone whose name holds this.',
  use_regex: '`true`: `name` is a regular expression.',
  lengths_age: 'Samples of lengths of queues are given, back to so many seconds ago.',
  lengths_incr: 'With `lengths_age`: one every so many seconds.',
  msg_rates_age: 'Samples of what happens to messages are given, back to so many seconds ago.',
  msg_rates_incr: 'With `msg_rates_age`: one every so many seconds.',
  data_rates_age: 'Samples of what goes over connections are given, back to so many seconds ago.',
  data_rates_incr: 'With `data_rates_age`: one every so many seconds.',
  node_stats_age: 'Samples of what the node uses are given, back to so many seconds ago.',
  node_stats_incr: 'With `node_stats_age`: one every so many seconds.',
  disable_stats: '`true`: what is counted is left out.',
  enable_queue_totals: '`true`, with `disable_stats`: how many messages there are is shown all the same.',
  memory: '`true`: with what memory is used for.',
  binary: '`true`: with what of it is messages.',
  lines: 'How many lines: 50 unless told.',
  since: 'The `cursor` of an earlier answer: what has come since.',
  download: 'The name of the file that a browser is to keep it as.',
  after: 'The `next` of the page before.',
  routing_key: 'Those alone whose routing key matches this, as a binding key of a topic exchange would: `order.42.#`.',
  headers: 'Those alone that have all of these headers, as an object of JSON.',
  due_from: 'Those alone that are due then or later, in milliseconds since 1970.',
  due_until: 'Those alone that are due before then.',
  all: '`true`: all of them.',
  encoding: '`auto`: the payload as text where it is UTF-8, in base64 where not; or `base64`.',
  truncate: 'Octets of the payload that are given, at most.',
  'if-unused': '`true`: only if nobody uses it.',
  'if-empty': '`true`: only if it is empty.',
} as const;

export type QueryParameter = keyof typeof QUERY_PARAMETERS;

export const OF_OBJECTS: readonly QueryParameter[] = ['columns'];
export const OF_LISTS: readonly QueryParameter[] = ['columns', 'sort', 'sort_reverse'];
export const OF_PAGES: readonly QueryParameter[] = [...OF_LISTS, 'page', 'page_size', 'name', 'use_regex'];

const LENGTHS = ['lengths_age', 'lengths_incr'] as const;
const RATES = ['msg_rates_age', 'msg_rates_incr'] as const;
/** Which of the messages that wait. */
export const DELAY_FILTER: readonly QueryParameter[] = ['routing_key', 'headers', 'due_from', 'due_until'];
/** Of what has messages in it. */
export const MESSAGE_SAMPLES: readonly QueryParameter[] = [...LENGTHS, ...RATES, 'disable_stats'];
export const CHANNEL_SAMPLES: readonly QueryParameter[] = [...RATES, 'disable_stats'];
export const CONNECTION_SAMPLES: readonly QueryParameter[] = ['data_rates_age', 'data_rates_incr', 'disable_stats'];
export const NODE_SAMPLES: readonly QueryParameter[] = ['node_stats_age', 'node_stats_incr', 'disable_stats'];
