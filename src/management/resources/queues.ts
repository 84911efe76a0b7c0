/** /api/queues: declared, deleted, purged and read from as an AMQP client of the caller's would. */
import type { Queue } from '../../queues/queue.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import type { Answered, DirectChannel } from '../direct-channel.ts';
import type { JsonView } from '../listing.ts';
import { listOf, MESSAGE_SAMPLES, one, pageOf } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  CREATED,
  comparePlacedNames,
  isWithoutStats,
  listed,
  NO_CONTENT,
  namedRefusal,
  ok,
  onChannel,
  paged,
  type Resource,
  shown,
  vhostOf,
  vhostOfChange,
  visibleVhosts,
} from '../resource.ts';
import { bindingsTo, bindingView, compareBindings, defaultBinding } from '../views/binding.ts';
import { type PayloadOptions, payloadOptions, payloadToJson, propertiesToJson } from '../views/message.ts';
import { bareQueueView, queueDetailView, queueTotalsView, queueView } from '../views/queue.ts';
import { windowsOf } from '../windows.ts';

export const queueResources: readonly Resource[] = [
  {
    path: '/api/queues',
    docs: { GET: { text: 'All queues.', gives: pageOf('Queue'), query: [...MESSAGE_SAMPLES, 'enable_queue_totals'] } },
    requires: 'management',
    GET: (request) =>
      list(
        request,
        visibleVhosts(request).flatMap(({ queues }) => [...queues.values()]),
      ),
  },
  {
    path: '/api/queues/:vhost',
    docs: {
      GET: { text: 'Those of a vhost.', gives: pageOf('Queue'), query: [...MESSAGE_SAMPLES, 'enable_queue_totals'] },
    },
    requires: 'management',
    inVhost: true,
    GET: (request) => list(request, [...vhostOf(request).queues.values()]),
  },
  {
    path: '/api/queues/:vhost/:queue',
    docs: {
      GET: { text: 'A queue, with its consumers.', gives: one('Queue'), query: MESSAGE_SAMPLES },
      PUT: { text: 'Declares it, as an AMQP client of the caller’s would.', takes: 'NewQueue' },
      DELETE: { text: 'Deletes it.', query: ['if-unused', 'if-empty'] },
    },
    requires: 'management',
    inVhost: true,
    GET: show,
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/queues/:vhost/:queue/contents',
    docs: { DELETE: { text: 'Drops the messages that are ready.' } },
    requires: 'management',
    inVhost: true,
    DELETE: purge,
  },
  {
    path: '/api/queues/:vhost/:queue/actions',
    docs: { POST: { text: 'Synchronises its mirrors, or stops doing so.', takes: 'QueueAction' } },
    requires: 'administrator',
    inVhost: true,
    POST: act,
  },
  {
    path: '/api/queues/:vhost/:queue/get',
    docs: {
      POST: {
        text: 'Takes messages out, and back in where `ackmode` says so. For looking: an AMQP client consumes.',
        takes: 'GetMessages',
        gives: listOf('Message'),
      },
    },
    requires: 'management',
    inVhost: true,
    POST: get,
  },
  {
    path: '/api/queues/:vhost/:queue/bindings',
    docs: { GET: { text: 'Bindings that lead to it.', gives: listOf('Binding') } },
    requires: 'management',
    inVhost: true,
    GET: (request) => {
      const queue = queueOf(request);
      const bindings = [defaultBinding(queue), ...bindingsTo(vhostOf(request), queue)];
      return listed(request, bindings, bindingView, compareBindings);
    },
  },
];

function list(request: ApiRequest, queues: Queue[]): Promise<Answer> {
  return paged(request, queues, ({ name }) => name, viewFor(request), comparePlacedNames);
}

function viewFor(request: ApiRequest): (queue: Queue) => JsonView {
  const { sources, query } = request;
  const windows = windowsOf(request);
  if (!isWithoutStats(request)) return (queue) => queueView(sources, queue, windows);
  const isCounted = sources.enableQueueTotals || query('enable_queue_totals') === 'true';
  return isCounted ? (queue) => queueTotalsView(sources, queue) : (queue) => bareQueueView(sources, queue);
}

async function show(request: ApiRequest): Promise<Answer> {
  const { sources } = request;
  const [vhost, queue] = [vhostOf(request), queueOf(request)];
  if (isWithoutStats(request)) return shown(request, bareQueueView(sources, queue));
  return shown(request, await queueDetailView(sources, vhost, queue, windowsOf(request)));
}

/** @throws ApiError 404 */
function queueOf(request: ApiRequest): Queue {
  const queue = vhostOf(request).queues.get(request.param('queue'));
  if (queue === undefined) throw objectNotFound();
  return queue;
}

async function put(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const vhost = vhostOfChange(request);
  const node = body.text('node', sources.nodeName);
  if (node !== sources.nodeName) throw badRequest(`Node ${node} could not be contacted`);
  const queue = request.param('queue');
  const declare = {
    name: 'queue.declare',
    queue,
    passive: false,
    durable: body.flag('durable'),
    exclusive: false,
    autoDelete: body.flag('auto_delete'),
    noWait: false,
    arguments: body.table('arguments'),
  } as const;
  const isNew = !vhost.queues.has(queue);
  await onChannel(request, vhost.name, (channel) => {
    return channel.call(declare, 'queue.declare-ok');
  });
  return isNew ? CREATED : NO_CONTENT;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { name: queue, vhost } = queueOf(request);
  const ifUnused = request.query('if-unused') === 'true';
  const ifEmpty = request.query('if-empty') === 'true';
  await onChannel(request, vhost, (channel) => {
    return channel.call({ name: 'queue.delete', queue, ifUnused, ifEmpty, noWait: false }, 'queue.delete-ok');
  });
  return NO_CONTENT;
}

async function purge(request: ApiRequest): Promise<Answer> {
  const { name: queue, vhost } = queueOf(request);
  await onChannel(request, vhost, (channel) => {
    return channel.call({ name: 'queue.purge', queue, noWait: false }, 'queue.purge-ok');
  });
  return NO_CONTENT;
}

/** A queue without mirrors has nothing to synchronise: RabbitMQ says that it is done. */
function act(request: ApiRequest): Answer {
  request.body.require('action');
  queueOf(request);
  const action = request.body.value('action');
  if (action !== 'sync' && action !== 'cancel_sync') throw badRequest(['unknown', action]);
  return NO_CONTENT;
}

// --- reading messages ---

const ACK_MODES = ['ack_requeue_true', 'ack_requeue_false', 'reject_requeue_true', 'reject_requeue_false'] as const;
type AckMode = (typeof ACK_MODES)[number];

interface GetOptions extends PayloadOptions {
  readonly queue: string;
  readonly count: number;
  readonly ackMode: AckMode;
}

async function get(request: ApiRequest): Promise<Answer> {
  const vhost = vhostOf(request).name;
  const options = readGetOptions(request);
  const messages = await onChannel(request, vhost, (channel) => getMessages(channel, options)).catch(namedRefusal);
  return ok(messages);
}

/** @throws ApiError 400 */
function readGetOptions(request: ApiRequest): GetOptions {
  const { body } = request;
  body.require('ackmode', 'count', 'encoding');
  const ackMode = ACK_MODES.find((mode) => mode === body.value('ackmode'));
  if (ackMode === undefined) throw badRequest(`ackmode must be one of ${ACK_MODES.join(', ')}`);
  return { queue: request.param('queue'), count: body.count('count'), ackMode, ...payloadOptions(body) };
}

/** All are taken first and given back together, so that none comes twice. */
async function getMessages(channel: DirectChannel, options: GetOptions): Promise<object[]> {
  const { queue, count, ackMode } = options;
  const noAck = ackMode === 'ack_requeue_false';
  const messages: object[] = [];
  let lastTag = 0;
  while (messages.length < count) {
    const answer = await channel.call({ name: 'basic.get', queue, noAck }, 'basic.get-ok', 'basic.get-empty');
    if (answer.method.name === 'basic.get-empty') break;
    lastTag = Number(answer.method.deliveryTag);
    messages.push(messageView(answer as GetOk, options));
  }
  if (noAck || lastTag === 0) return messages;
  const requeue = ackMode !== 'reject_requeue_false';
  channel.send({ name: 'basic.nack', deliveryTag: lastTag, multiple: true, requeue });
  return messages;
}

type GetOk = Answered & { readonly method: { readonly name: 'basic.get-ok' } };

function messageView({ method, content }: GetOk, options: GetOptions): object {
  const { properties, body } = content!;
  return {
    payload_bytes: body.length,
    redelivered: method.redelivered,
    exchange: method.exchange,
    routing_key: method.routingKey,
    message_count: method.messageCount,
    properties: propertiesToJson(properties),
    ...payloadToJson(body, options),
  };
}
