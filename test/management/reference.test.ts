/**
 * The reference (OpenAPI) is what the API is: valid by its standard, with every path in it, and both RabbitMQ's recorded answers
 * and Leveret's own are as it says. Clients in typed languages, such as Go's rabbit-hole, decode answers into fields of fixed
 * types: what the schemas say of a field is what these count on.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Broker, startBroker } from '../../src/broker.ts';
import { openApiDocument, pathTemplate, schemaOf } from '../../src/management/reference/openapi.ts';
import { METHODS, type Resource } from '../../src/management/resource.ts';
import { ALL_RESOURCES } from '../../src/management/resources/all.ts';
import { busyClient } from './clients.ts';
import { readGolden } from './golden.ts';
import { ask } from './http-client.ts';
import { RABBITMQ_PATHS } from './rabbitmq-paths.ts';

const SAMPLES = `?${['lengths', 'msg_rates', 'data_rates', 'node_stats'].map((of) => `${of}_age=5&${of}_incr=5`).join('&')}`;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly responses: Readonly<Record<string, object>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = openApiDocument(ALL_RESOURCES) as Document;
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'api', ...document });

/** The resource that a path of a request belongs to, and its parameters as they stand in it. */
function resourceOf(path: string): Resource | undefined {
  const named = path.replace('/e//', '/e/amq.default/');
  return ALL_RESOURCES.find((resource) => {
    const parts = resource.path.split('/').map((part) => {
      const [, pattern] = /^:\w+(?:\{(.*)\})?$/.exec(part) ?? [null, null];
      if (pattern === null) return part.replace('.', '\\.');
      return pattern ?? '[^/]+';
    });
    return new RegExp(`^${parts.join('/')}$`).test(named);
  });
}

/** What is wrong with what a GET was answered with. */
function faultsOf(path: string, answer: unknown): string[] {
  const [bare, query = ''] = path.split('?') as [string, string?];
  const given = resourceOf(bare)?.docs.GET?.gives;
  assert.ok(given, `${bare} has no schema`);
  const isPaged = new URLSearchParams(query).has('page');
  const schema = JSON.parse(JSON.stringify(schemaOf(given)).replaceAll('"#/', '"api#/'));
  if (given.as === 'page') assert.equal(Array.isArray(answer), !isPaged, path);
  if (ajv.validate(schema, answer)) return [];
  return ajv.errors!.map(
    ({ instancePath, message, params }) => `${path} ${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

describe('the document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
    assert.ok(valid, JSON.stringify(errors, null, 1));
  });

  test('has every path and method, with a line and an id of its own', () => {
    const ids: string[] = [];
    for (const resource of ALL_RESOURCES) {
      const item = document.paths[pathTemplate(resource.path)];
      assert.ok(item, resource.path);
      for (const method of METHODS.filter((each) => resource[each] !== undefined)) {
        const { operationId, summary, responses } = item[method.toLowerCase()]!;
        assert.match(summary, /^\p{Lu}.*\.$/u, `${method} ${resource.path}: ${summary}`);
        assert.ok(Object.keys(responses).length > 0);
        ids.push(operationId);
      }
      for (const method of Object.keys(resource.docs)) {
        assert.ok(
          resource[method as 'GET'] !== undefined,
          `${resource.path} has a line on ${method}, which it does not know`,
        );
      }
    }
    assert.equal(new Set(ids).size, ids.length, ids.filter((id, index) => ids.indexOf(id) !== index).join(', '));
  });

  test('has no schema that nothing refers to', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      assert.ok(text.includes(`"#/components/schemas/${name}"`), name);
    }
  });

  test('says what stands for every name in a path', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const { description } of item.parameters as unknown as { description: string }[]) {
        assert.ok(description.length > 0, path);
      }
    }
  });
});

test('every path of RabbitMQ’s management plugin is one here', () => {
  const shapes = new Set(ALL_RESOURCES.map(({ path }) => path.replace(/:\w+(\{[^}]*\})?/g, ':')));
  const missing = RABBITMQ_PATHS.filter((path) => !shapes.has(`/api${path.replace(/:\w+/g, ':')}`));
  assert.deepEqual(missing, []);
});

describe('recorded answers of RabbitMQ', () => {
  const answers = [...readGolden().values()].flat().flatMap((answer) => {
    const [call, status, ...rest] = answer
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
    const [method, path] = call!.split(' ') as [string, string];
    const isWhole = !path.includes('columns=') && !/accept|if-none-match/.test(call!);
    return method === 'GET' && status === '200' && isWhole && rest.length > 0
      ? [{ path, body: JSON.parse(rest.at(-1)!) }]
      : [];
  });
  const isShape = (body: unknown) => /:"(number|string|boolean)"/.test(JSON.stringify(body));

  test('fit their schemas', () => {
    const values = answers.filter(({ body }) => !isShape(body));
    assert.ok(values.length > 80, `${values.length} answers`);
    assert.deepEqual(
      values.flatMap(({ path, body }) => faultsOf(path, body)),
      [],
    );
  });

  test('of which the shape alone is recorded fit, too', () => {
    const shapes = answers.filter(({ body }) => isShape(body));
    assert.ok(shapes.length > 10, `${shapes.length} answers`);
    assert.deepEqual(
      shapes.flatMap(({ path, body }) => faultsOf(path, likely(body))),
      [],
    );
  });
});

/** A value of the shape that is recorded; names stand for themselves where a schema has a list of words. */
function likely(shape: unknown, name = ''): unknown {
  if (Array.isArray(shape)) return shape.map((each) => likely(each));
  if (typeof shape === 'object' && shape !== null) {
    return Object.fromEntries(Object.entries(shape).map(([field, of]) => [field, likely(of, field)]));
  }
  if (shape === 'number') return 0;
  if (shape === 'boolean') return true;
  const words: Readonly<Record<string, string>> = { status: 'ok', state: 'running' };
  return shape === 'string' ? (words[name] ?? 'text') : shape;
}

describe('answers of Leveret', () => {
  let broker: Broker;
  before(async () => {
    const statistics = { ratesMode: 'detailed' } as const;
    broker = await startBroker({ port: 0, memory: true, logLevel: 'none', statistics, management: { port: 0 } });
  });
  after(() => broker.stop());

  const call = async (path: string) => (await ask(broker.managementUrl!, { method: 'GET', path })).body;

  test('fit their schemas, and name nothing that these do not', async (t) => {
    const client = await busyClient(broker.port);
    t.after(() => client.close());
    const put = (path: string, body: unknown) =>
      ask(broker.managementUrl!, { method: 'PUT', path: `/api/${path}`, body });
    await put('policies/%2F/p', { pattern: '^live', definition: { 'max-length': 10, 'ha-mode': 'all' } });
    await put('vhost-limits/%2F/max-queues', { value: 100 });
    await put('user-limits/guest/max-channels', { value: 100 });
    await put('topic-permissions/%2F/guest', { exchange: 'amq.topic', write: '.*', read: '.*' });
    await put('global-parameters/g', { value: 1 });
    const later = await client.createConfirmChannel();
    await later.assertExchange('live.later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
    later.publish('live.later', 'a.b', Buffer.from('message'), { headers: { 'x-delay': 3_600_000 } });
    await later.waitForConfirms();
    const { messages } = (await call('/api/exchanges/%2F/live.later/delayed')) as { messages: [{ id: string }] };
    const [{ name: connection }] = (await call('/api/connections')) as [{ name: string }];
    const [{ name: channel }] = (await call('/api/channels')) as [{ name: string }];
    const [{ name: node }] = (await call('/api/nodes')) as [{ name: string }];
    const values: Readonly<Record<string, string>> = {
      component: 'vhost-limits',
      destination: 'live',
      exchange: 'live.topic',
      family: 'ipv4',
      filter: 'x',
      hostname: 'localhost',
      id: messages[0].id,
      kind: 'q',
      node,
      port: String(broker.port),
      props: '%23',
      protocol: 'amqp091',
      queue: 'live',
      seconds: '0.01',
      source: 'live.topic',
      unit: 'weeks',
      user: 'guest',
      vhost: '/',
      within: '1',
    };
    const names: Readonly<Record<string, string>> = {
      '/api/connections/:name': connection,
      '/api/connections/:name/channels': connection,
      '/api/channels/:name': channel,
      '/api/policies/:vhost/:name': 'p',
      '/api/parameters/:component/:vhost/:name': 'limits',
      '/api/global-parameters/:name': 'g',
    };
    const faults: string[] = [];
    let asked = 0;
    for (const { path, docs } of ALL_RESOURCES) {
      if (docs.GET?.gives === undefined || path === '/api/operator-policies/:vhost/:name') continue;
      const placed = path.replace(/:(\w+)(\{[^}]*\})?/g, (_, name) => {
        if (name === 'exchange' && path.includes('/delayed')) return 'live.later';
        return encodeURIComponent(name === 'name' ? (names[path] ?? '/') : values[name]!);
      });
      const queries = docs.GET.gives.as === 'page' ? ['', '?page=1'] : [''];
      for (const query of [...queries, SAMPLES]) {
        const answer = await call(placed + query);
        faults.push(...faultsOf(placed + query, answer), ...unnamed(docs.GET.gives.schema, answer, placed));
        asked++;
      }
    }
    assert.ok(asked > 100, String(asked));
    assert.deepEqual(faults, []);
  });

  test('the document and the page are open to all, and know the prefix', async (t) => {
    const prefixed = await startBroker({
      port: 0,
      memory: true,
      logLevel: 'none',
      management: { port: 0, pathPrefix: '/broker' },
    });
    t.after(() => prefixed.stop());
    const get = (path: string) =>
      ask(prefixed.managementUrl!, { method: 'GET', path, user: null, headers: { accept: 'text/html, */*' } });
    const { status, headers, body } = await get('/broker/api/openapi.json');
    assert.deepEqual([status, headers['content-type']], [200, 'application/json']);
    assert.deepEqual(body, JSON.parse(JSON.stringify(openApiDocument(ALL_RESOURCES, '/broker'))));
    for (const path of ['/broker/api/', '/broker/api/index.html']) {
      const page = await get(path);
      assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
      const text = page.body as string;
      for (const { path: each } of ALL_RESOURCES) assert.ok(text.includes(`<code>${pathTemplate(each)}</code>`), each);
      // It shows without anything from elsewhere, and all its links lead somewhere.
      assert.doesNotMatch(text, /<script|src=|https?:/);
      for (const [, id] of text.matchAll(/href="#(\w+)"/g)) assert.ok(text.includes(`id="${id}"`), id);
    }
  });
});

/** The fields of an answer that its schema has no place for. */
function unnamed(schemaName: string, answer: unknown, path: string): string[] {
  const items = Array.isArray(answer) ? answer : ((answer as { items?: unknown[] }).items ?? [answer]);
  const { properties = {} } = document.components.schemas[schemaName] as { properties?: object };
  if (Object.keys(properties).length === 0) return [];
  const fields = items.flatMap((item) => Object.keys(item as object));
  return [...new Set(fields)].filter((field) => !Object.hasOwn(properties, field)).map((field) => `${path}: ${field}`);
}
