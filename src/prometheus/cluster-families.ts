/** What is declared: the vhosts and their exchanges. Only who asks for these families is shown them. */
import type { Queue } from '../queues/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import { labelText, type Metric } from './exposition.ts';
import { type Family, type PrometheusSources, table } from './family.ts';

/** RabbitMQ's names say that these are the same on each node. */
const PREFIX = 'rabbitmq_cluster_';

interface ShownExchange {
  readonly vhost: string;
  readonly exchange: Exchange<Queue>;
}

function exchangeFamily(name: string, metric: Metric<ShownExchange>): Family {
  return {
    name,
    tables: ({ sources }) => {
      const labels = ({ vhost, exchange }: ShownExchange) =>
        labelText({ vhost, exchange: exchange.name, type: exchange.type });
      return [table({ prefix: PREFIX, metrics: [metric], objects: exchangesOf(sources), labels })];
    },
  };
}

/** Without internal ones, as in RabbitMQ. */
function exchangesOf({ vhosts }: PrometheusSources): ShownExchange[] {
  return [...vhosts.all()].flatMap(({ name: vhost, exchanges }) => {
    const shown = [...exchanges.values()].filter(({ internal }) => !internal);
    return shown.map((exchange) => ({ vhost, exchange }));
  });
}

export const exchangeBindings = exchangeFamily('exchange_bindings', {
  name: 'exchange_bindings',
  type: 'gauge',
  help: 'Bindings of an exchange',
  value: ({ exchange }) => exchange.bindings.size,
});

export const exchangeNames = exchangeFamily('exchange_names', {
  name: 'exchange_name',
  type: 'gauge',
  help: '1 for each exchange that there is',
  value: () => 1,
});

export const vhostStatus: Family = {
  name: 'vhost_status',
  tables: ({ sources }) => {
    const metrics = [
      { name: 'vhost_status', type: 'gauge', help: '1 for each vhost that runs', value: () => 1 },
    ] as const;
    const labels = ({ name }: { readonly name: string }) => labelText({ vhost: name });
    return [table({ prefix: PREFIX, metrics, objects: [...sources.vhosts.all()], labels })];
  },
};
