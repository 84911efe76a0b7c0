import type { Resource } from '../resource.ts';
import { bindingResources } from './bindings.ts';
import { connectionResources } from './connections.ts';
import { definitionResources } from './definitions.ts';
import { delayedResources } from './delayed.ts';
import { exchangeResources } from './exchanges.ts';
import { healthResources } from './health.ts';
import { loginResources } from './logins.ts';
import { nodeResources } from './nodes.ts';
import { operateResources } from './operate.ts';
import { operateDiagnosticResources } from './operate-diagnostics.ts';
import { operateLogResources } from './operate-log.ts';
import { operateNodeResources } from './operate-node.ts';
import { overviewResources } from './overview.ts';
import { parameterResources } from './parameters.ts';
import { permissionResources } from './permissions.ts';
import { policyResources } from './policies.ts';
import { queueResources } from './queues.ts';
import { referenceResources } from './reference.ts';
import { userResources } from './users.ts';
import { vhostResources } from './vhosts.ts';

/** Every path of the API. Of two that fit a request, the first here is taken. */
export const ALL_RESOURCES: readonly Resource[] = [
  ...referenceResources(() => ALL_RESOURCES),
  ...overviewResources,
  ...nodeResources,
  ...loginResources,
  ...vhostResources,
  ...userResources,
  ...permissionResources,
  ...exchangeResources,
  ...delayedResources,
  ...queueResources,
  ...bindingResources,
  ...parameterResources,
  ...policyResources,
  ...definitionResources,
  ...connectionResources,
  ...healthResources,
  ...operateResources,
  ...operateNodeResources,
  ...operateLogResources,
  ...operateDiagnosticResources,
];
