/**
 * Names of connections and channels where RabbitMQ has those of the processes that they are: unlike the name of a connection, which
 * is its addresses, no two are ever the same. In the log `<0.17.0>`, in events `<leveret@host.1795657673.17.0>`.
 */
export class Pids {
  readonly #node: string;
  #last = 0;

  /** @param startedAtMs tells the lives of a node apart */
  constructor(nodeName: string, startedAtMs: number) {
    this.#node = `${nodeName}.${Math.floor(startedAtMs / 1000)}`;
  }

  next(): number {
    return ++this.#last;
  }

  full(pid: number): string {
    return `<${this.#node}.${pid}.0>`;
  }
}

export function shortPid(pid: number): string {
  return `<0.${pid}.0>`;
}
