/** Settings of statistics-options.ts. */
import { setting } from './setting.ts';
import { atLeast, choice, FLAG, MILLISECONDS } from './setting-types.ts';
import {
  COLLECT_STATISTICS,
  DEFAULT_STATISTICS,
  RATES_MODES,
  SHORTEST_STATISTICS_INTERVAL_MS,
} from './statistics-options.ts';

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
} as const;
