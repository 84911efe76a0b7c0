/** How long samples are kept, and how close together: RabbitMQ's `management.sample_retention_policies`. */

/** Samples back to `reachSeconds` ago, one every `intervalSeconds`. */
export interface Retention {
  readonly reachSeconds: number;
  readonly intervalSeconds: number;
}

/** From the closest samples on. */
export type Retentions = readonly Retention[];

export interface RetentionPolicies {
  /** Of vhosts, of the node and of all together. */
  readonly global: Retentions;
  /** Of each queue, exchange, connection and channel. */
  readonly basic: Retentions;
  /** Of what passes between each two of them. */
  readonly detailed: Retentions;
}

const TEN_MINUTES: Retention = { reachSeconds: 600, intervalSeconds: 5 };

/** RabbitMQ keeps an hour of everything; here a queue of ten thousand has less of a past. */
export const DEFAULT_RETENTION: RetentionPolicies = {
  global: [
    TEN_MINUTES,
    { reachSeconds: 3600, intervalSeconds: 60 },
    { reachSeconds: 28_800, intervalSeconds: 600 },
    { reachSeconds: 86_400, intervalSeconds: 1800 },
  ],
  basic: [TEN_MINUTES],
  detailed: [TEN_MINUTES],
};

const NAMED_SECONDS: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };
/** Of one figure of one thing: what its past may take of memory. */
const SAMPLES_MAX = 2000;

/**
 * @param given by the length of time: `minute`, `hour`, `day` or seconds; the value is the interval in seconds
 * @param section for errors
 * @throws Error that says what is expected
 */
export function retentionsOf(given: ReadonlyMap<string, number>, section: string): Retentions {
  const retentions = Array.from(given, ([name, intervalSeconds]) => {
    const key = `management.sample_retention_policies.${section}.${name}`;
    const reachSeconds = NAMED_SECONDS[name] ?? (/^\d+$/.test(name) ? Number(name) : 0);
    if (reachSeconds === 0) throw new Error(`${key}: expected minute, hour, day or a number of seconds in its place`);
    if (intervalSeconds < 1 || intervalSeconds > reachSeconds || reachSeconds / intervalSeconds > SAMPLES_MAX) {
      throw new Error(`${key} = ${intervalSeconds}: expected seconds that make 1 to ${SAMPLES_MAX} samples`);
    }
    return { reachSeconds, intervalSeconds };
  });
  return retentions.sort((one, other) => one.reachSeconds - other.reachSeconds);
}
