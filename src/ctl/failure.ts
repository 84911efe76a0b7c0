/** Why a command has not done what it was asked for: an exit code of sysexits.h, which scripts look at, and a text. */

export const EXIT = {
  usage: 64,
  data: 65,
  noUser: 67,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  temporary: 75,
  noPermission: 77,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command. The text is all that is printed, to standard error. */
export class Failure extends Error {
  readonly exitCode: ExitCode;
  /** What is printed instead where JSON is asked for. */
  readonly json: object | undefined;
  /** Whether the command's usage is printed behind the text. */
  readonly showsUsage: boolean = false;

  /** @param text an empty one is not printed */
  constructor(exitCode: ExitCode, text: string, { json, ...options }: ErrorOptions & { json?: object } = {}) {
    super(text, options);
    this.name = 'Failure';
    this.exitCode = exitCode;
    this.json = json;
  }
}

/** Not while the node is as it is: running, or stopped. */
export class StateFailure extends Failure {
  override readonly showsUsage = true;

  constructor(program: string, needed: 'running' | 'stopped') {
    const [what, command] = needed === 'running' ? ['Start', 'start_app'] : ['Stop', 'stop_app'];
    const rule = `this command requires the 'rabbit' app to be ${needed} on the target node`;
    // The other tools of RabbitMQ have no such command.
    const tool = program === 'rabbitmqctl' ? program : 'leveretctl';
    super(EXIT.usage, `Error: ${rule}. ${what} it with '${tool} ${command}'.`);
  }
}

/** What was asked for makes no sense: nothing was done, and the command's usage is printed behind the text. */
export class ArgumentFailure extends Failure {
  override readonly showsUsage = true;

  constructor(exitCode: ExitCode, text: string) {
    super(exitCode, `Error (argument validation): ${text}`);
    this.name = 'ArgumentFailure';
  }
}

/** 65 for an argument that is no good. */
export function badArgument(text: string): ArgumentFailure {
  return new ArgumentFailure(EXIT.data, `Bad argument: ${text}`);
}

/** Most failures have a line of their own in front of the text. */
export function failed(exitCode: ExitCode, text: string): Failure {
  return new Failure(exitCode, `Error:\n${text}`);
}
