import type { Applied, Change, Follower, MetadataSnapshot, MetadataStore, ProposalLine } from './port.ts';

/** A store as one user has it: what is proposed is known to have been asked for by that user. */
export class ActingStore implements MetadataStore {
  readonly #store: MetadataStore;
  readonly #user: string;

  constructor(store: MetadataStore, user: string) {
    this.#store = store;
    this.#user = user;
  }

  get nodeId(): string {
    return this.#store.nodeId;
  }

  get clusterName(): string {
    return this.#store.clusterName;
  }

  snapshot(): MetadataSnapshot {
    return this.#store.snapshot();
  }

  propose(changes: readonly Change[], applied: Applied, by = this.#user, line?: ProposalLine): void {
    this.#store.propose(changes, applied, by, line);
  }

  follow(apply: Follower): () => void {
    return this.#store.follow(apply);
  }

  allocateQueueId(): number {
    return this.#store.allocateQueueId();
  }

  /** The store is not this one's to close. */
  close(): void {}
}
