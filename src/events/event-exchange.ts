/**
 * Events as messages: what comes and goes in the broker is published to the topic exchange `amq.rabbitmq.event`, in the form of
 * RabbitMQ's plugin of that name. The routing key says what has happened, the headers say to what; there is no body.
 *
 * An event is made only when the exchange has a binding.
 */
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import { tableTerms } from '../protocol/field-text.ts';
import type { InternalPublisher } from '../vhost/internal-publisher.ts';

export const EVENT_EXCHANGE = 'amq.rabbitmq.event';

export type Header = readonly [name: string, value: FieldValue];

export interface Event {
  /** `queue.created` */
  readonly key: string;
  readonly headers: readonly Header[];
}

/** Who did it, where nobody asked for it. */
const BROKER_ITSELF = 'rmq-internal';
const NO_BODY = Buffer.alloc(0);

export class EventExchange {
  readonly nodeName: string;
  readonly #publisher: InternalPublisher;
  readonly #vhost: string;
  readonly #nowMs: () => number;

  constructor(publisher: InternalPublisher, vhost: string, nodeName: string, nowMs: () => number) {
    this.#publisher = publisher;
    this.#vhost = vhost;
    this.nodeName = nodeName;
    this.#nowMs = nowMs;
  }

  get isHeard(): boolean {
    return this.#publisher.isHeard(this.#vhost, EVENT_EXCHANGE);
  }

  publish({ key, headers }: Event): void {
    const nowMs = this.#nowMs();
    this.#publisher.publish({
      vhost: this.#vhost,
      exchange: EVENT_EXCHANGE,
      routingKey: key,
      properties: {
        headers: new Map([...headers, number('timestamp_in_ms', nowMs)]),
        deliveryMode: 2,
        timestamp: Math.floor(nowMs / 1000),
      },
      body: NO_BODY,
    });
  }
}

export function text(name: string, value: string): Header {
  return [name, { type: 'S', value }];
}

export function number(name: string, value: number): Header {
  return [name, { type: 'l', value }];
}

export function flag(name: string, value: boolean): Header {
  return [name, { type: 't', value }];
}

export function texts(name: string, values: readonly string[]): Header {
  return [name, { type: 'A', value: values.map((value) => ({ type: 'S', value })) }];
}

/** A table, whose entries RabbitMQ prints as Erlang's terms. */
export function terms(name: string, table: FieldTable): Header {
  return texts(name, tableTerms(table));
}

export function by(user: string = BROKER_ITSELF): Header {
  return text('user_who_performed_action', user);
}
