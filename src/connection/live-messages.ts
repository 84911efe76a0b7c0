/** What is alive of the journal, for its checkpoints: what queues and delay lines hold, and what channels hold unacked. */
import type { QueueMarks } from '../storage/checkpoint.ts';
import type { LiveMessages } from '../storage/message-store.ts';
import type { Vhosts } from '../vhost/vhosts.ts';
import type { Connection } from './connection.ts';

type Visit = Parameters<LiveMessages['visitLive']>[1];

/** @param vhosts null as long as there are none */
export function liveMessages(vhosts: () => Vhosts | null, connections: Iterable<Connection>): LiveMessages {
  return {
    visitLive: (wanted, visit) => {
      for (const queue of vhosts()?.queues() ?? []) {
        queue.visitLive(wanted, (position, size, priority) => visit(queue.id, position, size, priority));
      }
      for (const line of vhosts()?.lines() ?? []) {
        line.visitLive(wanted, (position, size, priority) => visit(line.id, position, size, priority));
      }
      for (const connection of connections) visitUnacked(connection, visit);
    },
    marks: () => (vhosts() === null ? new Map() : marksOf(vhosts()!)),
  };
}

function visitUnacked({ channels }: Connection, visit: Visit): void {
  for (const { unacked } of channels.values()) {
    unacked.visit(({ queue }, position, size, lane) => {
      if (queue.durable && !queue.deleted) visit(queue.id, position, size, queue.priorityOfLane(lane));
    });
  }
}

function marksOf(vhosts: Vhosts): Map<number, QueueMarks> {
  const marks = new Map<number, QueueMarks>();
  for (const { id, durable, deliveredPosition, deliveryCounts, mayExpire, heads } of vhosts.queues()) {
    const any = deliveredPosition >= 0 || deliveryCounts.size > 0 || mayExpire;
    if (durable && any) marks.set(id, { deliveredPosition, deliveryCounts, mayExpire, heads });
  }
  for (const { id, durable, queueMarks } of vhosts.lines()) {
    const { deliveredPosition, deliveryCounts } = queueMarks;
    if (durable && (deliveredPosition >= 0 || deliveryCounts.size > 0)) marks.set(id, queueMarks);
  }
  return marks;
}
