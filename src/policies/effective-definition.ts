/** What a policy and an operator policy say together. */
import type { JsonObject, JsonValue, PolicyRecord } from '../metadata/port.ts';
import { sortedEntries } from './json-term.ts';

/** What both may limit. */
const LIMITS = [
  'delivery-limit',
  'expires',
  'max-in-memory-bytes',
  'max-in-memory-length',
  'max-length',
  'max-length-bytes',
  'message-ttl',
];

/**
 * Of a limit that both set, the smaller one counts; of anything else that both set, what the operator says.
 * @returns null when there is neither of them
 */
export function effectiveDefinition(
  policy: PolicyRecord | undefined,
  operatorPolicy: PolicyRecord | undefined,
): JsonObject | null {
  if (policy === undefined || operatorPolicy === undefined) {
    return policy?.definition ?? operatorPolicy?.definition ?? null;
  }
  const merged: Record<string, JsonValue> = { ...policy.definition };
  for (const [name, value] of Object.entries(operatorPolicy.definition)) {
    const own = merged[name];
    const isLimited = LIMITS.includes(name) && typeof own === 'number' && typeof value === 'number';
    merged[name] = isLimited ? Math.min(own, value) : value;
  }
  return Object.fromEntries(sortedEntries(merged));
}
