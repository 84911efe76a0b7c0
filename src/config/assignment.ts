/** What sources say of settings, before any of it is read: files, variables and flags all come down to this. */
export interface Assignment {
  /** In the words of `rabbitmq.conf`. */
  readonly key: string;
  readonly value: string;
  /** Who says so: `FILE:LINE`, the name of a variable, or a flag. */
  readonly origin: string;
}

/** What is found out while sources are read. One fault does not hide the next. */
export class Findings {
  /** Each of them stops the start. */
  readonly faults: string[] = [];
  /** What is accepted, and then something else happens. */
  readonly notices: string[] = [];

  /** @throws AggregateError with an Error for each */
  assertNone(): void {
    if (this.faults.length > 0) throw new AggregateError(this.faults.map((fault) => new Error(fault)));
  }
}
