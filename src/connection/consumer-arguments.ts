/** What basic.consume may say of a consumer. Unknown arguments are taken, as RabbitMQ does. */
import { preconditionFailed } from '../protocol/errors.ts';
import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import type { Queue } from '../queues/queue.ts';

const INTEGER_TYPES = new Set<FieldValue['type']>(['b', 'B', 's', 'u', 'I', 'i', 'l', 'L']);

/** @throws AmqpError 406 with RabbitMQ's texts. */
export function readConsumerArguments(queue: Queue, args: FieldTable): { priority: number } {
  const refuse = (name: string, why: string) =>
    preconditionFailed(`invalid arg '${name}' for queue '${queue.name}' in vhost '${queue.vhost}'${why}`);
  const failover = args.get('x-cancel-on-ha-failover');
  if (failover !== undefined && failover.type !== 't') {
    throw refuse('x-cancel-on-ha-failover', `: {unacceptable_type,${fieldTypeName(failover)}}`);
  }
  if (args.has('x-stream-offset')) {
    const type = queue.countsDeliveries ? 'quorum' : 'classic';
    throw refuse('x-stream-offset', ` of queue type rabbit_${type}_queue`);
  }
  const priority = args.get('x-priority');
  if (priority === undefined) return { priority: 0 };
  if (!INTEGER_TYPES.has(priority.type)) {
    throw refuse('x-priority', `: "expected integer, got ${fieldTypeName(priority)}"`);
  }
  return { priority: Number((priority as { value: number | bigint }).value) };
}
