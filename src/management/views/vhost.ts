/** A vhost, as the API shows it. */
import type { VhostRecord } from '../../metadata/port.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import type { StatisticsWindows } from '../statistics.ts';

export function vhostView(sources: ManagementSources, record: VhostRecord, windows: StatisticsWindows = {}): JsonView {
  const { name, description, tags, tracing, defaultQueueType = 'undefined' } = record;
  const vhost = sources.vhosts.get(name);
  const messages = vhost === undefined ? undefined : sources.statistics.vhostMessages(vhost, windows);
  return {
    name,
    description,
    tags,
    default_queue_type: defaultQueueType,
    metadata: { description, tags },
    tracing,
    cluster_state: { [sources.nodeName]: vhost === undefined ? 'stopped' : 'running' },
    ...(vhost === undefined ? {} : sources.statistics.vhostLengths(vhost, windows)),
    ...(messages === undefined ? {} : { message_stats: messages }),
  };
}
