/** /api/definitions: everything that is declared as one JSON document, out and in. */
import { DefinitionsError } from '../../metadata/definition-fields.ts';
import { type DefinitionLists, writeDefinitions, writeVhostDefinitions } from '../../metadata/definitions-writer.ts';
import type { JsonObject } from '../../metadata/port.ts';
import { withoutUriSecrets } from '../../metadata/uri-secrets.ts';
import { RABBITMQ_VERSION, VERSION } from '../../version.ts';
import { checkedDefinitions, importDefinitions } from '../../vhost/definition-import.ts';
import { badRequest } from '../api-error.ts';
import type { JsonView } from '../listing.ts';
import { one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, NO_CONTENT, type Resource, shownLists, vhostOfChange } from '../resource.ts';

/** The lists that a document for one vhost may hold. */
const VHOST_LISTS = ['parameters', 'policies', 'queues', 'exchanges', 'bindings'];

export const definitionResources: readonly Resource[] = [
  {
    path: '/api/definitions',
    docs: {
      GET: {
        text: 'Everything that is declared, as one document; passwords as hashes.',
        gives: one('Definitions'),
        query: ['download'],
      },
      POST: {
        text: 'Takes such a document over, all of it or nothing; a browser may upload it as the field `file` of a form.',
        takes: 'Definitions',
      },
    },
    requires: 'administrator',
    GET: exportAll,
    POST: importAll,
  },
  // Its name of long ago, which RabbitMQ 3.10 still knows.
  {
    path: '/api/all-configuration',
    docs: {
      GET: { text: 'The same by its name of long ago.', gives: one('Definitions'), query: ['download'] },
      POST: { text: 'The same by its name of long ago.', takes: 'Definitions' },
    },
    requires: 'administrator',
    GET: exportAll,
    POST: importAll,
  },
  {
    path: '/api/definitions/:vhost',
    docs: {
      GET: { text: 'What is declared in a vhost, without its name.', gives: one('Definitions'), query: ['download'] },
      POST: { text: 'Takes such a document over into a vhost.', takes: 'Definitions' },
    },
    requires: 'administrator',
    GET: exportVhost,
    POST: importVhost,
  },
];

function exportAll(request: ApiRequest): Promise<Answer> {
  const versions = {
    rabbit_version: RABBITMQ_VERSION,
    rabbitmq_version: RABBITMQ_VERSION,
    product_name: 'Leveret',
    product_version: VERSION,
  };
  const definitions = writeDefinitions(request.sources.context.metadata.snapshot());
  return download(request, { ...versions, ...shownDefinitions(request, definitions) });
}

async function exportVhost(request: ApiRequest): Promise<Answer> {
  const vhost = request.param('vhost');
  if (request.sources.vhosts.get(vhost) === undefined) throw badRequest('vhost_not_found');
  const definitions = writeVhostDefinitions(request.sources.context.metadata.snapshot(), vhost);
  return download(request, { rabbit_version: RABBITMQ_VERSION, ...shownDefinitions(request, definitions) });
}

/** Passwords in URIs leave through the control socket alone; an import takes the masks for those that are there. */
function shownDefinitions({ caller }: ApiRequest, definitions: DefinitionLists): DefinitionLists {
  if (caller.isOperator) return definitions;
  const { parameters = [], global_parameters: globalParameters } = definitions;
  return {
    ...definitions,
    parameters: withoutSecrets(parameters),
    ...(globalParameters === undefined ? {} : { global_parameters: withoutSecrets(globalParameters) }),
  };
}

function* withoutSecrets(parameters: Iterable<object>): Iterable<object> {
  for (const parameter of parameters) yield withoutUriSecrets(parameter as JsonObject) as object;
}

/** A browser is told to keep it as a file, if the query names one. */
async function download(request: ApiRequest, definitions: JsonView): Promise<Answer> {
  const answer = await shownLists(request, definitions);
  const fileName = request.query('download')?.replace(/[^\w.-]/g, '_');
  return fileName === undefined ? answer : { ...answer, fileName };
}

async function importAll({ sources, body }: ApiRequest): Promise<Answer> {
  await imported(sources, body.all);
  return NO_CONTENT;
}

async function importVhost(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  const vhost = vhostOfChange(request).name;
  const lists = Object.entries(body.all).filter(([name]) => VHOST_LISTS.includes(name));
  const placed = lists.map(([name, list]) => [
    name,
    Array.isArray(list) ? list.map((each) => inVhost(each, vhost)) : list,
  ]);
  await imported(sources, Object.fromEntries(placed));
  return NO_CONTENT;
}

function inVhost(record: unknown, vhost: string): unknown {
  return typeof record === 'object' && record !== null ? { ...record, vhost } : record;
}

/** All of it or nothing. @throws ApiError 400 that says where and why it cannot be used */
async function imported(sources: ApiRequest['sources'], json: object): Promise<void> {
  try {
    const { slices, context } = sources;
    await importDefinitions(context.metadata, await slices.run(checkedDefinitions(json)), slices);
  } catch (error) {
    throw error instanceof DefinitionsError ? badRequest(error.message) : error;
  }
}
