/** What an empty broker is given, so that somebody can get in. */
import type { BootstrapOptions } from '../metadata/bootstrap.ts';
import { hashPassword } from './passwords.ts';
import { compilePattern } from './pattern.ts';

/** Each has a default, and all of them together are RabbitMQ's. */
export interface FirstUserOptions {
  readonly defaultUser?: string;
  readonly defaultPassword?: string;
  readonly defaultUserTags?: readonly string[];
  readonly defaultVhost?: string;
  readonly defaultPermissions?: Partial<BootstrapOptions['permissions']>;
}

/** @throws PatternError for permissions that are no regular expressions */
export function firstUser(options: FirstUserOptions): BootstrapOptions {
  const { defaultUser: name = 'guest', defaultPassword: password = 'guest', defaultVhost: vhost = '/' } = options;
  const permissions = { configure: '.*', write: '.*', read: '.*', ...options.defaultPermissions };
  for (const pattern of Object.values(permissions)) compilePattern(pattern);
  const tags = options.defaultUserTags ?? ['administrator'];
  const passwordHash = hashPassword(password);
  return { vhost, user: { name, passwordHash, hashing: 'sha256', tags, limits: {} }, permissions };
}
