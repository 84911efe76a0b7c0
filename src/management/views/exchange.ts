/** An exchange, as the API shows it. */
import { toPlain } from '../../protocol/field-table.ts';
import type { Queue } from '../../queues/queue.ts';
import type { Exchange, ExchangeFlow } from '../../routing/exchange.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { FiguresView } from '../figures.ts';
import type { JsonView } from '../listing.ts';

/** What is shown of the exchange that has no name, and that is nowhere kept. */
const DEFAULT_EXCHANGE = {
  name: '',
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: new Map(),
} as const;

export type ShownExchange = Pick<
  Exchange<Queue>,
  'name' | 'type' | 'durable' | 'autoDelete' | 'internal' | 'arguments'
> & {
  readonly vhost: string;
  readonly flow: ExchangeFlow;
  /** The name of the policy that applies to it. */
  readonly policy: string | undefined;
  /** How many messages wait in it; of x-delayed-message exchanges, and of the default one while dead letters wait for their next attempt. */
  readonly delayedCount: number | undefined;
};

/** Those of some vhosts, the default ones among them, in no order. */
export function* exchangesOf(vhosts: Iterable<Vhost>): Iterable<ShownExchange> {
  for (const vhost of vhosts) {
    yield shownExchange(vhost, defaultExchange(vhost));
    for (const exchange of vhost.exchanges.values()) yield shownExchange(vhost, exchange);
  }
}

/** By its name in a path: the default exchange is `amq.default` there. */
export function findExchange(vhost: Vhost, name: string): ShownExchange | undefined {
  const exchange = name === 'amq.default' || name === '' ? defaultExchange(vhost) : vhost.exchanges.get(name);
  return exchange === undefined ? undefined : shownExchange(vhost, exchange);
}

type DeclaredExchange = Omit<ShownExchange, 'vhost' | 'policy' | 'delayedCount'>;

function defaultExchange({ defaultFlow: flow }: Vhost): DeclaredExchange {
  return { ...DEFAULT_EXCHANGE, flow };
}

function shownExchange(vhost: Vhost, exchange: DeclaredExchange): ShownExchange {
  const { name, type, durable, autoDelete, internal, arguments: args, flow } = exchange;
  const { policy } = vhost.policies.of('exchange', name);
  const line = name === '' ? vhost.deadLetterLine : vhost.lines.get(name);
  const declared = { name, type, durable, autoDelete, internal, arguments: args, flow };
  return { ...declared, vhost: vhost.name, policy: policy?.name, delayedCount: line?.count };
}

/** @param messages what comes to it and goes on, where that is counted */
export function exchangeView(exchange: ShownExchange, messages: FiguresView | undefined): JsonView {
  const { name, vhost, type, durable, autoDelete, internal, arguments: args, policy, delayedCount } = exchange;
  return {
    arguments: toPlain(args),
    auto_delete: autoDelete,
    durable,
    internal,
    ...(messages === undefined ? {} : { message_stats: messages }),
    // As the plugin shows it.
    ...(delayedCount === undefined ? {} : { messages_delayed: delayedCount }),
    name,
    ...(policy === undefined ? {} : { policy }),
    type,
    vhost,
  };
}
