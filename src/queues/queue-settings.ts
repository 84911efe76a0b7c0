/** What a queue's arguments and policies make of it. Undefined: the limit or feature is off. */
export interface QueueSettings {
  readonly maxLength?: number;
  readonly maxLengthBytes?: number;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  readonly messageTtlMs?: number;
  readonly expiresMs?: number;
  readonly deadLetterExchange?: string;
  readonly deadLetterRoutingKey?: string;
  /** How long dead letters wait, by the attempt: see dead-letter-delays.ts. */
  readonly deadLetterDelaysMs?: readonly number[];
  /** Where they go once all delays have been. */
  readonly deadLetterFinalExchange?: string;
  /** Highest priority, 1 to 255. */
  readonly maxPriority?: number;
  readonly singleActiveConsumer: boolean;
  /** Quorum queues: how often a message may be returned before it is dead-lettered or dropped. */
  readonly deliveryLimit?: number;
}

type OrUndefined<T> = { [Name in keyof T]: T[Name] | undefined };

/** Without those that are undefined, so that settings which say the same are equal. */
export function settingsFrom(
  fields: OrUndefined<Omit<QueueSettings, 'overflow' | 'singleActiveConsumer'>> &
    Pick<QueueSettings, 'overflow' | 'singleActiveConsumer'>,
): QueueSettings {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as unknown as QueueSettings;
}

/** Why a message leaves a queue for the dead-letter exchange: the `reason` of x-death. */
export type DeadLetterReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';
