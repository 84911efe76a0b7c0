/**
 * Retries with backoff: how long a dead letter waits before it goes on, by the attempt, and where it goes after the last one.
 * A delay is an integer of milliseconds or a text such as `10s`; a list of them is an argument of a queue or stands in a policy.
 */
import type { QueueSettings } from './queue-settings.ts';

const DELAYS_MOST = 32;
/** As for a time to live: ten years of 365 days. */
const DELAY_MAX_MS = 10 * 365 * 24 * 3600 * 1000;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Where a dead letter goes, and after how long. */
export interface DeadLetterStep {
  readonly exchange: string;
  readonly delayMs: number;
}

/** @param attempt how often the message has left the queue for this reason, this time included */
export function deadLetterStep(settings: QueueSettings, attempt: number): DeadLetterStep {
  const { deadLetterExchange = '', deadLetterDelaysMs: delaysMs = [], deadLetterFinalExchange: final } = settings;
  const isAfterLast = attempt > delaysMs.length;
  if (isAfterLast && final !== undefined && delaysMs.length > 0) return { exchange: final, delayMs: 0 };
  return { exchange: deadLetterExchange, delayMs: (isAfterLast ? delaysMs.at(-1) : delaysMs[attempt - 1]) ?? 0 };
}

/** Why this is no list of delays; undefined when it is one. */
export function faultOfDelays(values: unknown): string | undefined {
  if (!Array.isArray(values)) return 'a list of delays is expected';
  if (values.length < 1 || values.length > DELAYS_MOST) {
    return `1 to ${DELAYS_MOST} delays are expected, not ${values.length}`;
  }
  for (const [index, value] of values.entries()) {
    const delayMs = delayMsOf(value);
    if (delayMs === undefined) {
      return `delay ${index + 1} is neither a number of milliseconds nor a text such as 500ms, 10s, 1m, 2h or 1d`;
    }
    if (delayMs > DELAY_MAX_MS) return `delay ${index + 1} is longer than ten years`;
  }
  return undefined;
}

/** @returns milliseconds; undefined for what is no list of delays */
export function readDelays(values: unknown): readonly number[] | undefined {
  return faultOfDelays(values) === undefined ? (values as unknown[]).map((value) => delayMsOf(value)!) : undefined;
}

function delayMsOf(value: unknown): number | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value >= 0 && Number.isInteger(Number(value)) ? Number(value) : undefined;
  }
  const [, digits, unit] = (typeof value === 'string' && /^(\d+)(ms|s|m|h|d)$/.exec(value)) || [];
  return unit === undefined ? undefined : Number(digits) * UNITS_MS[unit];
}
