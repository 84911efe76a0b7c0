/** /api/policies and /api/operator-policies. */
import type { Change, JsonValue, PolicyRecord } from '../../metadata/port.ts';
import { inactiveKeys, type PolicyKind } from '../../policies/policy-keys.ts';
import { PolicyError, readPolicy } from '../../policies/policy-reading.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import { applied } from '../changes.ts';
import type { JsonView } from '../listing.ts';
import { listOf, one } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  byName,
  CREATED,
  listed,
  NO_CONTENT,
  type Resource,
  shown,
  vhostOf,
  vhostOfChange,
} from '../resource.ts';

export const policyResources: readonly Resource[] = [
  ...resourcesOf('policy', '/api/policies'),
  ...resourcesOf('operator-policy', '/api/operator-policies'),
];

function resourcesOf(kind: PolicyKind, path: string): readonly Resource[] {
  const what = kind === 'policy' ? 'policies' : 'operator policies, which policies cannot go beyond';
  return [
    {
      path,
      docs: { GET: { text: `All ${what}.`, gives: listOf('Policy') } },
      requires: 'management',
      GET: (request) => {
        const { caller } = request;
        return list(
          request,
          policiesOf(request, kind).filter(({ vhost }) => caller.sees(vhost)),
        );
      },
    },
    {
      path: `${path}/:vhost`,
      docs: { GET: { text: 'Those of a vhost.', gives: listOf('Policy') } },
      requires: 'management',
      inVhost: true,
      GET: (request) => {
        const { name } = vhostOf(request);
        return list(
          request,
          policiesOf(request, kind).filter(({ vhost }) => vhost === name),
        );
      },
    },
    {
      path: `${path}/:vhost/:name`,
      docs: {
        GET: { text: 'One of them.', gives: one('Policy') },
        PUT: { text: 'Sets it; it applies at once to what is there.', takes: 'NewPolicy' },
        DELETE: { text: 'Clears it.' },
      },
      requires: 'policymaker',
      ...(kind === 'policy' ? {} : { requiresToChange: 'administrator' as const }),
      inVhost: true,
      refusal: 'User not authorised to access object',
      GET: (request) => shown(request, policyView(existing(request, kind))),
      PUT: (request) => put(request, kind),
      DELETE: (request) => remove(request, kind),
    },
  ];
}

function policiesOf({ sources }: ApiRequest, kind: PolicyKind): PolicyRecord[] {
  const { policies, operatorPolicies } = sources.context.metadata.snapshot();
  return [...(kind === 'policy' ? policies : operatorPolicies)];
}

function list(request: ApiRequest, policies: PolicyRecord[]): Promise<Answer> {
  return listed(request, byName(policies), policyView);
}

/** Beside what RabbitMQ shows, the keys that this version keeps without acting upon them, if there are some. */
function policyView({ vhost, name, pattern, applyTo, definition, priority }: PolicyRecord): JsonView {
  const inactive = inactiveKeys(definition);
  const notActive = inactive.length === 0 ? {} : { not_active: inactive };
  return { vhost, name, pattern, 'apply-to': applyTo, definition, priority, ...notActive };
}

function find(request: ApiRequest, kind: PolicyKind): PolicyRecord | undefined {
  const [wanted, name] = [request.param('vhost'), request.param('name')];
  return policiesOf(request, kind).find((policy) => policy.vhost === wanted && policy.name === name);
}

/** @throws ApiError 404 */
function existing(request: ApiRequest, kind: PolicyKind): PolicyRecord {
  const policy = find(request, kind);
  if (policy === undefined) throw objectNotFound();
  return policy;
}

async function put(request: ApiRequest, kind: PolicyKind): Promise<Answer> {
  vhostOfChange(request);
  request.body.require('pattern', 'definition');
  const isNew = find(request, kind) === undefined;
  const policy = readBody(request, kind);
  await change(request, kind === 'policy' ? { kind: 'put-policy', policy } : { kind: 'put-operator-policy', policy });
  return isNew ? CREATED : NO_CONTENT;
}

/** @throws ApiError 400 with all that is wrong with it */
function readBody({ body, param }: ApiRequest, kind: PolicyKind): PolicyRecord {
  const given = (name: string) => body.value(name) as JsonValue;
  try {
    return readPolicy(
      kind,
      { vhost: param('vhost'), name: param('name') },
      {
        pattern: given('pattern'),
        definition: given('definition'),
        'apply-to': given('apply-to'),
        priority: given('priority'),
      },
    );
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw badRequest(kind === 'policy' ? escapedTags(error.message) : error.message);
  }
}

/** RabbitMQ does so for policies, because browsers may show it, and not for those of operators. */
function escapedTags(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

async function remove(request: ApiRequest, kind: PolicyKind): Promise<Answer> {
  const { vhost, name } = existing(request, kind);
  await change(request, { kind: kind === 'policy' ? 'delete-policy' : 'delete-operator-policy', vhost, name });
  return NO_CONTENT;
}

function change({ sources }: ApiRequest, made: Change): Promise<void> {
  return applied(sources.context.metadata, [made]);
}
