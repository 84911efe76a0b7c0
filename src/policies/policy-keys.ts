/**
 * What a policy may say, key by key: the values that are taken, the queues that a policy with the key is not for, who may set
 * it, and what this version makes of it. Keys, texts and types of queues were measured on RabbitMQ 3.10.8.
 */
import type { JsonObject, JsonValue, QueueType } from '../metadata/port.ts';
import { faultOfDelays } from '../queues/dead-letter-delays.ts';
import { jsonTerm } from './json-term.ts';

/**
 * acts    queues and exchanges do what it says
 * later   it is checked and kept for a version that has what it is about
 * none    it is taken, as the argument of the same name is, and changes nothing here
 */
export type KeyEffect = 'acts' | 'later' | 'none';

export type PolicyKind = 'policy' | 'operator-policy';

/** Says why a value is refused; undefined when it is taken. */
type Check = (value: JsonValue) => string | undefined;

export interface PolicyKey {
  readonly effect: KeyEffect;
  /** A policy with this key passes over queues of these types, whatever else is in it. */
  readonly notFor: readonly QueueType[];
  readonly byOperators: boolean;
  /** Of keys that have to be looked at together, the check is in definition-check.ts. */
  readonly check: Check;
}

const SEGMENT_BYTES_MAX = 3_000_000_000;
const OPERATORS = { byOperators: true };
const NOT_CLASSIC = { notFor: ['classic'] } as const;
const NOT_QUORUM = { notFor: ['quorum'] } as const;
const STREAMS = { notFor: ['classic', 'quorum'] } as const;

const KEYS: readonly (readonly [name: string, key: PolicyKey])[] = [
  key('acts', 'alternate-exchange', text('alternate exchange name')),
  key('acts', 'dead-letter-delays', delays),
  key('acts', 'dead-letter-exchange', text('dead letter exchange name')),
  key('acts', 'dead-letter-final-exchange', text('dead letter final exchange name')),
  key('acts', 'dead-letter-routing-key', text('dead letter routing key')),
  key('acts', 'delivery-limit', count('delivery limit'), { ...OPERATORS, ...NOT_CLASSIC }),
  key('acts', 'expires', count('queue expiry', { least: 1 }), OPERATORS),
  key('acts', 'max-length', count('maximum length'), OPERATORS),
  key('acts', 'max-length-bytes', count('maximum length in bytes'), OPERATORS),
  key('acts', 'message-ttl', count('message TTL'), OPERATORS),
  key('acts', 'overflow', oneOf('overflow value', ['drop-head', 'reject-publish', 'reject-publish-dlx'])),
  key('acts', 'release-rate', above0('release rate'), { notFor: ['classic', 'quorum'] }),
  key('later', 'queue-leader-locator', leaderLocator(), NOT_CLASSIC),
  key('later', 'queue-master-locator', masterLocator, NOT_QUORUM),
  ...['ha-mode', 'ha-params', 'ha-sync-mode'].map((name) => together(name, { ...OPERATORS, ...NOT_QUORUM })),
  ...['ha-sync-batch-size', 'ha-promote-on-shutdown', 'ha-promote-on-failure'].map((name) => {
    return together(name, NOT_QUORUM);
  }),
  ...['federation-upstream', 'federation-upstream-set', 'federation-upstream-pattern'].map((name) => together(name)),
  key('later', 'initial-cluster-size', count('cluster size'), STREAMS),
  key('later', 'max-age', maxAge, STREAMS),
  key('later', 'stream-max-segment-size-bytes', count('segment size', { most: SEGMENT_BYTES_MAX }), STREAMS),
  key('none', 'dead-letter-strategy', oneOf('dead letter strategy', ['at-most-once', 'at-least-once']), NOT_CLASSIC),
  key('none', 'max-in-memory-bytes', count('maximum memory in bytes'), OPERATORS),
  key('none', 'max-in-memory-length', count('maximum memory in bytes'), OPERATORS),
  key('none', 'queue-mode', oneOf('queue-mode value', ['default', 'lazy']), NOT_QUORUM),
  key('none', 'queue-version', oneOf('queue-version value', [1, 2])),
];

export const POLICY_KEYS: ReadonlyMap<string, PolicyKey> = new Map(KEYS);

/** Whether a policy of this kind may have the key. */
export function isKnownKey(kind: PolicyKind, name: string): boolean {
  const known = POLICY_KEYS.get(name);
  return known !== undefined && (kind === 'policy' || known.byOperators);
}

/** The keys of a definition that are kept without any effect in this version, though they are about something that counts. */
export function inactiveKeys(definition: JsonObject): string[] {
  return Object.keys(definition).filter((name) => POLICY_KEYS.get(name)?.effect === 'later');
}

/** Whether a policy with these keys is for queues of this type. */
export function isForType(definition: JsonObject, type: QueueType): boolean {
  return Object.keys(definition).every((name) => POLICY_KEYS.get(name)?.notFor.includes(type) !== true);
}

function key(
  effect: KeyEffect,
  name: string,
  check: Check,
  options: Partial<Pick<PolicyKey, 'notFor' | 'byOperators'>> = {},
): readonly [string, PolicyKey] {
  return [name, { effect, check, notFor: [], byOperators: false, ...options }];
}

function together(
  name: string,
  options?: Partial<Pick<PolicyKey, 'notFor' | 'byOperators'>>,
): readonly [string, PolicyKey] {
  return key('later', name, () => undefined, options);
}

// --- values ---

function text(what: string): Check {
  return (value) => (typeof value === 'string' ? undefined : notValid(value, what));
}

function count(what: string, { least = 0, most = Number.MAX_VALUE } = {}): Check {
  return (value) => {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
    return fits ? undefined : notValid(value, what);
  };
}

function above0(what: string): Check {
  return (value) => (typeof value === 'number' && value > 0 ? undefined : notValid(value, what));
}

function delays(value: JsonValue): string | undefined {
  const fault = faultOfDelays(value);
  return fault && `${notValid(value, 'list of dead letter delays')}: ${fault}`;
}

function oneOf(what: string, allowed: readonly JsonValue[]): Check {
  return (value) => (allowed.includes(value) ? undefined : notValid(value, what));
}

function leaderLocator(): Check {
  return oneOf('queue leader locator value', ['client-local', 'balanced', 'random', 'least-leaders']);
}

function masterLocator(value: JsonValue): string | undefined {
  if (['client-local', 'min-masters', 'random'].includes(value as string)) return undefined;
  return `${jsonTerm(value)} invalid queue-master-locator value`;
}

/** Such as `7D`: years, months, days, hours, minutes, seconds. RabbitMQ answers 500 to most others. */
function maxAge(value: JsonValue): string | undefined {
  const fits = typeof value === 'string' && /^0*[1-9][0-9]*[YMDhms]$/.test(value);
  return fits ? undefined : notValid(value, 'max age');
}

function notValid(value: JsonValue, what: string): string {
  return `${jsonTerm(value)} is not a valid ${what}`;
}
