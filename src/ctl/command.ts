/**
 * What a command is. Commands are declared as data: the parser, help, completion and the page in docs/ are all made of the
 * declarations. To add a group, write a file like `commands/users.ts` and put its list into `commands/all.ts`.
 */
import type { OptionType, OptionValue } from './arguments.ts';
import type { BrokerClient } from './broker-client.ts';
import type { Listing } from './formatters/formatter.ts';

/** The headings of help and of the page, in their order. */
export const GROUPS = [
  'Help',
  'Nodes',
  'Cluster',
  'Replication',
  'Users',
  'Access control',
  'Monitoring and health checks',
  'Parameters',
  'Policies',
  'Virtual hosts',
  'Configuration',
  'Definitions',
  'Plugins',
  'Feature flags',
  'Operations',
  'Queues',
  'Delayed messages',
  'Upgrades',
  'Deprecated',
  'Not here',
] as const;
export type Group = (typeof GROUPS)[number];

export interface Command {
  readonly name: string;
  readonly group: Group;
  /** One line, without a full stop. */
  readonly text: string;
  /** What stands behind the name in the usage, in RabbitMQ's form. */
  readonly usage: string;
  /** How many positionals there are, at least and at most. */
  readonly positionals: readonly [min: number, max: number];
  /** Besides those that all commands have. */
  readonly options?: Readonly<Record<string, OptionType>>;
  readonly letters?: Readonly<Record<string, string>>;
  /** What the parts of the usage mean, in their order. */
  readonly explained?: readonly (readonly [part: string, text: string])[];
  /** The first of them are printed when none is chosen; the positionals choose. */
  readonly columns?: Columns;
  /** Seconds until it is given up, unless --timeout says otherwise; without it there is no end. */
  readonly timeoutSeconds?: number;
  /** It is RabbitMQ's, and not here: why, and what to use instead. Nothing else of it matters then. */
  readonly refusal?: string;
  /** For what only looks at its own arguments, such as `help`. */
  readonly needsNoBroker?: boolean;
  /** Checks what is not just a number of arguments. @throws ArgumentFailure */
  check?(call: Call): void | Promise<void>;
  /** Lines that say what is being done, before it is. */
  banner?(call: Call): string | undefined;
  run(call: RunningCall): Output | Promise<Output>;
}

export interface Columns {
  readonly byDefault: readonly string[];
  readonly all: readonly string[];
  /** So many positionals stand in front of them: none unless told. */
  readonly behind?: number;
}

/** Of what is printed for nobody but a program that looks at the exit code. */
export function isSilent({ options }: Pick<Call, 'options'>): boolean {
  return options.silent === true;
}

/** One use of a command. */
export interface Call {
  readonly command: Command;
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  /** --vhost, or `/`. */
  readonly vhost: string;
  /** Those that were chosen, or the usual ones. */
  readonly columns: readonly string[];
  /** --timeout, or that of the command. */
  readonly timeoutSeconds: number | undefined;
  /** Its words as they were given. */
  readonly words: readonly string[];
  /** The name that the program was called by. */
  readonly program: string;
  /** The node that it is for: NAME@HOST, or what was given in place of that. */
  readonly nodeName: string;
  readonly terminal: Terminal;
  /** All that there are. */
  readonly commands: readonly Command[];
}

export interface RunningCall extends Call {
  readonly broker: BrokerClient;
  /** Aborted when its time is over. */
  readonly signal: AbortSignal;
}

/** What is around the process; tests have their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export type Output =
  /** Nothing more is printed, unless JSON is asked for. */
  | { readonly kind: 'done' }
  /** One text for people: printed unless the command is told to be quiet. */
  | { readonly kind: 'message'; readonly text: string }
  /** A text that is the result. */
  | { readonly kind: 'text'; readonly text: string }
  /** A value, such as limits in JSON. */
  | { readonly kind: 'value'; readonly value: string }
  /** Octets, whatever the format is. */
  | { readonly kind: 'octets'; readonly octets: AsyncIterable<Uint8Array> }
  /** One thing: for people a text, unless it is null, and for programs JSON. */
  | Report
  | Listing;

export interface Report {
  readonly kind: 'report';
  readonly text: string | null;
  readonly json: object;
  /** As CSV, where that has columns. */
  readonly listing?: Listing;
}

export const DONE: Output = { kind: 'done' };
