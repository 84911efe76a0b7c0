/** Schemas of what is declared: vhosts, users, exchanges, queues, bindings, policies, parameters. */
import { LENGTHS } from './message-schemas.ts';
import {
  ANYTHING,
  COUNT,
  described,
  FLAG,
  FREE,
  list,
  NUMBER,
  OCTETS,
  object,
  ref,
  TEXT,
  TEXT_OR_NULL,
  WHOLE,
  words,
} from './schema.ts';

const ARGUMENTS = { type: ['object', 'array'], description: 'An empty list is as good as an empty object.' };
/** A text with commas, or a list. */
const TAGS = { type: ['string', 'array'], items: TEXT };
const PATTERN = described(TEXT, 'A regular expression over names; an empty one fits none.');
const FLAG_OR_TEXT = { type: ['boolean', 'string'] };
const LIMITS = { type: 'object', additionalProperties: WHOLE };

const PERMISSION = { configure: PATTERN, write: PATTERN, read: PATTERN };
const TOPIC_PERMISSION = { exchange: TEXT, write: PATTERN, read: PATTERN };
const POLICY = { pattern: TEXT, definition: FREE };
const APPLY_TO = words('all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges');

export const DECLARED_SCHEMAS = {
  Vhost: object(
    {
      name: TEXT,
      description: TEXT,
      tags: list(TEXT),
      default_queue_type: TEXT,
      metadata: object({ description: TEXT, tags: list(TEXT) }),
      tracing: FLAG,
      cluster_state: described(FREE, 'By the name of a node: running or stopped.'),
    },
    {
      ...LENGTHS,
      message_stats: ref('MessageStats'),
      recv_oct: COUNT,
      recv_oct_details: ref('Details'),
      send_oct: COUNT,
      send_oct_details: ref('Details'),
    },
  ),
  NewVhost: object({}, { description: TEXT, tags: TAGS, tracing: FLAG_OR_TEXT }),
  User: object({ name: TEXT, password_hash: TEXT, hashing_algorithm: TEXT, tags: list(TEXT), limits: LIMITS }),
  NewUser: object(
    { tags: TAGS },
    {
      password: TEXT,
      password_hash: described(TEXT, 'Instead of a password; an empty one lets nobody log in by a password.'),
      hashing_algorithm: words(
        'rabbit_password_hashing_sha256',
        'rabbit_password_hashing_sha512',
        'rabbit_password_hashing_md5',
      ),
    },
  ),
  Users: object({ users: TAGS }),
  Credentials: object({ username: TEXT, password: TEXT }),
  Permission: object({ user: TEXT, vhost: TEXT, ...PERMISSION }),
  NewPermission: object(PERMISSION),
  TopicPermission: object({ user: TEXT, vhost: TEXT, ...TOPIC_PERMISSION }),
  NewTopicPermission: object(TOPIC_PERMISSION),
  Exchange: object(
    {
      name: described(TEXT, 'Empty for the default exchange, which paths call `amq.default`.'),
      vhost: TEXT,
      type: TEXT,
      durable: FLAG,
      auto_delete: FLAG,
      internal: FLAG,
      arguments: FREE,
    },
    {
      policy: TEXT_OR_NULL,
      message_stats: ref('MessageStats'),
      incoming: list(ref('Flow')),
      outgoing: list(ref('Flow')),
      messages_delayed: described(COUNT, 'How many wait in an `x-delayed-message` exchange.'),
    },
  ),
  NewExchange: object(
    {},
    {
      type: described(TEXT, 'direct unless told.'),
      durable: FLAG_OR_TEXT,
      auto_delete: FLAG_OR_TEXT,
      internal: FLAG_OR_TEXT,
      arguments: ARGUMENTS,
    },
  ),
  Queue: object(
    {
      name: TEXT,
      vhost: TEXT,
      type: TEXT,
      durable: FLAG,
      auto_delete: FLAG,
      exclusive: FLAG,
      arguments: FREE,
      node: TEXT,
      state: TEXT,
    },
    {
      ...LENGTHS,
      consumers: COUNT,
      consumer_details: list(ref('Consumer')),
      effective_policy_definition: FREE,
      exclusive_consumer_tag: TEXT_OR_NULL,
      message_bytes_ready: OCTETS,
      message_stats: ref('MessageStats'),
      operator_policy: TEXT_OR_NULL,
      policy: TEXT_OR_NULL,
      single_active_consumer_tag: TEXT_OR_NULL,
      owner_pid_details: described(FREE, 'The connection that it is exclusive to.'),
      incoming: list(ref('Flow')),
      deliveries: list(ref('Flow')),
    },
  ),
  NewQueue: object({}, { durable: FLAG_OR_TEXT, auto_delete: FLAG_OR_TEXT, arguments: ARGUMENTS, node: TEXT }),
  QueueAction: object({ action: words('sync', 'cancel_sync') }),
  Binding: object({
    source: TEXT,
    vhost: TEXT,
    destination: TEXT,
    destination_type: words('queue', 'exchange'),
    routing_key: TEXT,
    arguments: FREE,
    properties_key: described(TEXT, 'Stands for routing key and arguments in the path of a binding.'),
  }),
  NewBinding: object({}, { routing_key: TEXT, arguments: ARGUMENTS }),
  Policy: object(
    { vhost: TEXT, name: TEXT, ...POLICY, 'apply-to': APPLY_TO, priority: NUMBER },
    { not_active: described(list(TEXT), 'Keys that this version keeps without acting upon them.') },
  ),
  NewPolicy: object(POLICY, { 'apply-to': APPLY_TO, priority: NUMBER }),
  Parameter: object({ vhost: TEXT, component: TEXT, name: TEXT, value: ANYTHING }),
  GlobalParameter: object({ name: TEXT, value: ANYTHING }),
  NewParameter: object({ value: ANYTHING }),
  ClusterName: object({ name: TEXT }),
  VhostLimits: object({ vhost: TEXT, value: LIMITS }),
  UserLimits: object({ user: TEXT, value: LIMITS }),
  NewLimit: object({ value: described(WHOLE, 'Below 0: no limit.') }),
  Definitions: object(
    {},
    {
      rabbit_version: TEXT,
      rabbitmq_version: TEXT,
      product_name: TEXT,
      product_version: TEXT,
      ...Object.fromEntries(
        [
          ...['users', 'vhosts', 'permissions', 'topic_permissions', 'parameters', 'global_parameters', 'policies'],
          ...['queues', 'exchanges', 'bindings'],
        ].map((name) => [name, list(FREE)]),
      ),
    },
  ),
} as const;
