/** An output of the log: lines become messages to `amq.rabbitmq.log`, with their level as the routing key. Form: RabbitMQ's. */
import type { LogOutput } from '../runtime/log.ts';
import { formatted } from '../runtime/log-format.ts';
import type { ExchangeLogOptions } from '../runtime/log-options.ts';
import type { InternalPublisher } from './internal-publisher.ts';

export const LOG_EXCHANGE = 'amq.rabbitmq.log';

export function logExchange(
  { level = 'info', formatter = 'plaintext' }: ExchangeLogOptions,
  publisher: InternalPublisher,
  vhost: string,
  nodeName: string,
): LogOutput {
  const contentType = formatter === 'json' ? 'application/json' : 'text/plain';
  const headers = new Map([['node', { type: 'S', value: nodeName }]] as const);
  return {
    level,
    write(entry) {
      // What is said of a line on its way would be the next line.
      if (publisher.isPublishing || !publisher.isHeard(vhost, LOG_EXCHANGE)) return;
      publisher.publish({
        vhost,
        exchange: LOG_EXCHANGE,
        routingKey: entry.level,
        properties: { contentType, headers, timestamp: Math.floor(entry.atMs / 1000) },
        body: Buffer.from(formatted(entry, formatter)),
      });
    },
  };
}
