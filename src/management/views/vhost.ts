/** A vhost, as the API shows it. */
import type { VhostRecord } from '../../metadata/port.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import type { StatisticsWindows } from '../statistics.ts';

export function vhostView(sources: ManagementSources, record: VhostRecord): JsonView {
  const { name, description, tags, tracing, defaultQueueType = 'undefined' } = record;
  const isRunning = sources.vhosts.get(name) !== undefined;
  return {
    name,
    description,
    tags,
    default_queue_type: defaultQueueType,
    metadata: { description, tags },
    tracing,
    cluster_state: { [sources.nodeName]: isRunning ? 'running' : 'stopped' },
  };
}

/** With what is in it and what happens to it. */
export function vhostWithFiguresView(
  sources: ManagementSources,
  record: VhostRecord,
  windows: StatisticsWindows,
): JsonView {
  const view = vhostView(sources, record);
  const vhost = sources.vhosts.get(record.name);
  if (vhost === undefined) return view;
  const messages = sources.statistics.vhostMessages(vhost, windows);
  const lengths = sources.statistics.vhostLengths(vhost, windows);
  return { ...view, ...lengths, ...(messages === undefined ? {} : { message_stats: messages }) };
}
