import type { Command } from '../command.ts';
import { clientCommands } from './clients.ts';
import { definitionCommands } from './definitions.ts';
import { helpCommands } from './help.ts';
import { listingCommands } from './listings.ts';
import { parameterCommands } from './parameters.ts';
import { permissionCommands } from './permissions.ts';
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
  ...definitionCommands,
].sort((one, other) => (one.name < other.name ? -1 : 1));
