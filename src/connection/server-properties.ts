import { type FieldTable, fromPlain } from '../protocol/field-table.ts';
import { VERSION } from '../version.ts';

/** What connection.start says of the broker. Clients look for the capabilities, people for the rest. */
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
    platform: `Node.js ${process.versions.node}`,
    product: 'Leveret',
    version: VERSION,
  });
}
