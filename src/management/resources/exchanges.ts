/** /api/exchanges: declared, deleted and published to as an AMQP client of the caller's would. */
import type { BasicProperties } from '../../protocol/properties.ts';
import { encodeText } from '../../protocol/text.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { ChannelClosed } from '../direct-channel.ts';
import { listOf, MESSAGE_SAMPLES, one, pageOf } from '../reference/doc.ts';
import type { RequestBody } from '../request-body.ts';
import {
  type Answer,
  type ApiRequest,
  CREATED,
  comparePlacedNames,
  listed,
  NO_CONTENT,
  ok,
  onChannel,
  paged,
  type Resource,
  shown,
  vhostOf,
  vhostOfChange,
  visibleVhosts,
} from '../resource.ts';
import { bindingsFrom, bindingsTo, bindingView, compareBindings, defaultBindings } from '../views/binding.ts';
import { exchangesOf, exchangeView, findExchange, type ShownExchange } from '../views/exchange.ts';
import { exchangeFlows } from '../views/flows.ts';
import { propertiesFromJson } from '../views/message.ts';
import { windowsOf } from '../windows.ts';

export const exchangeResources: readonly Resource[] = [
  {
    path: '/api/exchanges',
    docs: { GET: { text: 'All exchanges.', gives: pageOf('Exchange'), query: MESSAGE_SAMPLES } },
    requires: 'management',
    GET: (request) => list(request, exchangesOf(visibleVhosts(request))),
  },
  {
    path: '/api/exchanges/:vhost',
    docs: { GET: { text: 'Those of a vhost.', gives: pageOf('Exchange'), query: MESSAGE_SAMPLES } },
    requires: 'management',
    inVhost: true,
    GET: (request) => list(request, exchangesOf([vhostOf(request)])),
  },
  {
    path: '/api/exchanges/:vhost/:exchange',
    docs: {
      GET: { text: 'An exchange.', gives: one('Exchange'), query: MESSAGE_SAMPLES },
      PUT: { text: 'Declares it, as an AMQP client of the caller’s would.', takes: 'NewExchange' },
      DELETE: { text: 'Deletes it.', query: ['if-unused'] },
    },
    requires: 'management',
    inVhost: true,
    GET: show,
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/exchanges/:vhost/:exchange/publish',
    docs: {
      POST: {
        text: 'Publishes a message and waits for its confirm. For now and then: an AMQP client is much quicker.',
        takes: 'NewMessage',
        gives: one('Published'),
      },
    },
    requires: 'management',
    inVhost: true,
    POST: publish,
  },
  {
    path: '/api/exchanges/:vhost/:exchange/bindings/source',
    docs: { GET: { text: 'Bindings that lead from it.', gives: listOf('Binding') } },
    requires: 'management',
    inVhost: true,
    GET: (request) => {
      const vhost = vhostOf(request);
      const exchange = vhost.exchanges.get(exchangeOf(request).name);
      const bindings = exchange === undefined ? defaultBindings(vhost) : bindingsFrom(vhost, exchange);
      return listed(request, bindings, bindingView, compareBindings);
    },
  },
  {
    path: '/api/exchanges/:vhost/:exchange/bindings/destination',
    docs: { GET: { text: 'Bindings that lead to it.', gives: listOf('Binding') } },
    requires: 'management',
    inVhost: true,
    GET: (request) => {
      const vhost = vhostOf(request);
      const exchange = vhost.exchanges.get(exchangeOf(request).name);
      const bindings = exchange === undefined ? [] : bindingsTo(vhost, exchange);
      return listed(request, bindings, bindingView, compareBindings);
    },
  },
];

async function list(request: ApiRequest, exchanges: Iterable<ShownExchange>): Promise<Answer> {
  const { flows } = request.sources.statistics;
  const { rates } = windowsOf(request);
  await flows?.carry();
  return paged(
    request,
    exchanges,
    ({ name }) => name,
    (exchange) => exchangeView(exchange, flows?.exchange(exchange.flow, rates)),
    comparePlacedNames,
  );
}

async function show(request: ApiRequest): Promise<Answer> {
  const { sources } = request;
  const { flows } = sources.statistics;
  const windows = windowsOf(request);
  const exchange = exchangeOf(request);
  await flows?.carry();
  const view = exchangeView(exchange, flows?.exchange(exchange.flow, windows.rates));
  return shown(request, { ...view, ...(await exchangeFlows(sources, vhostOf(request), exchange, windows)) });
}

/** @throws ApiError 404 */
function exchangeOf(request: ApiRequest): ShownExchange {
  const exchange = findExchange(vhostOf(request), request.param('exchange'));
  if (exchange === undefined) throw objectNotFound();
  return exchange;
}

/** The name in the path as AMQP has it. */
export function exchangeName(name: string): string {
  return name === 'amq.default' ? '' : name;
}

async function put(request: ApiRequest): Promise<Answer> {
  const { body } = request;
  const vhost = vhostOfChange(request);
  const exchange = exchangeName(request.param('exchange'));
  const declare = {
    name: 'exchange.declare',
    exchange,
    // RabbitMQ takes the type for direct where it is not told.
    type: body.text('type', 'direct'),
    passive: false,
    durable: body.flag('durable'),
    autoDelete: body.flag('auto_delete'),
    internal: body.flag('internal'),
    noWait: false,
    arguments: body.table('arguments'),
  } as const;
  const isNew = findExchange(vhost, exchange) === undefined;
  await onChannel(request, vhost.name, (channel) => {
    return channel.call(declare, 'exchange.declare-ok');
  });
  return isNew ? CREATED : NO_CONTENT;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { name: exchange, vhost } = exchangeOf(request);
  const ifUnused = request.query('if-unused') === 'true';
  await onChannel(request, vhost, (channel) => {
    return channel.call({ name: 'exchange.delete', exchange, ifUnused, noWait: false }, 'exchange.delete-ok');
  });
  return NO_CONTENT;
}

/** Answered once the message is confirmed, or was returned for want of a queue. */
async function publish(request: ApiRequest): Promise<Answer> {
  const { body } = request;
  const vhost = vhostOf(request);
  body.require('routing_key', 'properties', 'payload', 'payload_encoding');
  const content = { properties: readProperties(body), body: readPayload(body) };
  const exchange = exchangeName(request.param('exchange'));
  const isRouted = await onChannel(request, vhost.name, async (channel) => {
    channel.send({ name: 'confirm.select', noWait: true });
    channel.publish(exchange, body.text('routing_key'), content, true);
    const { method } = await channel.next('basic.ack', 'basic.nack', 'basic.return');
    if (method.name === 'basic.nack') throw badRequest('rejected Unable to publish message. Check queue limits.');
    return method.name === 'basic.ack';
  }).catch((error) => {
    throw error instanceof ChannelClosed ? badRequest(error.message) : error;
  });
  return ok({ routed: isRouted });
}

function readProperties(body: RequestBody): BasicProperties {
  const value = body.value('properties');
  if (Array.isArray(value) && value.length === 0) return {};
  return propertiesFromJson(value);
}

/** @throws ApiError 400 */
function readPayload(body: RequestBody): Buffer {
  const payload = body.value('payload');
  const encoding = body.value('payload_encoding');
  if (typeof payload !== 'string') throw badRequest('payload_not_string');
  if (encoding === 'string') return encodeText(payload);
  if (encoding !== 'base64') throw badRequest(['unsupported_encoding', String(encoding)]);
  const octets = Buffer.from(payload, 'base64');
  if (octets.toString('base64').replace(/=+$/, '') !== payload.replace(/=+$/, ''))
    throw badRequest(['not_base64', payload]);
  return octets;
}
