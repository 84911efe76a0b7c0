/** Records for tests: a valid one of each kind, of which a test changes what it is about. */
import assert from 'node:assert/strict';
import { EMPTY_TABLE } from '../protocol/field-table.ts';
import type {
  BindingRecord,
  Change,
  ExchangeRecord,
  MetadataError,
  MetadataStore,
  PolicyRecord,
  QueueRecord,
  UserRecord,
  VhostRecord,
} from './port.ts';

export function vhostRecord(name = '/'): VhostRecord {
  return { name, description: '', tags: [], tracing: false };
}

export function userRecord(name = 'alice'): UserRecord {
  return { name, passwordHash: '', hashing: 'sha256', tags: [], limits: {} };
}

export function exchangeRecord(values: Partial<ExchangeRecord> = {}): ExchangeRecord {
  const fixed = { vhost: '/', name: 'orders', type: 'direct', durable: true, autoDelete: false, internal: false };
  return { ...fixed, arguments: EMPTY_TABLE, ...values };
}

export function queueRecord(values: Partial<QueueRecord> = {}): QueueRecord {
  const fixed = { vhost: '/', name: 'invoices', id: 1, durable: true, autoDelete: false, exclusive: false };
  return { ...fixed, type: 'classic', arguments: EMPTY_TABLE, ...values };
}

export function bindingRecord(values: Partial<BindingRecord> = {}): BindingRecord {
  const ends = { vhost: '/', source: 'orders', destination: 'invoices', destinationType: 'queue' as const };
  return { ...ends, routingKey: 'paid', arguments: EMPTY_TABLE, ...values };
}

export function policyRecord(values: Partial<PolicyRecord> = {}): PolicyRecord {
  const fixed = { vhost: '/', name: 'limits', pattern: '^a', applyTo: 'queues' as const, priority: 0 };
  return { ...fixed, definition: { 'max-length': 10 }, ...values };
}

export function putVhost(name = '/'): Change {
  return { kind: 'put-vhost', vhost: vhostRecord(name) };
}

export function putUser(name = 'alice'): Change {
  return { kind: 'put-user', user: userRecord(name) };
}

export function putExchange(values: Partial<ExchangeRecord> = {}): Change {
  return { kind: 'put-exchange', exchange: exchangeRecord(values) };
}

export function putQueue(values: Partial<QueueRecord> = {}): Change {
  return { kind: 'put-queue', queue: queueRecord(values) };
}

export function putBinding(values: Partial<BindingRecord> = {}): Change {
  return { kind: 'put-binding', binding: bindingRecord(values) };
}

export function putPermission(user = 'alice', vhost = '/'): Change {
  return { kind: 'put-permission', permission: { user, vhost, configure: '.*', write: '.*', read: '.*' } };
}

/** Proposes what may be too long to be done at once. @returns its answer */
export function laterAnswerTo(store: MetadataStore, changes: readonly Change[]): Promise<MetadataError | null> {
  return new Promise((answer) => store.propose(changes, answer));
}

/** Proposes what is long and has to work. */
export async function makeMany(store: MetadataStore, ...changes: Change[]): Promise<void> {
  assert.equal(await laterAnswerTo(store, changes), null);
}

/** Proposes to an embedded store, which answers at once what is short. @returns its answer */
export function answerTo(store: MetadataStore, changes: readonly Change[]): MetadataError | null {
  const answers: (MetadataError | null)[] = [];
  store.propose(changes, (error) => answers.push(error));
  assert.equal(answers.length, 1, 'an embedded store answers once, before propose returns');
  return answers[0]!;
}

/** Proposes what has to work. */
export function make(store: MetadataStore, ...changes: Change[]): void {
  assert.equal(answerTo(store, changes), null);
}
