/** An output of the log: lines become messages to `amq.rabbitmq.log`, with their level as the routing key. Form: RabbitMQ's. */
import { declareInternalTopic } from '../metadata/bootstrap.ts';
import type { MetadataStore } from '../metadata/port.ts';
import type { Logger, LogOutput } from '../runtime/log.ts';
import { formatted } from '../runtime/log-format.ts';
import type { ExchangeLogOptions } from '../runtime/log-options.ts';
import type { InternalPublisher } from './internal-publisher.ts';

const LOG_EXCHANGE = 'amq.rabbitmq.log';

export interface LogExchangePlace {
  readonly metadata: MetadataStore;
  readonly publisher: InternalPublisher;
  readonly vhost: string;
  readonly nodeName: string;
}

/** @returns the output that was added to the log. @throws MetadataError as propose() says */
export async function publishLog(
  log: Logger,
  options: ExchangeLogOptions,
  place: LogExchangePlace,
): Promise<LogOutput> {
  await declareInternalTopic(place.metadata, place.vhost, LOG_EXCHANGE, log);
  const output = exchangeOutput(options, place);
  log.add(output);
  return output;
}

function exchangeOutput(
  { level = 'info', formatter = 'plaintext' }: ExchangeLogOptions,
  { publisher, vhost, nodeName }: LogExchangePlace,
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
