/** Schemas of what waits in x-delayed-message exchanges. */
import {
  COUNT,
  described,
  FLAG,
  FREE,
  figures,
  list,
  NUMBER,
  OCTETS,
  object,
  ref,
  TEXT,
  TIME_MS,
  words,
} from './schema.ts';

const WAITING = {
  id: described(TEXT, 'For as long as it waits.'),
  due_at: TIME_MS,
  published_at: TIME_MS,
  exchange: described(TEXT, 'The one that it was published to.'),
  routing_key: TEXT,
  payload_bytes: OCTETS,
  properties: ref('MessageProperties'),
};

const FILTER = {
  routing_key: described(TEXT, 'Those whose routing key matches this, as a binding key of a topic exchange would.'),
  headers: described(FREE, 'Those that have all of these headers.'),
  due_from: described(COUNT, 'Those that are due then or later, in milliseconds since 1970.'),
  due_until: described(COUNT, 'Those that are due before then.'),
  all: described(FLAG, 'All of them.'),
};

const MILLISECONDS_OR_NULL = { type: ['number', 'null'], minimum: 0 };
const LATENESS = {
  lateness_mean_ms: described(
    MILLISECONDS_OR_NULL,
    'How much later than their time messages were released; null: none was because it was due.',
  ),
  lateness_p50_ms: described(MILLISECONDS_OR_NULL, 'What half of them did not exceed, about.'),
  lateness_p99_ms: described(MILLISECONDS_OR_NULL, 'What 99 of 100 did not exceed, about; 10000 where it was more.'),
};

export const DELAYED_SCHEMAS = {
  DelayedExchange: object(
    {
      vhost: TEXT,
      name: TEXT,
      messages_delayed: described(COUNT, 'How many wait.'),
      next_due_at: described({ type: ['integer', 'null'] }, 'When the next one is due, in milliseconds since 1970.'),
      release_rate: described({ type: ['number', 'null'] }, 'How many are released a second, at most.'),
    },
    { ...figures('released', 'unroutable', 'cancelled'), ...LATENESS },
  ),
  DelayedMessages: object({
    messages: list(object(WAITING)),
    page_size: COUNT,
    total_count: described(COUNT, 'How many wait in all.'),
    next: described({ type: ['string', 'null'] }, 'What to ask for as `after` for the next page; null: there is none.'),
  }),
  DelayedMessage: object({ ...WAITING, payload: TEXT, payload_encoding: words('string', 'base64') }),
  DelayedSelection: object({}, FILTER),
  DelayedReleased: object({ released: described(NUMBER, 'How many there were.') }),
  DelayedCancelled: object({ cancelled: described(NUMBER, 'How many there were.') }),
} as const;
