/** What is said of a node's memory, and what a node is told to do. */
import { badRequest, objectNotFound } from '../api-error.ts';
import type { JsonView } from '../listing.ts';
import { memoryView, readNodeMemory, relativeMemoryView } from '../node-memory.ts';
import { listOf, one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, listed, NO_CONTENT, type Resource, shown } from '../resource.ts';

/** Those of RabbitMQ 3.10, and whether their subject is here. None of them can be disabled. */
const FEATURE_FLAGS: readonly (readonly [name: string, isHere: boolean, text: string])[] = [
  ['classic_mirrored_queue_version', false, 'Versions of the storage of mirrored queues'],
  ['drop_unroutable_metric', true, 'Messages that are dropped because no queue takes them are counted'],
  ['empty_basic_get_metric', true, 'basic.get from an empty queue is counted'],
  ['implicit_default_bindings', true, 'Bindings to the default exchange are nowhere kept'],
  ['maintenance_mode_status', true, 'A node that takes no clients for a while says so'],
  ['quorum_queue', true, 'Queues of the type quorum are durable classic ones on one node'],
  ['stream_queue', false, 'Queues of the type stream'],
  ['user_limits', true, 'Limits on connections and channels of a user'],
  ['virtual_host_metadata', true, 'Description and tags of a vhost'],
];

export const nodeResources: readonly Resource[] = [
  {
    path: '/api/nodes/:node/memory',
    docs: { GET: { text: 'What the memory of a node is used for, in octets.', gives: one('NodeMemory') } },
    requires: 'monitoring',
    GET: (request) =>
      onThisNode(request, () => shown(request, { memory: memoryView(readNodeMemory(request.sources)) })),
  },
  {
    path: '/api/nodes/:node/memory/relative',
    docs: { GET: { text: 'The same in percent.', gives: one('NodeMemory') } },
    requires: 'monitoring',
    GET: (request) =>
      onThisNode(request, () => shown(request, { memory: relativeMemoryView(readNodeMemory(request.sources)) })),
  },
  ...['', '/relative', '/:filter', '/:filter/relative'].map(tables),
  {
    path: '/api/reset',
    docs: { DELETE: { text: 'Forgets all samples: rates and graphs begin anew.' } },
    requires: 'administrator',
    DELETE: forget,
  },
  {
    path: '/api/reset/:node',
    docs: { DELETE: { text: 'The same of one node.' } },
    requires: 'administrator',
    DELETE: (request) => onThisNode(request, () => forget(request)),
  },
  // The leaders of all queues are on this one node: no other could take some over.
  {
    path: '/api/rebalance/queues',
    docs: { POST: { text: 'Spreads the leaders of queues over all nodes; on one node they are where they can be.' } },
    requires: 'administrator',
    POST: () => NO_CONTENT,
  },
  {
    path: '/api/feature-flags',
    docs: { GET: { text: 'What RabbitMQ 3.10 can turn on, and whether it is here.', gives: listOf('FeatureFlag') } },
    requires: 'administrator',
    GET: (request) => listed(request, FEATURE_FLAGS, flagView),
  },
  {
    path: '/api/feature-flags/:name/enable',
    docs: { PUT: { text: 'Turns it on; refused for what is not here.', takes: 'Nothing' } },
    requires: 'administrator',
    PUT: enable,
  },
];

/** @throws ApiError 404 for another node than this one */
function onThisNode<T>({ sources, param }: ApiRequest, answer: () => T): T {
  if (param('node') !== sources.nodeName) throw objectNotFound();
  return answer();
}

/** Erlang's tables, of which there are none: what RabbitMQ says where a filter leaves nothing. */
function tables(path: string): Resource {
  return {
    path: `/api/nodes/:node/memory/ets${path}`,
    docs: { GET: { text: 'Tables of Erlang’s, of which there are none.', gives: one('NodeTables') } },
    requires: 'monitoring',
    GET: (request) => onThisNode(request, () => shown(request, { ets_tables_memory: 'no_tables' })),
  };
}

/** Samples are taken from now on; what is counted is counted on. */
async function forget({ sources }: ApiRequest): Promise<Answer> {
  await sources.statistics.forget();
  return NO_CONTENT;
}

function flagView([name, isHere, desc]: (typeof FEATURE_FLAGS)[number]): JsonView {
  const state = isHere ? 'enabled' : 'unavailable';
  return { name, desc, doc_url: '', state, stability: 'stable', provided_by: 'leveret' };
}

/** What is here is enabled already. @throws ApiError 400 */
function enable({ param }: ApiRequest): Answer {
  const isHere = FEATURE_FLAGS.some(([name, here]) => here && name === param('name'));
  if (!isHere) throw badRequest('unsupported');
  return NO_CONTENT;
}
