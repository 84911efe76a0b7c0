/** What recovery found comes back to the queues and delay lines that it belongs to. */
import type { Log } from '../runtime/log.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import type { MessageStore } from '../storage/message-store.ts';
import type { Vhost } from './vhost.ts';
import type { Vhosts } from './vhosts.ts';

/** @param delayFiles null for a broker in memory */
export function adoptRecovered(vhosts: Vhosts, store: MessageStore, delayFiles: DelayFiles | null, log: Log): void {
  for (const queue of vhosts.queues()) {
    const found = store.recovered.get(queue.id);
    const lost = found === undefined ? 0 : queue.adopt(found);
    if (lost === 0) continue;
    log.error('queue', `queue '${queue.name}' in vhost '${queue.vhost}': ${lost} messages are lost to damage`);
  }
  for (const vhost of vhosts.all()) if (hasDeadLetters(vhost, store, delayFiles)) vhost.openDeadLetterLine();
  delayFiles?.keepOnly(new Set([...vhosts.lines()].map(({ id }) => id)));
  for (const line of vhosts.lines()) {
    const lost = line.adopt(store.recovered.get(line.id));
    if (lost === 0) continue;
    const { name, vhost } = line;
    log.error('store', `exchange '${name}' in vhost '${vhost}': ${lost} delayed messages are lost to damage`);
  }
  for (const line of vhosts.lines()) line.adopted();
  store.recoveryTaken();
}

/** Whether any wait in the vhost. */
function hasDeadLetters({ lineId }: Vhost, store: MessageStore, delayFiles: DelayFiles | null): boolean {
  if (lineId === undefined || delayFiles === null) return false;
  return (store.recovered.get(lineId)?.messages.count ?? 0) > 0 || delayFiles.segmentsOf(lineId).length > 0;
}
