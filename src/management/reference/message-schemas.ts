/** Schemas of what is counted, and of messages. */
import { COUNT, FLAG, figures, list, NUMBER, OCTETS, object, ref, TEXT, TIME_MS, words } from './schema.ts';

const PUBLISHED = ['publish', 'confirm', 'return_unroutable', 'drop_unroutable'];
const DELIVERED = ['deliver', 'deliver_no_ack', 'get', 'get_no_ack', 'get_empty', 'redeliver', 'ack', 'deliver_get'];
/** Of an exchange. */
const PASSED = ['publish_in', 'publish_out'];

/** How many messages there are, each figure with its rate. */
export const LENGTHS = figures('messages', 'messages_ready', 'messages_unacknowledged');
export const CHURN = figures(
  ...['channel_closed', 'channel_created', 'connection_closed', 'connection_created'],
  ...['queue_created', 'queue_declared', 'queue_deleted'],
);

/** A message's properties, all of which may be left out. */
const PROPERTIES = object(
  {},
  {
    content_type: TEXT,
    content_encoding: TEXT,
    headers: { type: ['object', 'array'] },
    delivery_mode: COUNT,
    priority: COUNT,
    correlation_id: TEXT,
    reply_to: TEXT,
    expiration: TEXT,
    message_id: TEXT,
    timestamp: COUNT,
    type: TEXT,
    user_id: TEXT,
    app_id: TEXT,
    cluster_id: TEXT,
  },
);

export const MESSAGE_SCHEMAS = {
  Details: object(
    { rate: { ...NUMBER, description: 'Change a second, between the last two samples.' } },
    {
      samples: list(object({ sample: NUMBER, timestamp: TIME_MS })),
      avg_rate: { ...NUMBER, description: 'Change a second over all samples that are given.' },
      avg: NUMBER,
    },
  ),
  MessageStats: object({}, figures(...PUBLISHED, ...DELIVERED, ...PASSED)),
  MessageProperties: { ...PROPERTIES, type: ['object', 'array'], description: 'Without any, an empty list.' },
  NewMessage: object({
    routing_key: TEXT,
    properties: ref('MessageProperties'),
    payload: TEXT,
    payload_encoding: words('string', 'base64'),
  }),
  Published: object({ routed: { ...FLAG, description: 'Whether a queue took it.' } }),
  GetMessages: object(
    {
      count: { ...COUNT, type: ['integer', 'string'], description: 'How many, at most.' },
      ackmode: words('ack_requeue_true', 'ack_requeue_false', 'reject_requeue_true', 'reject_requeue_false'),
      encoding: { ...words('auto', 'base64'), description: 'auto: as text where it is UTF-8, in base64 where not.' },
    },
    { truncate: { ...OCTETS, description: 'Octets of a payload that are given, at most.' } },
  ),
  Message: object({
    payload_bytes: OCTETS,
    redelivered: FLAG,
    exchange: TEXT,
    routing_key: TEXT,
    message_count: { ...COUNT, description: 'How many were behind it.' },
    properties: ref('MessageProperties'),
    payload: TEXT,
    payload_encoding: words('string', 'base64'),
  }),
} as const;
