/** The queues that a connection declared for itself alone: they go with it. */
import type { Queue } from '../queues/queue.ts';
import type { ConnectionContext } from './context.ts';

export class ExclusiveQueues {
  readonly #context: ConnectionContext;
  readonly #queues = new Set<Queue>();

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  add(queue: Queue): void {
    this.#queues.add(queue);
  }

  /**
   * All of them are one change of what is declared.
   * @param others whether other queues go with the connection, too
   * @param deleted called once all are gone
   */
  deleteAll(others: boolean, deleted: () => void): void {
    const queues = [...this.#queues].filter((queue) => !queue.deleted);
    this.#queues.clear();
    if (queues.length === 0 && !others) return deleted();
    const { metadata, log } = this.#context;
    const changes = queues.map(({ vhost, name }) => ({ kind: 'delete-queue', vhost, name }) as const);
    metadata.propose(changes, (error) => {
      if (error !== null) log.error('connection', `exclusive queues were not deleted: ${error.message}`);
      deleted();
    });
  }
}
