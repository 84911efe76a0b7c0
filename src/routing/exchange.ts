import type { FieldTable } from '../protocol/field-table.ts';
import type { BindingTable } from './binding-table.ts';
import type { Destination, RoutableQueue } from './destination.ts';
import { createBindingTable, type ExchangeType, type RoutingType, routingTypeOf } from './exchange-types.ts';
import type { RandomSource } from './random.ts';

/** What exchange.declare says of an exchange. AMQP 0-9-1 1.6.2.1; `internal` is RabbitMQ's use of that bit. */
export interface ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly internal?: boolean;
  readonly arguments?: FieldTable;
  /** Where `x-random` and `x-local-random` draw from; `Math.random` unless given. */
  readonly random?: RandomSource;
}

/** What came to an exchange from publishers, and what they reached by it: counted from `collect_statistics` fine upwards. */
export class ExchangeFlow {
  publishedIn = 0;
  /** Once for each queue. */
  publishedOut = 0;
}

/** An exchange: what was declared, and the bindings that have it as their source. */
export class Exchange<Q extends RoutableQueue> implements Destination {
  readonly kind = 'exchange';
  /** Only a queue is held by one node. */
  readonly isLocal = false;
  lastRoute = 0;
  readonly name: string;
  readonly type: ExchangeType;
  /** The type that its bindings are of. */
  readonly routingType: RoutingType;
  /** Whether messages with a delay wait here before they are routed. */
  readonly delays: boolean;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: FieldTable;
  /**
   * The name of the exchange that takes what finds no destination here. The argument of the declaration to begin with;
   * whoever applies policies sets it anew (the argument wins over a policy).
   */
  alternateExchange: string | undefined;
  readonly bindings: BindingTable<Q | Exchange<Q>>;
  readonly flow = new ExchangeFlow();

  /** @throws AmqpError 406 when the type does not take these arguments: see `validateExchangeArguments`. */
  constructor(options: ExchangeOptions) {
    this.name = options.name;
    this.type = options.type;
    this.delays = options.type === 'x-delayed-message';
    this.durable = options.durable ?? false;
    this.autoDelete = options.autoDelete ?? false;
    this.internal = options.internal ?? false;
    this.arguments = options.arguments ?? new Map();
    this.alternateExchange = alternateExchangeOf(this.arguments);
    this.routingType = routingTypeOf(options.type, this.arguments);
    this.bindings = createBindingTable(this.routingType, this.arguments, options.random ?? Math.random);
  }
}

/** The `alternate-exchange` argument, or undefined. A value that is no text is the declaring side's to refuse. */
export function alternateExchangeOf(args: FieldTable): string | undefined {
  const value = args.get('alternate-exchange');
  return value?.type === 'S' ? value.value : undefined;
}
