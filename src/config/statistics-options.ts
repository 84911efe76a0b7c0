/** What is counted of messages, and how often samples are taken. */

import { DEFAULT_RETENTION, type RetentionPolicies } from './sample-retention.ts';

export const COLLECT_STATISTICS = ['none', 'coarse', 'fine'] as const;
export const RATES_MODES = ['basic', 'detailed', 'none'] as const;

export type CollectStatistics = (typeof COLLECT_STATISTICS)[number];
export type RatesMode = (typeof RATES_MODES)[number];

export interface StatisticsOptions {
  /** Default: none. The HTTP API and the metrics ask for more, unless `force` is false or `ratesMode` none. */
  readonly collect: CollectStatistics;
  /** `force_fine_statistics`: whether the HTTP API and the metrics make it fine. Default: true. */
  readonly force: boolean;
  /** What the HTTP API shows of messages. Default: basic. */
  readonly ratesMode: RatesMode;
  /** Between two samples, from 1000. Default: 5000. */
  readonly intervalMs: number;
  /** How long samples are kept. */
  readonly retention: RetentionPolicies;
}

export const DEFAULT_STATISTICS: StatisticsOptions = {
  collect: 'none',
  force: true,
  ratesMode: 'basic',
  intervalMs: 5000,
  retention: DEFAULT_RETENTION,
};

/** Rates are changes a second, and a second is what samples are told apart by. */
export const SHORTEST_STATISTICS_INTERVAL_MS = 1000;

/**
 *   coarse    what each queue has, what each queue and channel has seen in all
 *   fine      each channel by queue and by exchange, and each exchange, too
 *   detailed  each queue by exchange, too
 */
export type Counting = 'coarse' | 'fine' | 'detailed';

/** @param observed whether the HTTP API or the metrics are there to show it */
export function countingOf({ collect, force, ratesMode }: StatisticsOptions, observed: boolean): Counting {
  const isForced = observed && force && ratesMode !== 'none';
  if (!isForced && collect !== 'fine') return 'coarse';
  return ratesMode === 'detailed' ? 'detailed' : 'fine';
}
