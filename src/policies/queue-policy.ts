/** What the arguments of a queue and its policies make of it together. Precedence was measured on RabbitMQ 3.10.8. */
import type { JsonObject, QueueType } from '../metadata/port.ts';
import { readDelays } from '../queues/dead-letter-delays.ts';
import { type QueueSettings, settingsFrom } from '../queues/queue-settings.ts';

/** A queue as its declaration says. */
export interface DeclaredQueue {
  readonly type: QueueType;
  /** What its arguments alone make of it. */
  readonly settings: QueueSettings;
  /** Whether x-overflow is among them. */
  readonly namesOverflow: boolean;
}

/**
 * Of a limit that arguments and policy both set, the smaller one counts; where dead letters go, arguments come first. They do
 * so for overflow, too, but in quorum queues the policy does: for overflow, and for how long they may be unused.
 */
export function settingsWithPolicy(declared: DeclaredQueue, definition: JsonObject | null): QueueSettings {
  const { type, settings, namesOverflow } = declared;
  if (definition === null) return settings;
  const byPolicy = readDefinition(definition);
  const policyFirst = type === 'quorum';
  return settingsFrom({
    ...settings,
    maxLength: smaller(settings.maxLength, byPolicy.maxLength),
    maxLengthBytes: smaller(settings.maxLengthBytes, byPolicy.maxLengthBytes),
    messageTtlMs: smaller(settings.messageTtlMs, byPolicy.messageTtlMs),
    expiresMs: policyFirst
      ? (byPolicy.expiresMs ?? settings.expiresMs)
      : smaller(settings.expiresMs, byPolicy.expiresMs),
    deadLetterExchange: settings.deadLetterExchange ?? byPolicy.deadLetterExchange,
    deadLetterRoutingKey: settings.deadLetterRoutingKey ?? byPolicy.deadLetterRoutingKey,
    deadLetterDelaysMs: settings.deadLetterDelaysMs ?? byPolicy.deadLetterDelaysMs,
    deadLetterFinalExchange: settings.deadLetterFinalExchange ?? byPolicy.deadLetterFinalExchange,
    deliveryLimit: type === 'quorum' ? smaller(settings.deliveryLimit, byPolicy.deliveryLimit) : undefined,
    overflow:
      namesOverflow && !policyFirst ? settings.overflow : (overflowFor(type, byPolicy.overflow) ?? settings.overflow),
  });
}

function readDefinition(definition: JsonObject) {
  return {
    maxLength: number(definition, 'max-length'),
    maxLengthBytes: number(definition, 'max-length-bytes'),
    messageTtlMs: number(definition, 'message-ttl'),
    expiresMs: number(definition, 'expires'),
    deadLetterExchange: text(definition, 'dead-letter-exchange'),
    deadLetterRoutingKey: text(definition, 'dead-letter-routing-key'),
    deadLetterDelaysMs: readDelays(definition['dead-letter-delays']),
    deadLetterFinalExchange: text(definition, 'dead-letter-final-exchange'),
    deliveryLimit: number(definition, 'delivery-limit'),
    overflow: text(definition, 'overflow'),
  };
}

/** A quorum queue that is told to reject into dead letters drops from the head, as with the argument. */
function overflowFor(type: QueueType, overflow: string | undefined): QueueSettings['overflow'] | undefined {
  switch (overflow) {
    case 'drop-head':
    case 'reject-publish':
      return overflow;
    case 'reject-publish-dlx':
      return type === 'classic' ? overflow : 'drop-head';
    default:
      return undefined;
  }
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

function number(definition: JsonObject, name: string): number | undefined {
  const value = definition[name];
  return typeof value === 'number' ? value : undefined;
}

function text(definition: JsonObject, name: string): string | undefined {
  const value = definition[name];
  return typeof value === 'string' ? value : undefined;
}
