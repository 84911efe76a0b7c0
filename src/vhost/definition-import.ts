/**
 * Imports RabbitMQ definitions: what metadata/definitions.ts has read is checked as a client's declaration would be, and
 * proposed as one change, so that a file which cannot be used changes nothing.
 */
import { hashPassword, isPasswordHash } from '../auth/passwords.ts';
import { compilePattern, PatternError } from '../auth/pattern.ts';
import { DefinitionsError } from '../metadata/definition-fields.ts';
import { type DefinedQueue, type Definitions, definitionChanges, readDefinitions } from '../metadata/definitions.ts';
import type {
  ExchangeRecord,
  JsonValue,
  MetadataStore,
  ParameterRecord,
  PolicyRecord,
  QueueType,
} from '../metadata/port.ts';
import { MaskedSecretError, withUriSecrets } from '../metadata/uri-secrets.ts';
import type { PolicyKind } from '../policies/policy-keys.ts';
import { PolicyError, readPolicy } from '../policies/policy-reading.ts';
import { AmqpError, preconditionFailed } from '../protocol/errors.ts';
import {
  isExchangeType,
  type RoutingType,
  routingTypeOf,
  validateBinding,
  validateExchangeArguments,
} from '../routing/exchange-types.ts';
import { eachStep, type Slices, type Steps } from '../runtime/slices.ts';
import { checkExchangeArguments } from './exchange-arguments.ts';
import { readQueueArguments } from './queue-arguments.ts';

/** @throws DefinitionsError that says where and why it cannot be used */
export function* checkedDefinitions(json: unknown): Steps<Definitions> {
  const definitions = yield* readDefinitions(json, hashPassword);
  yield* eachStep(definitions.users, ({ passwordHash, hashing }, index) => {
    if (isPasswordHash(passwordHash, hashing)) return;
    throw new DefinitionsError(`users[${index}].password_hash`, `is not base64 of a salt and a ${hashing} digest`);
  });
  yield* checkPatterns('permissions', definitions.permissions, ['configure', 'write', 'read']);
  yield* checkPatterns('topic_permissions', definitions.topicPermissions, ['write', 'read']);
  yield* checkEach('parameters', definitions.parameters, checkParameter);
  checkPolicies('policy', 'policies', definitions.policies);
  checkPolicies('operator-policy', 'operator policies', definitions.operatorPolicies);
  yield* checkEach('exchanges', definitions.exchanges, checkExchange);
  yield* checkEach('queues', definitions.queues, queueType);
  return definitions;
}

/** @throws DefinitionsError where something refers to what is neither defined nor there; MetadataError as propose() says */
export async function importDefinitions(store: MetadataStore, definitions: Definitions, slices: Slices): Promise<void> {
  await slices.run(checkBindings(store, definitions));
  const changes = await slices.run(definitionChanges(withSecrets(store, definitions), store, queueType));
  await new Promise<void>((done, failed) => {
    store.propose(changes, (error) => (error === null ? done() : failed(error)));
  });
}

/** An export over HTTP masks passwords in URIs: where they are masked, those that are there stay. @throws DefinitionsError */
function withSecrets(store: MetadataStore, definitions: Definitions): Definitions {
  const snapshot = store.snapshot();
  const keyOf = ({ vhost, component, name }: ParameterRecord) => JSON.stringify([vhost, component, name]);
  const ofVhosts = new Map(snapshot.parameters.map((parameter) => [keyOf(parameter), parameter.value]));
  const global = new Map(snapshot.globalParameters.map(({ name, value }) => [name, value]));
  return {
    ...definitions,
    parameters: definitions.parameters.map((parameter, index) => {
      const value = unmasked(parameter.value, ofVhosts.get(keyOf(parameter)), `parameters[${index}]`);
      return { ...parameter, value };
    }),
    globalParameters: definitions.globalParameters.map(({ name, value }, index) => {
      return { name, value: unmasked(value, global.get(name), `global_parameters[${index}]`) };
    }),
  };
}

function unmasked(value: JsonValue, before: JsonValue | undefined, place: string): JsonValue {
  try {
    return withUriSecrets(value, before, 'value');
  } catch (error) {
    throw error instanceof MaskedSecretError ? new DefinitionsError(place, error.message) : error;
  }
}

function checkPatterns<T extends object>(
  list: string,
  records: readonly T[],
  names: readonly (keyof T & string)[],
): Steps<unknown> {
  return eachStep(records, (record, index) => {
    for (const name of names) {
      try {
        // RabbitMQ's variables are put in when a name is checked; here any name does.
        compilePattern((record[name] as string).replace(/\{(?:username|vhost)\}/g, 'name'));
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        throw new DefinitionsError(`${list}[${index}].${name}`, error.message);
      }
    }
  });
}

function checkPolicies(kind: PolicyKind, list: string, policies: readonly PolicyRecord[]): void {
  for (const policy of policies) {
    try {
      readPolicy(kind, policy, { ...policy, 'apply-to': policy.applyTo });
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      throw new DefinitionsError(`${list}: '${policy.name}' in vhost '${policy.vhost}'`, error.faults.join('; '));
    }
  }
}

/** Errors that a client would be told become errors of the file. */
function checkEach<T>(list: string, records: readonly T[], check: (record: T) => unknown): Steps<unknown> {
  return eachStep(records, (record, index) => {
    try {
      check(record);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      throw new DefinitionsError(`${list}[${index}]`, error.replyText.replace(/^[A-Z_]+ - /, ''));
    }
  });
}

function checkExchange(exchange: ExchangeRecord): void {
  const { vhost, name, type, arguments: args } = exchange;
  if (!isExchangeType(type)) throw preconditionFailed(`unknown exchange type '${type}'`);
  checkExchangeArguments({ vhost, name }, args);
  validateExchangeArguments(type, args);
}

function queueType(queue: DefinedQueue): QueueType {
  return readQueueArguments(queue, queue.arguments).type;
}

/** What nothing here acts upon would look as if it were set. */
function checkParameter({ component, name, value }: ParameterRecord): void {
  if (component !== 'vhost-limits')
    throw preconditionFailed(`this version has no parameters of component '${component}'`);
  if (name !== 'limits') throw preconditionFailed(`vhost-limits has only 'limits', not '${name}'`);
  const isLimits = typeof value === 'object' && value !== null && !Array.isArray(value);
  for (const [limit, count] of Object.entries(isLimits ? value : { value })) {
    if (!VHOST_LIMITS.includes(limit)) throw preconditionFailed(`there is no limit '${limit}', only ${VHOST_LIMITS}`);
    if (!Number.isSafeInteger(count)) throw preconditionFailed(`the limit '${limit}' must be a whole number`);
  }
}

const VHOST_LIMITS = ['max-connections', 'max-queues'];

/** A binding may be from an exchange of the same file, or from one that is there. */
function* checkBindings(store: MetadataStore, { exchanges, bindings }: Definitions): Steps {
  const types = new Map<string, RoutingType>();
  yield* eachStep([...exchanges, ...store.snapshot().exchanges], ({ vhost, name, type, arguments: args }) => {
    if (isExchangeType(type)) types.set(JSON.stringify([vhost, name]), routingTypeOf(type, args));
  });
  yield* checkEach('bindings', bindings, ({ vhost, source, destinationType, routingKey, arguments: args }) => {
    // One that is in neither is missed by the store, or is predeclared in a vhost of this file.
    const type = types.get(JSON.stringify([vhost, source]));
    if (type === undefined) return;
    validateBinding(type, { destinationKind: destinationType, routingKey, arguments: args });
  });
}
