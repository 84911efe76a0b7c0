/**
 * Records <-> the text that a store keeps of them. The kind of a record stands in its key, not in its text.
 *
 * Invariant: decodeRecord(kind, encodeRecord(put)) is the same change, to the type of every argument.
 */
import assert from 'node:assert/strict';
import { tableFromJson, tableToJson } from '../protocol/field-table.ts';
import { ENTITY_KINDS, type EntityKind, type Put } from './entity.ts';

/** The record of a put as JSON. Its octets are UTF-8 whatever the names are: what JSON cannot carry it escapes. */
export function encodeRecord(put: Put): string {
  switch (put.kind) {
    case 'put-exchange':
      return encodeWithArguments(put.exchange);
    case 'put-queue':
      return encodeWithArguments(put.queue);
    case 'put-binding':
      return encodeWithArguments(put.binding);
    default:
      return JSON.stringify(recordOf(put));
  }
}

/** The put of a record that encodeRecord() wrote; nothing but such text may come here: a checksum has to stand over it. */
export function decodeRecord(kind: EntityKind, text: string): Put {
  const record = JSON.parse(text);
  if ('arguments' in record) record.arguments = tableFromJson(record.arguments);
  return { kind: `put-${kind}`, [FIELD_OF_KIND[kind]]: record } as unknown as Put;
}

/** The kind that a key of ours begins with. */
export function kindOfKey(key: string): EntityKind {
  const kind = key.slice(2, key.indexOf('"', 2));
  assert(isEntityKind(kind), `unknown kind of record: ${key}`);
  return kind;
}

function isEntityKind(kind: string): kind is EntityKind {
  return (ENTITY_KINDS as readonly string[]).includes(kind);
}

/** Where the record of each kind stands in its put. */
const FIELD_OF_KIND: Readonly<Record<EntityKind, string>> = {
  vhost: 'vhost',
  user: 'user',
  permission: 'permission',
  'topic-permission': 'topicPermission',
  exchange: 'exchange',
  queue: 'queue',
  binding: 'binding',
  policy: 'policy',
  'operator-policy': 'policy',
  parameter: 'parameter',
  'global-parameter': 'parameter',
};

/** The record of a put, shared with whoever has the put. */
export function recordOf(put: Put): unknown {
  switch (put.kind) {
    case 'put-vhost':
      return put.vhost;
    case 'put-user':
      return put.user;
    case 'put-permission':
      return put.permission;
    case 'put-topic-permission':
      return put.topicPermission;
    case 'put-exchange':
      return put.exchange;
    case 'put-queue':
      return put.queue;
    case 'put-binding':
      return put.binding;
    case 'put-policy':
    case 'put-operator-policy':
      return put.policy;
    case 'put-parameter':
    case 'put-global-parameter':
      return put.parameter;
  }
}

function encodeWithArguments(record: { readonly arguments: Parameters<typeof tableToJson>[0] }): string {
  return JSON.stringify({ ...record, arguments: tableToJson(record.arguments) });
}
