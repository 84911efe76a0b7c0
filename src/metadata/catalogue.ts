/**
 * All entities of a store in memory: what may be put, and what a deletion takes with it.
 *
 * This is the one place that knows what hangs on what. A deletion becomes one step for each entity that goes, children
 * before their parents. Steps can be undone, so that a batch which fails half-way, or cannot be persisted, leaves no trace.
 *
 * Invariant: every entity's parents are there.
 */
import assert from 'node:assert/strict';
import type { Steps } from '../runtime/slices.ts';
import {
  deletionOf,
  ENTITY_KINDS,
  type EntityKind,
  isDurableByItself,
  isPut,
  keyOf,
  type Put,
  parentKeysOf,
} from './entity.ts';
import { type Change, MetadataError, type MetadataSnapshot } from './port.ts';
import { encodeRecord, kindOfKey, recordOf } from './record-json.ts';

interface Entity {
  readonly put: Put;
  readonly parents: readonly string[];
  /** Kept over a restart: it and all its parents are durable. */
  readonly durable: boolean;
}

/** One entity that was changed. */
export interface Step {
  /** What followers are told. */
  readonly change: Change;
  readonly key: string;
  /** Whether it matters to what is kept over a restart. */
  readonly durable: boolean;
  readonly before: Entity | undefined;
  readonly after: Entity | undefined;
}

export class Catalogue {
  readonly #entities = new Map<EntityKind, Map<string, Entity>>(ENTITY_KINDS.map((kind) => [kind, new Map()]));
  /** What snapshots show of a kind, until something of it changes. */
  readonly #lists = new Map<EntityKind, readonly unknown[]>();
  /** Parent's key -> keys of what hangs on it. */
  readonly #children = new Map<string, Set<string>>();

  /**
   * Makes one change and appends what that meant to `steps`: nothing when it changes nothing, many when others go with it.
   * @throws MetadataError missing, conflict; the steps before this change stay done
   */
  *make(change: Change, steps: Step[]): Steps {
    if (isPut(change)) this.#put(change, steps);
    else {
      if (change.kind === 'delete-exchange' && change.ifUnused === true) this.#refuseUsed(change.name, keyOf(change));
      yield* this.#delete(keyOf(change), steps);
    }
    yield;
  }

  #refuseUsed(exchange: string, key: string): void {
    for (const child of this.#children.get(key) ?? []) {
      const put = this.find(child);
      if (put?.kind !== 'put-binding' || put.binding.source !== exchange) continue;
      throw new MetadataError('conflict', `exchange '${exchange}' in vhost '${put.binding.vhost}' is in use`);
    }
  }

  /** Takes steps back, and off the list, the last one first. @param from how many stay done */
  *undo(steps: Step[], from: number): Steps {
    while (steps.length > from) {
      const { key, before, after } = steps.pop()!;
      this.#set(key, after, before);
      yield;
    }
  }

  /** What was put under a key. */
  find(key: string): Put | undefined {
    return this.#get(key)?.put;
  }

  /** Whether a change may be of something that is kept over a restart: it has to be written, and takes its time. */
  isKept(change: Change): boolean {
    if (!isPut(change)) return this.#get(keyOf(change))?.durable === true;
    return isDurableByItself(change) && parentKeysOf(change).every((parent) => this.#get(parent)?.durable === true);
  }

  /** @param untold steps that are not to be seen yet, the last ones that were made */
  snapshot(untold: readonly Step[] = []): MetadataSnapshot {
    const before = new Map<string, Entity | undefined>();
    for (const step of untold) if (!before.has(step.key)) before.set(step.key, step.before);
    const changed = new Set(untold.map(({ key }) => kindOfKey(key)));
    const lists = ENTITY_KINDS.map((kind) => [
      LIST_OF_KIND[kind],
      this.#list(kind, changed.has(kind) ? before : NOTHING),
    ]);
    return Object.fromEntries(lists);
  }

  #list(kind: EntityKind, before: ReadonlyMap<string, Entity | undefined>): readonly unknown[] {
    const known = before.size === 0 ? this.#lists.get(kind) : undefined;
    if (known !== undefined) return known;
    const records: unknown[] = [];
    for (const [key, { put }] of this.#entities.get(kind)!) if (!before.has(key)) records.push(recordOf(put));
    for (const [key, entity] of before) {
      if (entity !== undefined && kindOfKey(key) === kind) records.push(recordOf(entity.put));
    }
    if (before.size === 0) this.#lists.set(kind, records);
    return records;
  }

  #get(key: string): Entity | undefined {
    return this.#entities.get(kindOfKey(key))!.get(key);
  }

  #put(given: Put, steps: Step[]): void {
    const key = keyOf(given);
    const before = this.#get(key);
    const put = withLineOf(before?.put, given);
    if (before !== undefined && isSettled(before.put, put)) return;
    const parents = before?.parents ?? parentKeysOf(put);
    const durable = isDurableByItself(put) && this.#areDurable(parents, key);
    const after = { put, parents, durable };
    this.#set(key, before, after);
    steps.push({ change: put, key, durable, before, after });
  }

  *#delete(key: string, steps: Step[]): Steps {
    const before = this.#get(key);
    if (before === undefined) return;
    for (const child of Array.from(this.#children.get(key) ?? [])) {
      yield* this.#delete(child, steps);
      yield;
    }
    this.#set(key, before, undefined);
    steps.push({ change: deletionOf(before.put), key, durable: before.durable, before, after: undefined });
  }

  #areDurable(parents: readonly string[], key: string): boolean {
    let durable = true;
    for (const parent of parents) {
      const entity = this.#get(parent);
      if (entity === undefined) throw new MetadataError('missing', `${key} needs ${parent}, which is not there`);
      durable &&= entity.durable;
    }
    return durable;
  }

  #set(key: string, from: Entity | undefined, to: Entity | undefined): void {
    const kind = kindOfKey(key);
    const entities = this.#entities.get(kind)!;
    assert(entities.get(key) === from, 'steps are made and undone in order');
    this.#lists.delete(kind);
    if (to === undefined) entities.delete(key);
    else entities.set(key, to);
    if (from === undefined) for (const parent of to!.parents) this.#link(parent, key);
    if (to === undefined) for (const parent of from!.parents) this.#unlink(parent, key);
  }

  #link(parent: string, child: string): void {
    const children = this.#children.get(parent);
    if (children === undefined) this.#children.set(parent, new Set([child]));
    else children.add(child);
  }

  #unlink(parent: string, child: string): void {
    const children = this.#children.get(parent);
    // A binding of an exchange to itself has the same parent twice.
    if (children?.delete(child) && children.size === 0) this.#children.delete(parent);
  }
}

const NOTHING: ReadonlyMap<string, Entity | undefined> = new Map();

const LIST_OF_KIND: Readonly<Record<EntityKind, keyof MetadataSnapshot>> = {
  vhost: 'vhosts',
  user: 'users',
  permission: 'permissions',
  'topic-permission': 'topicPermissions',
  exchange: 'exchanges',
  queue: 'queues',
  binding: 'bindings',
  policy: 'policies',
  'operator-policy': 'operatorPolicies',
  parameter: 'parameters',
  'global-parameter': 'globalParameters',
};

/**
 * Whether a put of what is there already is done with. Two nodes may declare the same name at once, so the second one has to
 * hear that it lost: a queue with another id, or an exchange that differs, is another thing.
 */
function isSettled(before: Put, put: Put): boolean {
  if ('unlessThere' in put) return true;
  if (put.kind === 'put-binding') return true;
  if (put.kind === 'put-exchange') {
    if (withoutLine(before) === withoutLine(put)) return true;
    throw new MetadataError(
      'conflict',
      `there is another exchange '${put.exchange.name}' in vhost '${put.exchange.vhost}'`,
    );
  }
  if (put.kind === 'put-queue' && before.kind === 'put-queue') {
    const { id, durable, exclusive, name, vhost } = put.queue;
    const { queue } = before;
    if (queue.id === id && queue.durable === durable && queue.exclusive === exclusive) return false;
    throw new MetadataError('conflict', `there is another queue '${name}' in vhost '${vhost}'`);
  }
  return false;
}

/** A vhost keeps the id of its line, whoever changes the rest of it. */
function withLineOf(before: Put | undefined, put: Put): Put {
  if (put.kind !== 'put-vhost' || before?.kind !== 'put-vhost' || before.vhost.lineId === undefined) return put;
  return { ...put, vhost: { ...put.vhost, lineId: before.vhost.lineId } };
}

/** What was declared: each declaration brings an id for the line, and that of the first counts. */
function withoutLine(put: Put): string {
  if (put.kind !== 'put-exchange') return encodeRecord(put);
  const { lineId, ...exchange } = put.exchange;
  return encodeRecord({ kind: put.kind, exchange });
}
