/**
 * What both brokers are told before the first client comes: users, vhosts, permissions, policies and limits, in the format of
 * RabbitMQ's definitions file. Policies apply to names that begin with `policy-`, so that other sessions are left alone.
 */

import { createHash } from 'node:crypto';

/** Fixed, because nothing here is secret and the file should be the same in every run. */
const SALT = Buffer.from([1, 2, 3, 4]);

/** RabbitMQ's format: base64 of the salt and the SHA-256 of salt and password. */
function passwordHash(password: string): string {
  const digest = createHash('sha256').update(SALT).update(password).digest();
  return Buffer.concat([SALT, digest]).toString('base64');
}

function user(name: string, tags: string, limits = {}): object {
  return {
    name,
    password_hash: passwordHash(name),
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    tags,
    limits,
  };
}

function policy(name: string, priority: number, definition: object): object {
  return { vhost: '/', name, pattern: `^policy-${name}`, 'apply-to': 'all', priority, definition };
}

const ALL = { configure: '.*', write: '.*', read: '.*' };

export const definitions = {
  users: [
    user('guest', 'administrator'),
    user('limited', ''),
    user('outsider', ''),
    user('impersonator', 'impersonator'),
    user('few-channels', '', { 'max-channels': 2 }),
    user('few-connections', '', { 'max-connections': 1 }),
  ],
  vhosts: [
    { name: '/' },
    { name: 'other' },
    { name: 'small' },
    { name: 'narrow' },
    { name: 'modern', metadata: { description: '', tags: [], default_queue_type: 'quorum' } },
  ],
  permissions: [
    { user: 'guest', vhost: '/', ...ALL },
    { user: 'guest', vhost: 'other', ...ALL },
    { user: 'guest', vhost: 'small', ...ALL },
    { user: 'guest', vhost: 'narrow', ...ALL },
    { user: 'guest', vhost: 'modern', ...ALL },
    { user: 'impersonator', vhost: '/', ...ALL },
    { user: 'few-channels', vhost: '/', ...ALL },
    { user: 'few-connections', vhost: '/', ...ALL },
    // What it may configure, write and read begins with `c`, `w` and `r`, and `a` is all three.
    { user: 'limited', vhost: '/', configure: '^[ca]', write: '^([wa]|amq.default)', read: '^[ra]' },
  ],
  topic_permissions: [{ user: 'limited', vhost: '/', exchange: 'a-topic', write: '^may\\.', read: '^may\\.' }],
  policies: [
    policy('length', 1, { 'max-length': 2 }),
    policy('ttl', 1, { 'message-ttl': 30 }),
    policy('letters', 1, { 'dead-letter-exchange': 'policy-dead-letters', 'dead-letter-routing-key': 'by-policy' }),
    policy('alternate', 1, { 'alternate-exchange': 'policy-rest' }),
    policy('expires', 1, { expires: 150 }),
    policy('refuse', 1, { 'max-length': 1, overflow: 'reject-publish' }),
  ],
  parameters: [
    { vhost: 'small', component: 'vhost-limits', name: 'limits', value: { 'max-queues': 1 } },
    { vhost: 'narrow', component: 'vhost-limits', name: 'limits', value: { 'max-connections': 1 } },
  ],
  global_parameters: [],
  queues: [],
  exchanges: [],
  bindings: [],
};

/** The largest message that both brokers are told to take. */
export const MESSAGE_SIZE_MAX = 400_000;

/** How long a delivery may wait for its ack; no session that does not mean to waits that long. */
const CONSUMER_TIMEOUT_MS = 3_000;

/** For `startRabbitMq`. */
export const rabbitMqOptions = {
  definitions,
  config: [`max_message_size = ${MESSAGE_SIZE_MAX}`, `consumer_timeout = ${CONSUMER_TIMEOUT_MS}`],
  channelTickMs: 500,
  management: true,
};

/** For `startBroker`: the same. */
export const leveretOptions = {
  definitions,
  management: { port: 0 },
  limits: { maxMessageBytes: MESSAGE_SIZE_MAX, consumerTimeoutMs: CONSUMER_TIMEOUT_MS },
  logLevel: 'none',
} as const;
