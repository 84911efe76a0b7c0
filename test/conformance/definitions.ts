/**
 * Who else there is besides guest, and where, in the format of RabbitMQ's definitions file: a user who may do little, and a vhost
 * whose name must be escaped in a URL.
 */
import { hashPassword } from '../../src/auth/passwords.ts';

/** May configure and use what begins with `conformance.own.`, and publish to the default exchange. Its password is its name. */
export const OWN_USER = 'own';
export const OWN_PREFIX = 'conformance.own.';
export const TENANT_VHOST = 'tenant/ß €';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const OWN = '^conformance\\.own\\.';

function user(name: string, tags: string): object {
  const hashing_algorithm = 'rabbit_password_hashing_sha256';
  return { name, password_hash: hashPassword(name), hashing_algorithm, tags, limits: {} };
}

export const definitions = {
  users: [user('guest', 'administrator'), user(OWN_USER, '')],
  vhosts: [{ name: '/' }, { name: TENANT_VHOST }],
  permissions: [
    { user: 'guest', vhost: '/', ...ALL },
    { user: 'guest', vhost: TENANT_VHOST, ...ALL },
    { user: OWN_USER, vhost: '/', configure: OWN, write: `${OWN}|^amq\\.default$`, read: OWN },
  ],
  queues: [],
  exchanges: [],
  bindings: [],
};
