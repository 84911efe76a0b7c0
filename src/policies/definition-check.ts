/**
 * Whether RabbitMQ would take the definition of a policy. It looks at keys in groups, one after the other, and tells of the
 * first fault; keys that it does not know come last.
 */
import { compilePattern, PatternError } from '../auth/pattern.ts';
import type { JsonObject, JsonValue } from '../metadata/port.ts';
import { entriesTerm, jsonTerm, sortedEntries } from './json-term.ts';
import { checkMirroring } from './mirroring-check.ts';
import { isKnownKey, POLICY_KEYS, type PolicyKind } from './policy-keys.ts';

interface Group {
  has(name: string): boolean;
  check(ofGroup: JsonObject): string | undefined;
}

const GROUPS: readonly Group[] = [
  { has: (name) => name === 'queue-master-locator', check: checkEach },
  { has: isMirroring, check: checkMirroring },
  { has: (name) => !isMirroring(name) && !isFederation(name), check: checkEach },
  { has: isFederation, check: checkFederation },
];

/** @returns RabbitMQ's text for the fault that it would find, or undefined */
export function checkDefinition(kind: PolicyKind, definition: JsonObject): string | undefined {
  const entries = sortedEntries(definition);
  if (entries.length === 0) return 'no policy provided';
  const known = entries.filter(([name]) => isKnownKey(kind, name));
  for (const group of GROUPS) {
    const ofGroup = known.filter(([name]) => group.has(name));
    const fault = ofGroup.length === 0 ? undefined : group.check(Object.fromEntries(ofGroup));
    if (fault !== undefined) return fault;
  }
  const unknown = entries.filter(([name]) => !isKnownKey(kind, name));
  return unknown.length === 0 ? undefined : `${entriesTerm(unknown)} are not recognised policy settings`;
}

function isMirroring(name: string): boolean {
  return name.startsWith('ha-');
}

function isFederation(name: string): boolean {
  return name.startsWith('federation-');
}

function checkEach(definition: JsonObject): string | undefined {
  for (const [name, value] of Object.entries(definition)) {
    const fault = POLICY_KEYS.get(name)?.check(value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const UPSTREAM_NAMES: Readonly<Record<string, string>> = {
  'federation-upstream': 'federation upstream name',
  'federation-upstream-set': 'federation upstream set name',
  'federation-upstream-pattern': 'federation upstream pattern name',
};

function checkFederation(definition: JsonObject): string | undefined {
  const entries = Object.entries(definition);
  if (entries.length > 1) {
    return 'cannot specify federation-upstream, federation-upstream-set or federation-upstream-pattern together';
  }
  const [name, value] = entries[0] as [string, JsonValue];
  if (typeof value !== 'string') return `${jsonTerm(value)} is not a valid ${UPSTREAM_NAMES[name]}`;
  const fault = name === 'federation-upstream-pattern' ? faultOfPattern(value) : undefined;
  return fault && `could not compile pattern ${value} to a regular expression. Error: ${fault}`;
}

/** Why the source is no regular expression; undefined when it is one. The reason is that of JavaScript, not of PCRE. */
export function faultOfPattern(source: string): string | undefined {
  try {
    compilePattern(source);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.reason;
    throw error;
  }
}
