/** Settings of statistics-options.ts. */
import { named, setting } from './setting.ts';
import { atLeast, choice, FLAG, MILLISECONDS, SECONDS } from './setting-types.ts';
import {
  COLLECT_STATISTICS,
  DEFAULT_STATISTICS,
  RATES_MODES,
  SHORTEST_STATISTICS_INTERVAL_MS,
} from './statistics-options.ts';

const retention = (section: string, what: string) => {
  return named({
    key: `management.sample_retention_policies.${section}.$name`,
    classic: [
      `rabbitmq_management.sample_retention_policies.${section}.$name`,
      `rabbitmq_management_agent.sample_retention_policies.${section}.$name`,
    ],
    isPairs: true,
    type: SECONDS,
    text: `Samples of ${what} are kept for so long (\`minute\`, \`hour\`, \`day\` or seconds), one every so many seconds.`,
  });
};

export const STATISTICS_SETTINGS = {
  collectStatistics: setting({
    key: 'collect_statistics',
    classic: 'rabbit.collect_statistics',
    type: choice(COLLECT_STATISTICS),
    default: DEFAULT_STATISTICS.collect,
    text: 'What is counted of messages where neither the HTTP API nor the metrics ask for more: none, coarse, fine.',
  }),
  forceFineStatistics: setting({
    key: 'force_fine_statistics',
    classic: ['rabbitmq_management_agent.force_fine_statistics', 'rabbit.force_fine_statistics'],
    type: FLAG,
    default: String(DEFAULT_STATISTICS.force),
    text: 'false: the HTTP API and the metrics do with what collect_statistics says.',
  }),
  ratesMode: setting({
    key: 'management.rates_mode',
    classic: ['rabbitmq_management.rates_mode', 'rabbitmq_management_agent.rates_mode'],
    type: choice(RATES_MODES),
    default: DEFAULT_STATISTICS.ratesMode,
    text: 'basic: rates of each queue, channel and exchange. detailed: between each two of them, too. none: no rates of messages.',
  }),
  statisticsIntervalMs: setting({
    key: 'collect_statistics_interval',
    classic: 'rabbit.collect_statistics_interval',
    type: atLeast(SHORTEST_STATISTICS_INTERVAL_MS, MILLISECONDS),
    default: DEFAULT_STATISTICS.intervalMs,
    text: `Between two samples, from ${SHORTEST_STATISTICS_INTERVAL_MS} up.`,
  }),
  globalRetention: retention('global', 'vhosts, of the node and of all together'),
  basicRetention: retention('basic', 'each queue, exchange, connection and channel'),
  detailedRetention: retention('detailed', 'what passes between each two of these'),
} as const;
