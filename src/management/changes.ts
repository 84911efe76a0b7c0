/** Changes of the metadata that are not declarations over AMQP: proposed, and done when this returns. */
import type { Change, MetadataStore } from '../metadata/port.ts';

/** @throws MetadataError as propose() says */
export function applied(metadata: MetadataStore, changes: readonly Change[]): Promise<void> {
  return new Promise((done, failed) => {
    metadata.propose(changes, (error) => (error === null ? done() : failed(error)));
  });
}
