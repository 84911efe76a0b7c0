/** /api/vhosts, and what is said of one vhost. */
import { newVhostChanges } from '../../metadata/bootstrap.ts';
import type { Change, VhostRecord } from '../../metadata/port.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { applied } from '../changes.ts';
import type { JsonView } from '../listing.ts';
import { listOf, MESSAGE_SAMPLES, one, pageOf } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  byName,
  CREATED,
  isWithoutStats,
  NO_CONTENT,
  paged,
  type Resource,
  shown,
} from '../resource.ts';
import { vhostView, vhostWithFiguresView } from '../views/vhost.ts';
import { windowsOf } from '../windows.ts';
import { listPermissions, listTopicPermissions } from './permissions.ts';

export const vhostResources: readonly Resource[] = [
  {
    path: '/api/vhosts',
    docs: { GET: { text: 'All vhosts that the caller may see.', gives: pageOf('Vhost'), query: MESSAGE_SAMPLES } },
    requires: 'management',
    GET: list,
  },
  {
    path: '/api/vhosts/:name',
    docs: {
      GET: { text: 'A vhost.', gives: one('Vhost'), query: MESSAGE_SAMPLES },
      PUT: {
        text: 'Makes a vhost, and gives its maker all permissions in it; turns tracing on and off.',
        takes: 'NewVhost',
      },
      DELETE: { text: 'Deletes it with all that is in it.' },
    },
    requires: 'administrator',
    GET: async (request) => {
      await request.sources.statistics.countTotals();
      return shown(request, viewFor(request)(recordOf(request)));
    },
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/vhosts/:name/permissions',
    docs: { GET: { text: 'Who may do what in it.', gives: listOf('Permission') } },
    requires: 'administrator',
    GET: (request) => {
      const { name } = recordOf(request);
      return listPermissions(request, ({ vhost }) => vhost === name);
    },
  },
  {
    path: '/api/vhosts/:name/topic-permissions',
    docs: { GET: { text: 'Who may use which routing keys in it.', gives: listOf('TopicPermission') } },
    requires: 'administrator',
    GET: (request) => {
      const { name } = recordOf(request);
      return listTopicPermissions(request, ({ vhost }) => vhost === name);
    },
  },
  {
    path: '/api/vhosts/:name/start/:node',
    docs: { POST: { text: 'Starts it on a node; it runs already where it is.' } },
    requires: 'administrator',
    POST: start,
  },
];

async function list(request: ApiRequest): Promise<Answer> {
  const { sources, caller } = request;
  await sources.statistics.countTotals();
  const visible = sources.context.metadata
    .snapshot()
    .vhosts.filter(({ name }) => caller.is('monitoring') || caller.mayEnter(name));
  return paged(request, byName(visible), ({ name }) => name, viewFor(request));
}

function viewFor(request: ApiRequest): (record: VhostRecord) => JsonView {
  const { sources } = request;
  const windows = windowsOf(request);
  if (isWithoutStats(request)) return (record) => vhostView(sources, record);
  return (record) => vhostWithFiguresView(sources, record, windows);
}

/** @throws ApiError 404 */
function recordOf(request: ApiRequest): VhostRecord {
  const record = findRecord(request);
  if (record === undefined) throw objectNotFound();
  return record;
}

function findRecord({ sources, ...request }: ApiRequest): VhostRecord | undefined {
  const wanted = request.param('name');
  return sources.context.metadata.snapshot().vhosts.find(({ name }) => name === wanted);
}

/** As in RabbitMQ, description and tags are for a vhost that is made, not for one that is there, and its maker gets in. */
async function put(request: ApiRequest): Promise<Answer> {
  const { sources, caller, body } = request;
  const name = request.param('name');
  const existing = findRecord(request);
  const tracing = body.has('tracing') ? body.flag('tracing') : (existing?.tracing ?? false);
  if (existing !== undefined) {
    await applied(sources.context.metadata, [{ kind: 'put-vhost', vhost: { ...existing, tracing } }]);
    return NO_CONTENT;
  }
  const vhost = { name, description: body.text('description'), tags: body.texts('tags'), tracing };
  const permission = { user: caller.name, vhost: name, configure: '.*', write: '.*', read: '.*' };
  const entrance: Change[] = caller.isOperator ? [] : [{ kind: 'put-permission', permission }];
  await applied(sources.context.metadata, [...newVhostChanges(vhost, sources.context.metadata), ...entrance]);
  return CREATED;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { name } = recordOf(request);
  await applied(request.sources.context.metadata, [{ kind: 'delete-vhost', name }]);
  return NO_CONTENT;
}

/** Vhosts of a node start with it: there is nothing to do for one that is there. */
function start(request: ApiRequest): Answer {
  const node = request.param('node');
  if (node !== request.sources.nodeName) throw badRequest(`Request to node ${node} failed with nodedown`);
  if (findRecord(request) !== undefined) return NO_CONTENT;
  const vhost = `<<"${request.param('name')}">>`;
  throw badRequest(`Request to node ${node} failed with {no_such_vhost,${vhost}}`);
}
