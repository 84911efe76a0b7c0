import type { Command } from '../command.ts';
import { checkCommands } from './checks.ts';
import { clientCommands } from './clients.ts';
import { clusterCommands } from './cluster.ts';
import { definitionCommands } from './definitions.ts';
import { delayedCommands } from './delayed.ts';
import { diagnosticCommands } from './diagnostics.ts';
import { eventCommands } from './events.ts';
import { helpCommands } from './help.ts';
import { listingCommands } from './listings.ts';
import { nodeLifeCommands } from './node-life.ts';
import { nodeStatusCommands } from './node-status.ts';
import { refusedCommands } from './not-here.ts';
import { operationCommands } from './operations.ts';
import { parameterCommands } from './parameters.ts';
import { permissionCommands } from './permissions.ts';
import { pluginCommands } from './plugins.ts';
import { policyCommands } from './policies.ts';
import { queueCommands } from './queues.ts';
import { userCommands } from './users.ts';
import { vhostCommands } from './vhosts.ts';

/** Every command, in the order in which help lists them within their groups. */
export const COMMANDS: readonly Command[] = [
  ...helpCommands,
  ...userCommands,
  ...permissionCommands,
  ...vhostCommands,
  ...policyCommands,
  ...parameterCommands,
  ...listingCommands,
  ...clientCommands,
  ...queueCommands,
  ...delayedCommands,
  ...definitionCommands,
  ...clusterCommands,
  ...checkCommands,
  ...diagnosticCommands,
  ...eventCommands,
  ...nodeLifeCommands,
  ...nodeStatusCommands,
  ...operationCommands,
  ...pluginCommands,
  ...refusedCommands,
].sort((one, other) => (one.name < other.name ? -1 : 1));
