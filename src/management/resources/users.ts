/** /api/users, /api/whoami and the limits of users. */
import { hashPassword, isPasswordHash } from '../../auth/passwords.ts';
import type { PasswordHashing, UserRecord } from '../../metadata/port.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { applied } from '../changes.ts';
import { listOf, one } from '../reference/doc.ts';
import type { RequestBody } from '../request-body.ts';
import {
  type Answer,
  type ApiRequest,
  CREATED,
  compareNames,
  listed,
  NO_CONTENT,
  type Resource,
  shown,
} from '../resource.ts';
import { userView } from '../views/accounts.ts';
import { listPermissions, listTopicPermissions } from './permissions.ts';

const USER_LIMITS = ['max-connections', 'max-channels'];
const HASHINGS: readonly PasswordHashing[] = ['sha256', 'sha512', 'md5'];

export const userResources: readonly Resource[] = [
  {
    path: '/api/whoami',
    docs: { GET: { text: 'The caller.', gives: one('Whoami') } },
    requires: 'management',
    GET: (request) => shown(request, { name: request.caller.name, tags: request.caller.identity.tags }),
  },
  {
    path: '/api/users',
    docs: { GET: { text: 'All users.', gives: listOf('User') } },
    requires: 'administrator',
    GET: (request) => list(request, usersOf(request)),
  },
  {
    path: '/api/users/bulk-delete',
    docs: { POST: { text: 'Deletes several at once, or none.', takes: 'Users' } },
    requires: 'administrator',
    POST: removeMany,
  },
  {
    path: '/api/users/without-permissions',
    docs: { GET: { text: 'Those who have no permissions in any vhost.', gives: listOf('User') } },
    requires: 'administrator',
    GET: listWithoutPermissions,
  },
  {
    path: '/api/users/:user',
    docs: {
      GET: { text: 'A user.', gives: one('User') },
      PUT: { text: 'Makes a user, or gives one another password and other tags.', takes: 'NewUser' },
      DELETE: { text: 'Deletes it.' },
    },
    requires: 'administrator',
    GET: (request) => shown(request, userView(userOf(request))),
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/users/:user/permissions',
    docs: { GET: { text: 'What it may do, by vhost.', gives: listOf('Permission') } },
    requires: 'administrator',
    GET: (request) => {
      const { name } = userOf(request);
      return listPermissions(request, ({ user }) => user === name);
    },
  },
  {
    path: '/api/users/:user/topic-permissions',
    docs: { GET: { text: 'Which routing keys it may use.', gives: listOf('TopicPermission') } },
    requires: 'administrator',
    GET: (request) => {
      const { name } = userOf(request);
      return listTopicPermissions(request, ({ user }) => user === name);
    },
  },
  {
    path: '/api/user-limits',
    docs: { GET: { text: 'The limits of all users that have some.', gives: listOf('UserLimits') } },
    requires: 'management',
    GET: (request) => listed(request, limited(visibleUsers(request)), limitsView, compareNames),
  },
  {
    path: '/api/user-limits/:user',
    docs: { GET: { text: 'Those of one.', gives: listOf('UserLimits') } },
    requires: 'management',
    GET: (request) => {
      const { name } = userOf(request);
      const visible = visibleUsers(request).filter((user) => user.name === name);
      return listed(request, limited(visible), limitsView);
    },
  },
  {
    path: '/api/user-limits/:user/:limit',
    docs: {
      PUT: { text: 'Sets `max-connections` or `max-channels`.', takes: 'NewLimit' },
      DELETE: { text: 'Clears it.' },
    },
    requires: 'administrator',
    PUT: putLimit,
    DELETE: removeLimit,
  },
];

function usersOf({ sources }: ApiRequest): readonly UserRecord[] {
  return sources.context.metadata.snapshot().users;
}

function list(request: ApiRequest, users: readonly UserRecord[]): Promise<Answer> {
  return listed(request, users, userView, compareNames);
}

/** @throws ApiError 404 */
function userOf(request: ApiRequest): UserRecord {
  const user = request.sources.accounts.user(request.param('user'));
  if (user === undefined) throw objectNotFound();
  return user;
}

function listWithoutPermissions(request: ApiRequest): Promise<Answer> {
  const { permissions } = request.sources.context.metadata.snapshot();
  const withPermissions = new Set(permissions.map(({ user }) => user));
  return list(
    request,
    usersOf(request).filter(({ name }) => !withPermissions.has(name)),
  );
}

async function put(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const name = request.param('user');
  const existing = sources.accounts.user(name);
  const password = readPassword(body);
  if (!body.has('tags')) throw badRequest('tags_not_present');
  const user = { name, ...password, tags: body.texts('tags'), limits: existing?.limits ?? {} };
  await applied(sources.context.metadata, [{ kind: 'put-user', user }]);
  return existing === undefined ? CREATED : NO_CONTENT;
}

/** Without either the user cannot log in by a password. @throws ApiError 400 */
function readPassword(body: RequestBody): Pick<UserRecord, 'passwordHash' | 'hashing'> {
  const hashing = readHashing(body);
  if (body.has('password') && body.has('password_hash')) {
    throw badRequest('both_password_and_password_hash_are_provided');
  }
  // Whoever sends a password leaves the algorithm to the broker, as in RabbitMQ.
  if (body.has('password')) return { passwordHash: hashPassword(body.text('password')), hashing: 'sha256' };
  const passwordHash = body.text('password_hash');
  if (!isPasswordHash(passwordHash, hashing)) throw badRequest(['not_base64', passwordHash]);
  return { passwordHash, hashing };
}

function readHashing(body: RequestBody): PasswordHashing {
  const name = body.text('hashing_algorithm', 'rabbit_password_hashing_sha256');
  const hashing = HASHINGS.find((each) => name === `rabbit_password_hashing_${each}`);
  if (hashing === undefined) throw badRequest(`there is no hashing_algorithm ${name}`);
  return hashing;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { name } = userOf(request);
  await applied(request.sources.context.metadata, [{ kind: 'delete-user', name }]);
  return NO_CONTENT;
}

async function removeMany({ sources, body }: ApiRequest): Promise<Answer> {
  body.require('users');
  const names = body.texts('users');
  const unknown = names.find((name) => sources.accounts.user(name) === undefined);
  if (unknown !== undefined) throw badRequest(['no_such_user', unknown]);
  const changes = names.map((name) => ({ kind: 'delete-user', name }) as const);
  await applied(sources.context.metadata, changes);
  return NO_CONTENT;
}

// --- limits ---

/** Whoever may not see users sees its own limits. */
function visibleUsers(request: ApiRequest): UserRecord[] {
  const { caller } = request;
  return usersOf(request).filter(({ name }) => caller.is('monitoring') || name === caller.name);
}

function limited(users: readonly UserRecord[]): UserRecord[] {
  return users.filter(({ limits }) => Object.keys(limits).length > 0);
}

function limitsView({ name, limits }: UserRecord): { user: string; value: UserRecord['limits'] } {
  return { user: name, value: limits };
}

async function putLimit(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const limit = request.param('limit');
  body.require('value');
  const value = body.value('value');
  const user = sources.accounts.user(request.param('user'));
  if (user === undefined) throw badRequest(['no_such_user', request.param('user')]);
  if (!USER_LIMITS.includes(limit)) {
    throw badRequest(`Unrecognised terms [{<<"${limit}">>,${JSON.stringify(value)}}] in user-limits`);
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw badRequest(`${limit} should be a number, actually was <<${JSON.stringify(value)}>>`);
  }
  const limits = { ...user.limits, [limit]: value };
  await applied(sources.context.metadata, [{ kind: 'put-user', user: { ...user, limits } }]);
  return NO_CONTENT;
}

async function removeLimit(request: ApiRequest): Promise<Answer> {
  const user = userOf(request);
  const { [request.param('limit')]: _, ...limits } = user.limits;
  await applied(request.sources.context.metadata, [{ kind: 'put-user', user: { ...user, limits } }]);
  return NO_CONTENT;
}
