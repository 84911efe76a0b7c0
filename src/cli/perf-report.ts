/** What `leveret perf` prints. */
import type { IdleReport } from '../perf/idle-connections.ts';
import type { LoadOptions } from '../perf/load-options.ts';
import type { LoadProgress } from '../perf/load-progress.ts';
import { faultsOf, type LatencySummary, type LoadReport } from '../perf/load-report.ts';

const MIB = 1024 * 1024;

/** One line a second. */
export function formatProgress(progress: LoadProgress, options: LoadOptions): string {
  const { phase, elapsedSeconds, publishedPerSecond, confirmedPerSecond, receivedPerSecond } = progress;
  const parts = [`${phase.padEnd(8)} ${elapsedSeconds.toFixed(0).padStart(4)} s`];
  if (options.publishers > 0) parts.push(`published ${rate(publishedPerSecond)}`);
  if (options.confirmWindow > 0) parts.push(`confirmed ${rate(confirmedPerSecond)}`);
  if (options.consumers > 0) parts.push(`received ${rate(receivedPerSecond)}`);
  return parts.join('   ');
}

/** What will be done to whom. */
export function formatPlan(options: LoadOptions): string {
  const { host, port, queue, queues, publishers, consumers, bodySizeBytes, persistent } = options;
  return [
    `${host.includes(':') ? `[${host}]` : host}:${port}`,
    counted(publishers, 'producer'),
    counted(consumers, 'consumer'),
    queues === 1 ? `queue ${queue}` : `${whole(queues)} queues ${queue}-N`,
    `${whole(bodySizeBytes)} B${persistent ? ', persistent' : ''}`,
    ...formatDelay(options),
    options.count > 0
      ? counted(options.count, 'message')
      : `${options.seconds} s after ${options.warmUpSeconds} s of warm-up`,
  ].join(', ');
}

function formatDelay({ delay, delayBy }: LoadOptions): string[] {
  if (delay === null) return [];
  const { leastMs, mostMs } = delay;
  return [`delayed by ${delayBy} for ${leastMs === mostMs ? leastMs : `${leastMs} to ${mostMs}`} ms`];
}

export function formatLoadReport(report: LoadReport, options: LoadOptions): string {
  return [
    `measured for ${report.seconds.toFixed(2)} s`,
    ...formatRates(report, options),
    ...formatLatency(options.delay === null ? 'latency' : 'lateness', report.latency),
    ...formatLatency('confirms', report.confirmLatency),
    ...formatUsage(report, options),
    ...formatOutcome(report),
  ].join('\n');
}

function formatRates(report: LoadReport, { publishers, consumers, confirmWindow }: LoadOptions): string[] {
  const lines: string[] = [];
  if (publishers > 0)
    lines.push(line('published', `${rate(report.publishedPerSecond)}   ${whole(report.published)} in all`));
  if (publishers > 0 && confirmWindow > 0) {
    lines.push(line('confirmed', `${rate(report.confirmedPerSecond)}   ${whole(report.confirmed)} in all`));
  }
  if (consumers > 0)
    lines.push(line('received', `${rate(report.receivedPerSecond)}   ${whole(report.received)} in all`));
  return lines;
}

function formatLatency(name: string, { count, p50Ms, p99Ms, p999Ms, maxMs }: LatencySummary): string[] {
  if (count === 0) return [];
  const quantiles = [`p50 ${ms(p50Ms)}`, `p99 ${ms(p99Ms)}`, `p99.9 ${ms(p999Ms)}`, `max ${ms(maxMs)}`];
  return [line(name, `${quantiles.join('   ')} ms`)];
}

/** A generator that takes most of the machine measures itself: its share stands beside the broker's. */
function formatUsage(report: LoadReport, { brokerPids }: LoadOptions): string[] {
  const { generatorCores, brokerCores, otherCores } = report;
  const used = generatorCores + brokerCores + otherCores;
  const cores = (name: string, count: number, us: number) =>
    `${name} ${count.toFixed(2)} cores, ${us.toFixed(2)} us a message`;
  const own = cores('generator', generatorCores, report.generatorCpuUsPerMessage);
  const share = used > 0 ? `${Math.round((100 * generatorCores) / used)} % of what the machine used` : 'share unknown';
  const lines = [line('CPU', `${own}, ${share}`)];
  if (brokerPids.length === 0) return lines;
  lines.push(line('', cores('broker', brokerCores, report.brokerCpuUsPerMessage)));
  const { brokerMemoryBeginBytes: begin, brokerMemoryPeakBytes: peak, brokerMemoryEndBytes: end } = report;
  lines.push(line('memory', `broker ${mib(begin)} MiB at the begin, ${mib(peak)} at the peak, ${mib(end)} at the end`));
  return lines;
}

function formatOutcome(report: LoadReport): string[] {
  const lines: string[] = [];
  if (report.redelivered > 0) lines.push(line('redelivered', whole(report.redelivered)));
  if (report.blockedSecondsMax > 0)
    lines.push(line('blocked', `a producer for up to ${report.blockedSecondsMax.toFixed(1)} s`));
  const faults = faultsOf(report);
  lines.push(line('faults', faults.length === 0 ? 'none' : faults.join(', ')));
  return lines;
}

export function formatIdleReport(report: IdleReport, { brokerPids }: LoadOptions): string {
  const lines = [`${counted(report.connections, 'connection')}, ${whole(report.openedPerSecond)} opened a second`];
  if (brokerPids.length === 0) return `${lines[0]}; --broker-pid tells what they cost`;
  lines.push(
    line(
      'memory',
      `${(report.bytesPerConnection / 1024).toFixed(1)} KiB a connection; broker ${mib(report.memoryBeginBytes)} MiB before, ${mib(report.memoryEndBytes)} MiB with them`,
    ),
  );
  lines.push(line('CPU', `broker ${whole(report.brokerCpuUsPerConnection)} us an opening`));
  return lines.join('\n');
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(11)} ${text}`;
}

function rate(perSecond: number): string {
  return `${whole(perSecond).padStart(11)} /s`;
}

function counted(count: number, thing: string): string {
  return `${whole(count)} ${thing}${count === 1 ? '' : 's'}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Three digits, as far as there are microseconds. */
function ms(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function mib(bytes: number): string {
  return whole(bytes / MIB);
}
