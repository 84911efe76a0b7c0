/** /api/permissions and /api/topic-permissions. */
import { compilePattern } from '../../auth/pattern.ts';
import type { PermissionRecord, TopicPermissionRecord } from '../../metadata/port.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { applied } from '../changes.ts';
import { listOf, one } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  CREATED,
  compareTexts,
  listed,
  NO_CONTENT,
  type Resource,
  shown,
} from '../resource.ts';
import { permissionView, topicPermissionView } from '../views/accounts.ts';

/** The permissions of one user, or of one vhost. */
export function listPermissions(request: ApiRequest, isWanted: (of: Grant) => boolean): Promise<Answer> {
  return listed(request, request.sources.context.metadata.snapshot().permissions.filter(isWanted), permissionView);
}

/** The same of topic permissions. */
export function listTopicPermissions(request: ApiRequest, isWanted: (of: Grant) => boolean): Promise<Answer> {
  const { topicPermissions } = request.sources.context.metadata.snapshot();
  return listed(request, topicPermissions.filter(isWanted), topicPermissionView);
}

type Grant = Pick<PermissionRecord, 'user' | 'vhost'>;

export const permissionResources: readonly Resource[] = [
  {
    path: '/api/permissions',
    docs: { GET: { text: 'Who may do what where.', gives: listOf('Permission') } },
    requires: 'administrator',
    GET: (request) =>
      listed(request, request.sources.context.metadata.snapshot().permissions, permissionView, compareAccounts),
  },
  {
    path: '/api/permissions/:vhost/:user',
    docs: {
      GET: { text: 'What a user may do in a vhost.', gives: one('Permission') },
      PUT: { text: 'Sets it.', takes: 'NewPermission' },
      DELETE: { text: 'Takes it away: the user may not enter the vhost.' },
    },
    requires: 'administrator',
    GET: (request) => shown(request, permissionView(permissionOf(request))),
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/topic-permissions',
    docs: { GET: { text: 'Who may use which routing keys where.', gives: listOf('TopicPermission') } },
    requires: 'administrator',
    GET: (request) => {
      const { topicPermissions } = request.sources.context.metadata.snapshot();
      return listed(request, topicPermissions, topicPermissionView, compareAccounts);
    },
  },
  {
    path: '/api/topic-permissions/:vhost/:user',
    docs: {
      GET: { text: 'Which routing keys a user may use in a vhost, by exchange.', gives: listOf('TopicPermission') },
      PUT: { text: 'Sets them for one exchange.', takes: 'NewTopicPermission' },
      DELETE: { text: 'Clears them for all exchanges.' },
    },
    requires: 'administrator',
    GET: (request) => listed(request, someTopicPermissions(request), topicPermissionView),
    PUT: putTopic,
    DELETE: removeTopic,
  },
  {
    path: '/api/topic-permissions/:vhost/:user/:exchange',
    docs: {
      GET: { text: 'The same as without the exchange, as in RabbitMQ.', gives: listOf('TopicPermission') },
      PUT: { text: 'Sets them for the exchange in the body.', takes: 'NewTopicPermission' },
      DELETE: { text: 'Clears them for one exchange.' },
    },
    requires: 'administrator',
    // All of the user's, as in RabbitMQ: only a deletion is of the one exchange.
    GET: (request) => listed(request, someTopicPermissions(request), topicPermissionView),
    PUT: putTopic,
    DELETE: removeTopic,
  },
];

function compareAccounts(one: Grant, other: Grant): number {
  return compareTexts(one.vhost, other.vhost) || compareTexts(one.user, other.user);
}

/** @throws ApiError 404 */
function permissionOf({ sources, ...request }: ApiRequest): PermissionRecord {
  const permission = sources.accounts.permission(request.param('user'), request.param('vhost'));
  if (permission === undefined) throw objectNotFound();
  return permission;
}

/** @throws ApiError 404 when there is none */
function someTopicPermissions(request: ApiRequest): TopicPermissionRecord[] {
  const found = topicPermissionsOf(request);
  if (found.length === 0) throw objectNotFound();
  return found;
}

/** Those of the user in the vhost, for all exchanges. */
function topicPermissionsOf({ sources, ...request }: ApiRequest): TopicPermissionRecord[] {
  const [wantedVhost, wantedUser] = [request.param('vhost'), request.param('user')];
  const all = sources.context.metadata.snapshot().topicPermissions;
  const found = all.filter(({ vhost, user }) => vhost === wantedVhost && user === wantedUser);
  return found.sort((one, other) => compareTexts(one.exchange, other.exchange));
}

async function put(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const account = accountOf(request);
  body.require('configure', 'write', 'read');
  const patterns = { configure: body.text('configure'), write: body.text('write'), read: body.text('read') };
  for (const pattern of Object.values(patterns)) compilePattern(pattern);
  const isNew = sources.accounts.permission(account.user, account.vhost) === undefined;
  await applied(sources.context.metadata, [{ kind: 'put-permission', permission: { ...account, ...patterns } }]);
  return isNew ? CREATED : NO_CONTENT;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { user, vhost } = permissionOf(request);
  await applied(request.sources.context.metadata, [{ kind: 'delete-permission', user, vhost }]);
  return NO_CONTENT;
}

async function putTopic(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const account = accountOf(request);
  body.require('exchange', 'write', 'read');
  const patterns = { write: body.text('write'), read: body.text('read') };
  // RabbitMQ's variables are put in when a key is checked; here any name does.
  for (const pattern of Object.values(patterns)) compilePattern(pattern.replace(/\{(?:username|vhost)\}/g, 'name'));
  const topicPermission = { ...account, exchange: body.text('exchange'), ...patterns };
  const isFirst = topicPermissionsOf(request).length === 0;
  await applied(sources.context.metadata, [{ kind: 'put-topic-permission', topicPermission }]);
  return isFirst ? CREATED : NO_CONTENT;
}

async function removeTopic(request: ApiRequest): Promise<Answer> {
  const wanted = request.param('exchange');
  const removed = someTopicPermissions(request).filter(({ exchange }) => wanted === '' || exchange === wanted);
  const changes = removed.map(
    ({ user, vhost, exchange }) => ({ kind: 'delete-topic-permission', user, vhost, exchange }) as const,
  );
  await applied(request.sources.context.metadata, changes);
  return NO_CONTENT;
}

/** @throws ApiError 400 */
function accountOf({ sources, ...request }: ApiRequest): { user: string; vhost: string } {
  const [user, vhost] = [request.param('user'), request.param('vhost')];
  if (sources.accounts.user(user) !== undefined && sources.accounts.hasVhost(vhost)) return { user, vhost };
  throw badRequest('vhost_or_user_not_found');
}
