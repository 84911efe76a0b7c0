/** /api/bindings, between an exchange and a queue (`q`) or another exchange (`e`). */
import { objectNotFound } from '../api-error.ts';
import { listOf, one } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  listed,
  NO_CONTENT,
  onChannel,
  type Resource,
  shown,
  vhostOf,
  visibleVhosts,
} from '../resource.ts';
import {
  bindingsBetween,
  bindingsOf,
  bindingView,
  compareBindings,
  defaultBinding,
  propertiesKey,
  type ShownBinding,
} from '../views/binding.ts';
import { exchangeName } from './exchanges.ts';

export const bindingResources: readonly Resource[] = [
  {
    path: '/api/bindings',
    docs: { GET: { text: 'All bindings.', gives: listOf('Binding') } },
    requires: 'management',
    GET: (request) => listed(request, bindingsOf(visibleVhosts(request)), bindingView, compareBindings),
  },
  {
    path: '/api/bindings/:vhost',
    docs: { GET: { text: 'Those of a vhost.', gives: listOf('Binding') } },
    requires: 'management',
    inVhost: true,
    GET: (request) => listed(request, bindingsOf([vhostOf(request)]), bindingView, compareBindings),
  },
  {
    path: '/api/bindings/:vhost/e/:source/:kind{[qe]}/:destination',
    docs: {
      GET: {
        text: 'Bindings between an exchange and a queue (`q`) or another exchange (`e`).',
        gives: listOf('Binding'),
      },
      POST: { text: 'Binds them; `Location` says where the binding is to be found.', takes: 'NewBinding' },
    },
    requires: 'management',
    inVhost: true,
    GET: (request) => listed(request, between(request), bindingView, compareBindings),
    POST: bind,
  },
  {
    path: '/api/bindings/:vhost/e/:source/:kind{[qe]}/:destination/:props',
    docs: {
      GET: { text: 'A binding, by its `properties_key`.', gives: one('Binding') },
      DELETE: { text: 'Takes it away.' },
    },
    requires: 'management',
    inVhost: true,
    GET: (request) => shown(request, bindingView(bindingOf(request))),
    DELETE: unbind,
  },
];

function kindOf(request: ApiRequest): 'queue' | 'exchange' {
  return request.param('kind') === 'q' ? 'queue' : 'exchange';
}

/** None where an end is not there. */
function between(request: ApiRequest): Iterable<ShownBinding> {
  const vhost = vhostOf(request);
  const sourceName = exchangeName(request.param('source'));
  const destination = vhost.destination(kindOf(request), request.param('destination'));
  if (destination === undefined) return [];
  if (sourceName === '') return destination.kind === 'queue' ? [defaultBinding(destination)] : [];
  const source = vhost.exchanges.get(sourceName);
  return source === undefined ? [] : bindingsBetween(vhost, source, destination);
}

/** @throws ApiError 404 */
function bindingOf(request: ApiRequest): ShownBinding {
  const key = request.param('props');
  for (const binding of between(request)) {
    if (propertiesKey(binding.routingKey, binding.arguments) === key) return binding;
  }
  throw objectNotFound();
}

/** Answers with where the binding is to be found, relative to the request. */
async function bind(request: ApiRequest): Promise<Answer> {
  const { body } = request;
  const routingKey = body.text('routing_key');
  const args = body.table('arguments');
  await change(request, true, routingKey, args);
  const key = encodeURIComponent(propertiesKey(routingKey, args));
  return { status: 201, location: `${encodeURIComponent(request.param('destination'))}/${key}` };
}

async function unbind(request: ApiRequest): Promise<Answer> {
  const { routingKey, arguments: args } = bindingOf(request);
  await change(request, false, routingKey, args);
  return NO_CONTENT;
}

async function change(
  request: ApiRequest,
  isBind: boolean,
  routingKey: string,
  args: ShownBinding['arguments'],
): Promise<void> {
  const source = exchangeName(request.param('source'));
  const destination = request.param('destination');
  const rest = { routingKey, noWait: false, arguments: args };
  await onChannel<unknown>(request, request.param('vhost'), (channel) => {
    if (kindOf(request) === 'exchange') {
      const ends = { source, destination: exchangeName(destination) };
      const name = isBind ? 'exchange.bind' : 'exchange.unbind';
      return channel.call({ name, ...ends, ...rest }, 'exchange.bind-ok', 'exchange.unbind-ok');
    }
    const name = isBind ? 'queue.bind' : 'queue.unbind';
    return channel.call({ name, queue: destination, exchange: source, ...rest }, 'queue.bind-ok', 'queue.unbind-ok');
  });
}
