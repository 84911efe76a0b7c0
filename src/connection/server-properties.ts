import { type FieldTable, fromPlain } from '../protocol/field-table.ts';
import { RABBITMQ_VERSION, VERSION } from '../version.ts';

/**
 * What connection.start says of the broker. Clients look for the capabilities, and some for product and version: kombu, and
 * with it Celery, takes any other product for one whose prefetch means what the specification says, and then its workers hang
 * over tasks with a countdown. So these two name what is spoken here, and `platform` who speaks it.
 */
export function serverProperties(clusterName: string): FieldTable {
  return fromPlain({
    capabilities: {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    },
    cluster_name: clusterName,
    copyright: 'Copyright the Leveret authors. Licensed under the Apache License 2.0.',
    information: 'Licensed under the Apache License 2.0.',
    platform: `Leveret ${VERSION} on Node.js ${process.versions.node}`,
    product: 'RabbitMQ',
    version: RABBITMQ_VERSION,
  });
}
