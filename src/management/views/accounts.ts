/** Users and what they may do, as the API shows them. */
import type { PermissionRecord, TopicPermissionRecord, UserRecord } from '../../metadata/port.ts';
import type { JsonView } from '../listing.ts';

export function userView({ name, passwordHash, hashing, tags, limits }: UserRecord): JsonView {
  return {
    name,
    password_hash: passwordHash,
    hashing_algorithm: `rabbit_password_hashing_${hashing}`,
    tags,
    limits,
  };
}

export function permissionView({ user, vhost, configure, write, read }: PermissionRecord): JsonView {
  return { user, vhost, configure, write, read };
}

export function topicPermissionView({ user, vhost, exchange, write, read }: TopicPermissionRecord): JsonView {
  return { user, vhost, exchange, write, read };
}
