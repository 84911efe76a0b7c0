/** `leveret perf`: one load run, or idle connections, against a broker, with a report for people or for programs. */
import { openIdleConnections } from '../perf/idle-connections.ts';
import { LoadConnectionError } from '../perf/load-connection.ts';
import type { LoadOptions } from '../perf/load-options.ts';
import type { LoadProgress } from '../perf/load-progress.ts';
import { faultsOf } from '../perf/load-report.ts';
import { runLoad } from '../perf/load-run.ts';
import { type PerfFlags, readLoadOptions } from './perf-options.ts';
import { formatIdleReport, formatLoadReport, formatPlan, formatProgress } from './perf-report.ts';

/**
 * Prints what it measured.
 * @returns the exit code: 1 when the broker lost, doubled or refused something. @throws Error that names the flag, or the broker
 */
export async function perf(flags: PerfFlags): Promise<number> {
  const options = readLoadOptions(flags);
  try {
    return flags.idleConnections === undefined
      ? await measureLoad(options, flags.json === true)
      : await measureIdle(options, flags.idleConnections, flags);
  } catch (error) {
    if (!(error instanceof LoadConnectionError)) throw error;
    throw new Error(`no load on ${options.host}:${options.port}: ${error.message}`, { cause: error });
  }
}

/** The first SIGINT or SIGTERM ends the measured time early, a second one the process. */
async function measureLoad(options: LoadOptions, asJson: boolean): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const { signal } = interrupted;
  if (!asJson) console.log(formatPlan(options));
  const onProgress = (progress: LoadProgress): void => console.log(formatProgress(progress, options));
  const report = await runLoad(options, asJson ? { signal } : { signal, onProgress });
  console.log(asJson ? JSON.stringify(report, null, 2) : formatLoadReport(report, options));
  return faultsOf(report).length === 0 ? 0 : 1;
}

async function measureIdle(options: LoadOptions, connections: number, { hold, json }: PerfFlags): Promise<number> {
  const report = await openIdleConnections({ ...options, connections, holdSeconds: hold });
  console.log(json === true ? JSON.stringify(report, null, 2) : formatIdleReport(report, options));
  return 0;
}
