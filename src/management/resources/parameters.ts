/** /api/parameters, /api/global-parameters, the limits of vhosts and the name of the cluster. */
import { OPERATOR_POLICY } from '../../metadata/definitions.ts';
import type { GlobalParameterRecord, JsonValue, ParameterRecord, PolicyRecord } from '../../metadata/port.ts';
import { withoutUriSecrets, withUriSecrets } from '../../metadata/uri-secrets.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { applied } from '../changes.ts';
import type { JsonView } from '../listing.ts';
import { listOf, one } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  byName,
  CREATED,
  checkVhost,
  listed,
  NO_CONTENT,
  type Resource,
  shown,
  vhostOfChange,
  visibleVhosts,
} from '../resource.ts';

const VHOST_LIMITS = 'vhost-limits';
const LIMITS = 'limits';
const POLICY = 'policy';
const VHOST_LIMIT_NAMES = ['max-connections', 'max-queues'];
const CLUSTER_NAME = 'cluster_name';

export const parameterResources: readonly Resource[] = [
  {
    path: '/api/parameters',
    docs: { GET: { text: 'All parameters of vhosts.', gives: listOf('Parameter') } },
    requires: 'policymaker',
    GET: (request) => list(request, visibleParameters(request)),
  },
  {
    path: '/api/parameters/:component',
    docs: { GET: { text: 'Those of a component.', gives: listOf('Parameter') } },
    requires: 'policymaker',
    GET: (request) => list(request, ofComponent(request)),
  },
  {
    path: '/api/parameters/:component/:vhost',
    docs: { GET: { text: 'Those of a component in a vhost.', gives: listOf('Parameter') } },
    requires: 'policymaker',
    inVhost: true,
    refusal: 'User not authorised to access object',
    GET: (request) => {
      const vhost = request.param('vhost');
      return list(
        request,
        ofComponent(request).filter((parameter) => parameter.vhost === vhost),
      );
    },
  },
  {
    path: '/api/parameters/:component/:vhost/:name',
    docs: {
      GET: { text: 'A parameter.', gives: one('Parameter') },
      PUT: { text: 'Sets it.', takes: 'NewParameter' },
      DELETE: { text: 'Clears it.' },
    },
    requires: 'policymaker',
    inVhost: true,
    refusal: 'User not authorised to access object',
    GET: (request) => shown(request, parameterView(request, parameterOf(request))),
    PUT: put,
    DELETE: remove,
  },
  {
    path: '/api/global-parameters',
    docs: { GET: { text: 'Parameters of the whole cluster.', gives: listOf('GlobalParameter') } },
    requires: 'policymaker',
    GET: (request) =>
      listed(request, globalParameters(request), (parameter) => globalParameterView(request, parameter)),
  },
  {
    path: '/api/global-parameters/:name',
    docs: {
      GET: { text: 'One of them.', gives: one('GlobalParameter') },
      PUT: { text: 'Sets it.', takes: 'NewParameter' },
      DELETE: { text: 'Clears it.' },
    },
    requires: 'policymaker',
    GET: (request) => shown(request, globalParameterView(request, globalParameterOf(request))),
    PUT: putGlobal,
    DELETE: removeGlobal,
  },
  {
    path: '/api/cluster-name',
    docs: {
      GET: { text: 'The name of the cluster.', gives: one('ClusterName') },
      PUT: { text: 'Gives it another one.', takes: 'ClusterName' },
    },
    requires: 'management',
    requiresToChange: 'administrator',
    GET: (request) => shown(request, { name: request.sources.context.metadata.clusterName }),
    PUT: putClusterName,
  },
  {
    path: '/api/vhost-limits',
    docs: { GET: { text: 'The limits of all vhosts that have some.', gives: listOf('VhostLimits') } },
    requires: 'management',
    GET: listLimits,
  },
  {
    path: '/api/vhost-limits/:vhost',
    docs: { GET: { text: 'Those of one.', gives: listOf('VhostLimits') } },
    requires: 'management',
    GET: (request) => {
      if (!request.caller.is('monitoring')) checkVhost(request, 'GET');
      else if (request.sources.vhosts.get(request.param('vhost')) === undefined) throw objectNotFound();
      return listed(request, limitsOf(request, [request.param('vhost')]), limitsView);
    },
  },
  {
    path: '/api/vhost-limits/:vhost/:limit',
    docs: {
      PUT: { text: 'Sets `max-connections` or `max-queues`.', takes: 'NewLimit' },
      DELETE: { text: 'Clears it.' },
    },
    requires: 'administrator',
    PUT: putLimit,
    DELETE: removeLimit,
  },
];

// --- parameters of a vhost ---

/** In RabbitMQ policies are parameters, too. Those of operators are listed with the others, all others where they are asked for. */
function visibleParameters({ sources, caller }: ApiRequest, ofPolicies = false): ParameterRecord[] {
  const { parameters, policies, operatorPolicies } = sources.context.metadata.snapshot();
  const all = [
    ...parameters,
    ...operatorPolicies.map((policy) => policyParameter(OPERATOR_POLICY, policy)),
    ...(ofPolicies ? policies.map((policy) => policyParameter(POLICY, policy)) : []),
  ];
  return all.filter(({ vhost }) => caller.sees(vhost));
}

function policyParameter(component: string, policy: PolicyRecord): ParameterRecord {
  const { vhost, name, pattern, definition, priority, applyTo } = policy;
  return { vhost, component, name, value: { pattern, definition, priority, 'apply-to': applyTo } };
}

function ofComponent(request: ApiRequest): ParameterRecord[] {
  const wanted = request.param('component');
  return visibleParameters(request, wanted === POLICY).filter(({ component }) => component === wanted);
}

function list(request: ApiRequest, parameters: ParameterRecord[]): Promise<Answer> {
  return listed(request, byName(parameters), (parameter) => parameterView(request, parameter));
}

function parameterView(request: ApiRequest, { value, vhost, component, name }: ParameterRecord): JsonView {
  return { value: shownValue(request, value), vhost, component, name };
}

/** The operator at the control socket sees passwords: a backup has to hold them. Nobody does over the network. */
function shownValue({ caller }: ApiRequest, value: JsonValue): JsonValue {
  return caller.isOperator ? value : withoutUriSecrets(value);
}

/** Those have a path of their own, which checks them, and who may set them. @throws ApiError 400 */
function refusePolicies(component: string): void {
  if (component === POLICY || component === OPERATOR_POLICY)
    throw badRequest('policies may not be set using this method');
}

/** @throws ApiError 404 */
function parameterOf(request: ApiRequest): ParameterRecord {
  const [vhost, name] = [request.param('vhost'), request.param('name')];
  const found = ofComponent(request).find((parameter) => parameter.vhost === vhost && parameter.name === name);
  if (found === undefined) throw objectNotFound();
  return found;
}

/** What nothing here acts upon would look as if it were set. */
async function put(request: ApiRequest): Promise<Answer> {
  const { body } = request;
  const component = request.param('component');
  body.require('value');
  const vhost = vhostOfChange(request).name;
  refusePolicies(component);
  if (component !== VHOST_LIMITS || request.param('name') !== LIMITS) {
    throw badRequest(`Validation failed\n\ncomponent ${component} not found\n`);
  }
  const value = body.value('value');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('Validation failed\n\nlimits should be an object\n');
  }
  for (const [limit, count] of Object.entries(value)) checkLimit(limit, count);
  const isNew = findLimits(request, vhost) === undefined;
  await putLimits(request, vhost, value as Record<string, number>);
  return isNew ? CREATED : NO_CONTENT;
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { vhost, component, name } = parameterOf(request);
  refusePolicies(component);
  await applied(request.sources.context.metadata, [{ kind: 'delete-parameter', vhost, component, name }]);
  return NO_CONTENT;
}

// --- global parameters ---

function globalParameters({ sources }: ApiRequest): GlobalParameterRecord[] {
  return byName([...sources.context.metadata.snapshot().globalParameters]);
}

function globalParameterView(request: ApiRequest, { name, value }: GlobalParameterRecord): JsonView {
  return { name, value: shownValue(request, value) };
}

function findGlobal(request: ApiRequest): GlobalParameterRecord | undefined {
  return globalParameters(request).find(({ name }) => name === request.param('name'));
}

/** @throws ApiError 404 */
function globalParameterOf(request: ApiRequest): GlobalParameterRecord {
  const found = findGlobal(request);
  if (found === undefined) throw objectNotFound();
  return found;
}

async function putGlobal(request: ApiRequest): Promise<Answer> {
  const { sources, body } = request;
  body.require('value');
  const before = findGlobal(request);
  const isNew = before === undefined;
  const value = withUriSecrets(body.value('value') as JsonValue, before?.value, 'value');
  const parameter = { name: request.param('name'), value };
  await applied(sources.context.metadata, [{ kind: 'put-global-parameter', parameter }]);
  return isNew ? CREATED : NO_CONTENT;
}

async function removeGlobal(request: ApiRequest): Promise<Answer> {
  const { name } = globalParameterOf(request);
  await applied(request.sources.context.metadata, [{ kind: 'delete-global-parameter', name }]);
  return NO_CONTENT;
}

async function putClusterName({ sources, body }: ApiRequest): Promise<Answer> {
  body.require('name');
  const parameter = { name: CLUSTER_NAME, value: body.text('name') };
  await applied(sources.context.metadata, [{ kind: 'put-global-parameter', parameter }]);
  return NO_CONTENT;
}

// --- limits of a vhost ---

function listLimits(request: ApiRequest): Promise<Answer> {
  const { sources, caller } = request;
  const all = caller.is('monitoring') ? [...sources.vhosts.all()] : visibleVhosts(request);
  return listed(
    request,
    limitsOf(
      request,
      all.map(({ name }) => name),
    ),
    limitsView,
  );
}

function limitsOf({ sources }: ApiRequest, vhosts: readonly string[]): ParameterRecord[] {
  const { parameters } = sources.context.metadata.snapshot();
  return parameters.filter(({ vhost, component, name }) => {
    return component === VHOST_LIMITS && name === LIMITS && vhosts.includes(vhost);
  });
}

function findLimits(request: ApiRequest, vhost: string): ParameterRecord | undefined {
  return limitsOf(request, [vhost])[0];
}

function limitsView({ vhost, value }: ParameterRecord): JsonView {
  return { vhost, value };
}

async function putLimit(request: ApiRequest): Promise<Answer> {
  const { body } = request;
  const limit = request.param('limit');
  body.require('value');
  const vhost = vhostOfChange(request).name;
  const value = body.value('value');
  checkLimit(limit, value);
  await putLimits(request, vhost, { ...currentLimits(request, vhost), [limit]: value as number });
  return NO_CONTENT;
}

async function removeLimit(request: ApiRequest): Promise<Answer> {
  const vhost = request.param('vhost');
  if (request.sources.vhosts.get(vhost) === undefined) throw objectNotFound();
  const { [request.param('limit')]: _, ...rest } = currentLimits(request, vhost);
  const isLast = Object.keys(rest).length === 0;
  if (isLast) {
    const change = { kind: 'delete-parameter', vhost, component: VHOST_LIMITS, name: LIMITS } as const;
    await applied(request.sources.context.metadata, [change]);
  } else await putLimits(request, vhost, rest);
  return NO_CONTENT;
}

/** @throws ApiError 400 with RabbitMQ's texts */
function checkLimit(limit: string, value: unknown): void {
  const shownValue = JSON.stringify(value);
  if (!VHOST_LIMIT_NAMES.includes(limit)) {
    throw badRequest(`Validation failed\n\nUnrecognised terms [{<<"${limit}">>,${shownValue}}] in limits\n`);
  }
  if (typeof value === 'number' && Number.isSafeInteger(value)) return;
  throw badRequest(`Validation failed\n\n${limit} should be a number, actually was <<${shownValue}>>\n`);
}

function currentLimits(request: ApiRequest, vhost: string): Record<string, number> {
  return { ...(findLimits(request, vhost)?.value as Record<string, number> | undefined) };
}

function putLimits({ sources }: ApiRequest, vhost: string, value: Record<string, number>): Promise<void> {
  const parameter = { vhost, component: VHOST_LIMITS, name: LIMITS, value };
  return applied(sources.context.metadata, [{ kind: 'put-parameter', parameter }]);
}
