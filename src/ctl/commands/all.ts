import type { Command } from '../command.ts';
import { helpCommands } from './help.ts';
import { userCommands } from './users.ts';

/** Every command, in the order in which help lists them within their groups. */
export const COMMANDS: readonly Command[] = [...helpCommands, ...userCommands].sort((one, other) =>
  one.name < other.name ? -1 : 1,
);
