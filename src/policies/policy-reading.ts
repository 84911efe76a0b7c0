/**
 * From what somebody sends to a policy that can be kept: over HTTP, in a definitions file, from the command line. Whatever
 * RabbitMQ 3.10.8 refuses is refused with its texts, all of the faults at once and in its order. It takes three kinds of
 * `apply-to`; those that 3.12 has beside them are taken as well, so that its files can be imported.
 */
import type { JsonObject, JsonValue, PolicyRecord } from '../metadata/port.ts';
import { checkDefinition, faultOfPattern } from './definition-check.ts';
import { isList, jsonTerm } from './json-term.ts';
import type { PolicyKind } from './policy-keys.ts';

const APPLY_TO: readonly string[] = ['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'];

/** A policy under its names in JSON; apply-to may be left out (all), and priority (0). */
export interface ProposedPolicy {
  readonly pattern: JsonValue;
  readonly definition: JsonValue;
  readonly 'apply-to'?: JsonValue | undefined;
  readonly priority?: JsonValue | undefined;
}

/** A policy that cannot be; `message` is all that RabbitMQ says of it. */
export class PolicyError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Validation failed\n\n${faults.join('\n')}\n`);
    this.name = 'PolicyError';
    this.faults = faults;
  }
}

/** @throws PolicyError */
export function readPolicy(
  kind: PolicyKind,
  { vhost, name }: Pick<PolicyRecord, 'vhost' | 'name'>,
  proposed: ProposedPolicy,
): PolicyRecord {
  const { pattern, definition, 'apply-to': applyTo = 'all', priority = 0 } = proposed;
  const faults = [
    isObject(definition)
      ? checkDefinition(kind, definition)
      : `definition must be a dictionary: ${jsonTerm(definition)}`,
    checkApplyTo(applyTo),
    checkPattern(pattern),
    typeof priority === 'number' ? undefined : `priority should be a number, actually was ${jsonTerm(priority)}`,
  ].filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new PolicyError(faults);
  return { vhost, name, pattern, applyTo, priority, definition } as PolicyRecord;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

function checkApplyTo(applyTo: JsonValue): string | undefined {
  if (typeof applyTo === 'string' && APPLY_TO.includes(applyTo)) return undefined;
  const shown = typeof applyTo === 'string' ? applyTo : jsonTerm(applyTo);
  return `apply-to '${shown}' unrecognised; should be 'queues', 'exchanges' or 'all'`;
}

function checkPattern(pattern: JsonValue): string | undefined {
  if (typeof pattern !== 'string') return `pattern should be a binary but was ${jsonTerm(pattern)}`;
  const fault = faultOfPattern(pattern);
  return fault && `pattern should be regular expression but is invalid: ${fault}`;
}
