/** The reference as an OpenAPI 3.1 document, out of what the resources say of themselves. */
import { RABBITMQ_VERSION, VERSION } from '../../version.ts';
import { type HttpMethod, METHODS, type Resource } from '../resource.ts';
import { type Doc, type Given, OF_LISTS, OF_OBJECTS, OF_PAGES, QUERY_PARAMETERS, type QueryParameter } from './doc.ts';
import { COUNT, list, object, ref, type Schema } from './schema.ts';
import { SCHEMAS } from './schemas.ts';

/** Names in paths: what they stand for. A slash in one of them is written `%2F`. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  component: 'A component of the broker, such as `vhost-limits`.',
  destination: 'The name of a queue or an exchange.',
  exchange: 'The name of an exchange; the default one is `amq.default`.',
  family: '`ipv4` or `ipv6`.',
  filter: 'A part of their names.',
  hostname: 'The name of a host.',
  id: 'The `id` of a message that waits.',
  kind: '`q`: the destination is a queue; `e`: it is an exchange.',
  limit: 'The name of a limit.',
  name: 'Its name.',
  node: 'The name of a node.',
  port: 'A port.',
  props: 'The `properties_key` of a binding.',
  protocol: 'A protocol.',
  queue: 'The name of a queue.',
  seconds: 'A number of seconds.',
  source: 'The name of an exchange.',
  unit: '`days`, `weeks`, `months` or `years`.',
  user: 'The name of a user.',
  vhost: 'The name of a vhost: `/` is written `%2F`.',
  within: 'How many of them.',
};

const INTRODUCTION = [
  `The HTTP API of RabbitMQ ${RABBITMQ_VERSION}'s management plugin, as Leveret serves it.`,
  'Bodies are JSON. Names in paths are percent-encoded: the vhost `/` is `%2F`.',
].join(' ');

const DESCRIBED = {
  '400': 'It makes no sense.',
  '401': 'The caller is nobody, or may not.',
  '404': 'There is no such thing.',
};
type Refusal = keyof typeof DESCRIBED;

/** @param prefix in front of all paths, such as `/broker`; empty: none */
export function openApiDocument(resources: readonly Resource[], prefix = ''): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Leveret HTTP API', version: VERSION, description: INTRODUCTION },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    security: [{ basic: [] }],
    tags: [...new Set(resources.map(groupOf))].map((name) => ({ name })),
    paths: Object.fromEntries(resources.map((resource) => [pathTemplate(resource.path), pathItem(resource)])),
    components: {
      schemas: SCHEMAS,
      responses: Object.fromEntries(Object.entries(DESCRIBED).map(([code, text]) => [code, refusal(text)])),
      securitySchemes: { basic: { type: 'http', scheme: 'basic' } },
    },
  };
}

/** `:vhost` is `{vhost}`; what it has to look like is told elsewhere. */
export function pathTemplate(path: string): string {
  return path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
}

function groupOf({ path }: Resource): string {
  return path.split('/')[2] ?? 'api';
}

function refusal(description: string): object {
  return { description, content: { 'application/json': { schema: ref('Error') } } };
}

function pathItem(resource: Resource): object {
  const methods = METHODS.filter((method) => resource[method] !== undefined);
  return {
    parameters: [...resource.path.matchAll(/:(\w+)(?:\{([^}]*)\})?/g)].map(([, name, pattern]) =>
      pathParameter(name!, pattern),
    ),
    ...Object.fromEntries(methods.map((method) => [method.toLowerCase(), operation(resource, method)])),
  };
}

function pathParameter(name: string, pattern: string | undefined): object {
  const schema = { type: 'string', ...(pattern === undefined ? {} : { pattern: `^${pattern}$` }) };
  return { name, in: 'path', required: true, description: PATH_PARAMETERS[name] ?? '', schema };
}

function operation(resource: Resource, method: HttpMethod): object {
  const doc = resource.docs[method] ?? { text: '' };
  const requires = requirementOf(resource, method);
  const isOpen = requires === 'nobody';
  return {
    tags: [groupOf(resource)],
    summary: doc.text,
    operationId: operationId(resource.path, method),
    ...(isOpen ? { security: [] } : { description: `Needs the tag \`${requires}\`, or one that includes it.` }),
    'x-requires': requires,
    parameters: queryOf(doc).map(queryParameter),
    ...(doc.takes === undefined ? {} : { requestBody: bodyOf(resource, ref(doc.takes)) }),
    responses: { ...answers(resource, method, doc), ...refusals(resource, method, isOpen) },
  };
}

/** The tag that a caller must have. */
export function requirementOf({ requires, requiresToChange }: Resource, method: HttpMethod): Resource['requires'] {
  return method === 'GET' ? requires : (requiresToChange ?? requires);
}

/** `getQueuesVhostQueue` */
function operationId(path: string, method: HttpMethod): string {
  const words = path.split(/[^a-zA-Z]+/).slice(2);
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

function queryOf({ gives, query = [] }: Doc): readonly QueryParameter[] {
  const ofShape = { one: OF_OBJECTS, list: OF_LISTS, page: OF_PAGES };
  return [...(gives === undefined ? [] : ofShape[gives.as]), ...query];
}

function queryParameter(name: QueryParameter): object {
  return { name, in: 'query', description: QUERY_PARAMETERS[name], schema: { type: 'string' } };
}

function bodyOf({ takesForm }: Resource, schema: Schema): object {
  const type = takesForm === true ? 'application/x-www-form-urlencoded' : 'application/json';
  return { content: { [type]: { schema } } };
}

function answers(resource: Resource, method: HttpMethod, { gives, mayFail }: Doc): object {
  if (gives === undefined && resource.isPage !== true) {
    const isNew = method === 'PUT' || resource.path.startsWith('/api/bindings');
    const made = isNew && method !== 'DELETE' ? { '201': { description: 'It is new.' } } : {};
    return { ...made, '204': { description: 'It is done.' } };
  }
  const type = resource.isPage === true ? 'text/html' : 'application/json';
  const content = { [type]: { schema: gives === undefined ? { type: 'string' } : schemaOf(gives) } };
  const failing = mayFail === true ? { '503': { description: 'It is not well.', content } } : {};
  return { '200': { description: 'What was asked for.', content }, ...failing };
}

export function schemaOf({ schema, as }: Given): Schema {
  if (as === 'one') return ref(schema);
  const all = list(ref(schema));
  if (as === 'list') return all;
  const counts = ['filtered_count', 'item_count', 'page', 'page_count', 'page_size', 'total_count'];
  return { oneOf: [all, object({ ...Object.fromEntries(counts.map((name) => [name, COUNT])), items: all })] };
}

function refusals(resource: Resource, method: HttpMethod, isOpen: boolean): object {
  const codes: Refusal[] = [];
  if (method !== 'DELETE' && (method !== 'GET' || resource.docs.GET?.gives?.as === 'page')) codes.push('400');
  if (!isOpen || method === 'POST') codes.push('401');
  if (resource.path.includes(':')) codes.push('404');
  return Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/responses/${code}` }]));
}
