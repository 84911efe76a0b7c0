/** What callers with each tag are asked for: which may, and which are refused with which words. */
import { call, type Method, message, put } from './api-calls.ts';
import type { ApiCall } from './http-client.ts';

const TAGS = ['management', 'policymaker', 'monitoring', 'administrator'];
/** What each of these users is asked; only status and reason of the answers count. */
const PATHS: readonly (readonly [Method, string, unknown?])[] = [
  ...[
    [
      'overview?columns=rates_mode',
      'nodes?columns=type',
      'cluster-name',
      'extensions?columns=x',
      'definitions?columns=x',
    ],
    ['definitions/tv?columns=x', 'connections', 'vhosts/tv/connections', 'channels', 'consumers', 'consumers/tv'],
    ['exchanges?columns=x', 'exchanges/tv?columns=x', 'exchanges/%2F?columns=x', 'exchanges/%2F/amq.direct?columns=x'],
    ['queues', 'queues/tv', 'queues/%2F?columns=x', 'bindings/tv', 'vhosts?columns=name', 'vhosts/tv?columns=name'],
    [
      'vhosts/tv/permissions?columns=x',
      'users?columns=x',
      'users/guest?columns=x',
      'users/guest/permissions?columns=x',
    ],
    ['user-limits', 'user-limits/guest', 'whoami', 'permissions?columns=x', 'permissions/tv/guest?columns=x'],
    ['topic-permissions', 'parameters?columns=x', 'parameters/vhost-limits?columns=x', 'parameters/vhost-limits/tv'],
    ['global-parameters?columns=x', 'policies', 'policies/tv', 'policies/tv/none', 'operator-policies/tv'],
    ['nodes/NODE/memory?columns=x', 'nodes/NODE/memory/relative?columns=x', 'nodes/NODE/memory/ets/nonesuch?columns=x'],
    ['auth/attempts/NODE?columns=x', 'auth/attempts/NODE/source?columns=x', 'feature-flags?columns=x'],
    ['healthchecks/node', 'all-configuration?columns=x', 'connections/username/guest', 'topic-permissions/tv/guest/x'],
    ['vhost-limits', 'vhost-limits/tv', 'vhost-limits/%2F', 'aliveness-test/tv', 'health/checks/alarms', 'nonesuch'],
  ]
    .flat()
    .map((path) => ['GET', path] as const),
  ['PUT', 'cluster-name', {}],
  ['PUT', 'exchanges/tv/xa', {}],
  ['PUT', 'exchanges/%2F/xa', {}],
  ['POST', 'exchanges/tv/amq.direct/publish', message],
  ['POST', 'exchanges/%2F/amq.direct/publish', message],
  ['PUT', 'queues/tv/qa', {}],
  ['DELETE', 'queues/tv/none'],
  ['POST', 'queues/tv/none/get', {}],
  ['POST', 'bindings/tv/e/amq.direct/e/amq.fanout', {}],
  ['PUT', 'vhosts/zz', '{bad'],
  ['PUT', 'users/zz', {}],
  ['PUT', 'permissions/tv/guest', {}],
  ['PUT', 'topic-permissions/tv/guest', {}],
  ['PUT', 'user-limits/guest/max-channels', {}],
  ['PUT', 'parameters/foo/tv/x', {}],
  ['PUT', 'global-parameters/xx', {}],
  ['PUT', 'policies/tv/x', {}],
  ['PUT', 'operator-policies/tv/x', {}],
  ['PUT', 'vhost-limits/tv/max-queues', {}],
  ['POST', 'users/bulk-delete', {}],
  ['POST', 'rebalance/queues', {}],
  ['POST', 'vhosts/tv/start/NODE', {}],
  ['POST', 'queues/tv/none/actions', {}],
  ['POST', 'queues/%2F/q1/actions', {}],
  ['PUT', 'feature-flags/quorum_queue/enable', {}],
  ['DELETE', 'reset'],
  ['DELETE', 'auth/attempts/NODE'],
  ['POST', 'definitions', {}],
];

/** Users of every tag, one of each with permissions in a vhost that allow nothing, and one without any. */
export const TAG_CALLS: readonly ApiCall[] = [
  put('vhosts/tv'),
  ...TAGS.flatMap((tag) => [
    put(`users/in-${tag}`, { password: 'p', tags: tag }),
    put(`users/out-${tag}`, { password: 'p', tags: tag }),
    put(`permissions/tv/in-${tag}`, { configure: '', write: '', read: '' }),
  ]),
  ...PATHS.flatMap(([method, path, body]) =>
    TAGS.flatMap((tag) =>
      ['in', 'out'].map((kind) => call(method, path, body, { user: `${kind}-${tag}:p`, compare: 'status' })),
    ),
  ),
];
