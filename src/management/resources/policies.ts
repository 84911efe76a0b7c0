/** /api/policies and /api/operator-policies. The broker applies none yet: there are none to be seen, and none can be set. */
import { badRequest, objectNotFound } from '../api-error.ts';
import { listed, type Resource } from '../resource.ts';

const REFUSAL = 'this version has no policies yet; set arguments at the queues and exchanges instead';

export const policyResources: readonly Resource[] = ['policies', 'operator-policies'].flatMap((kind) => [
  { path: `/api/${kind}`, requires: 'management', GET: (request) => listed(request, [], () => ({})) },
  {
    path: `/api/${kind}/:vhost`,
    requires: 'management',
    inVhost: true,
    GET: (request) => listed(request, [], () => ({})),
  },
  {
    path: `/api/${kind}/:vhost/:name`,
    requires: 'policymaker',
    ...(kind === 'policies' ? {} : { requiresToChange: 'administrator' as const }),
    inVhost: true,
    refusal: 'User not authorised to access object',
    GET: () => {
      throw objectNotFound();
    },
    PUT: ({ body }) => {
      body.require('pattern', 'definition');
      throw badRequest(REFUSAL);
    },
    DELETE: () => {
      throw objectNotFound();
    },
  },
]);
