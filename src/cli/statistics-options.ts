/** From the settings of what is counted to what startBroker() is told of it. */
import { DEFAULT_RETENTION, type RetentionPolicies, retentionsOf } from '../config/sample-retention.ts';
import type { Settings } from '../config/settings.ts';
import type { StatisticsOptions } from '../config/statistics-options.ts';
import { given } from './listening-options.ts';

/** @throws Error that says which setting is wrong */
export function statisticsOptions(settings: Settings): Partial<StatisticsOptions> {
  return given({
    collect: settings.collectStatistics,
    force: settings.forceFineStatistics,
    ratesMode: settings.ratesMode,
    intervalMs: settings.statisticsIntervalMs,
    retention: retentionIn(settings),
  });
}

/** A section of which something is set is all that is set of it, as in RabbitMQ; one of which nothing is keeps its defaults. */
function retentionIn({ globalRetention, basicRetention, detailedRetention }: Settings): RetentionPolicies | undefined {
  const sections = given({ global: globalRetention, basic: basicRetention, detailed: detailedRetention });
  const set = Object.entries(sections).map(([section, of]) => [section, retentionsOf(of, section)]);
  return set.length === 0 ? undefined : { ...DEFAULT_RETENTION, ...Object.fromEntries(set) };
}
