/**
 * All entities of a store in memory: what may be put, and what a deletion takes with it.
 *
 * This is the one place that knows what hangs on what. A deletion becomes one step for each entity that goes, children
 * before their parents. Steps can be undone, so that a batch which fails half-way, or cannot be persisted, leaves no trace.
 *
 * Invariant: every entity's parents are there.
 */
import assert from 'node:assert/strict';
import { deletionOf, isDurableByItself, isPut, keyOf, type Put, parentKeysOf } from './entity.ts';
import { type Change, MetadataError, type MetadataSnapshot } from './port.ts';
import { encodeRecord } from './record-json.ts';

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
  readonly #entities = new Map<string, Entity>();
  /** Parent's key -> keys of what hangs on it. */
  readonly #children = new Map<string, Set<string>>();

  /**
   * Makes one change and appends what that meant to `steps`: nothing when it changes nothing, many when others go with it.
   * @throws MetadataError missing, conflict; the steps before this change stay done
   */
  make(change: Change, steps: Step[]): void {
    if (isPut(change)) this.#put(change, steps);
    else this.#delete(keyOf(change), steps);
  }

  /** Takes steps back, the last one first. */
  undo(steps: readonly Step[]): void {
    for (const step of steps.toReversed()) this.#set(step.key, step.after, step.before);
  }

  /** What was put under a key. */
  find(key: string): Put | undefined {
    return this.#entities.get(key)?.put;
  }

  snapshot(): MetadataSnapshot {
    const lists = new SnapshotLists();
    for (const { put } of this.#entities.values()) lists.add(put);
    return lists;
  }

  #put(put: Put, steps: Step[]): void {
    const key = keyOf(put);
    const before = this.#entities.get(key);
    if (before !== undefined && isSettled(before.put, put)) return;
    const parents = before?.parents ?? parentKeysOf(put);
    const durable = isDurableByItself(put) && this.#areDurable(parents, key);
    const after = { put, parents, durable };
    this.#set(key, before, after);
    steps.push({ change: put, key, durable, before, after });
  }

  #delete(key: string, steps: Step[]): void {
    const before = this.#entities.get(key);
    if (before === undefined) return;
    for (const child of Array.from(this.#children.get(key) ?? [])) this.#delete(child, steps);
    this.#set(key, before, undefined);
    steps.push({ change: deletionOf(before.put), key, durable: before.durable, before, after: undefined });
  }

  #areDurable(parents: readonly string[], key: string): boolean {
    let durable = true;
    for (const parent of parents) {
      const entity = this.#entities.get(parent);
      if (entity === undefined) throw new MetadataError('missing', `${key} needs ${parent}, which is not there`);
      durable &&= entity.durable;
    }
    return durable;
  }

  #set(key: string, from: Entity | undefined, to: Entity | undefined): void {
    assert(this.#entities.get(key) === from, 'steps are made and undone in order');
    if (to === undefined) this.#entities.delete(key);
    else this.#entities.set(key, to);
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

class SnapshotLists implements MetadataSnapshot {
  readonly vhosts: MetadataSnapshot['vhosts'][number][] = [];
  readonly users: MetadataSnapshot['users'][number][] = [];
  readonly permissions: MetadataSnapshot['permissions'][number][] = [];
  readonly topicPermissions: MetadataSnapshot['topicPermissions'][number][] = [];
  readonly exchanges: MetadataSnapshot['exchanges'][number][] = [];
  readonly queues: MetadataSnapshot['queues'][number][] = [];
  readonly bindings: MetadataSnapshot['bindings'][number][] = [];
  readonly policies: MetadataSnapshot['policies'][number][] = [];
  readonly operatorPolicies: MetadataSnapshot['operatorPolicies'][number][] = [];
  readonly parameters: MetadataSnapshot['parameters'][number][] = [];
  readonly globalParameters: MetadataSnapshot['globalParameters'][number][] = [];

  add(put: Put): void {
    switch (put.kind) {
      case 'put-vhost':
        this.vhosts.push(put.vhost);
        return;
      case 'put-user':
        this.users.push(put.user);
        return;
      case 'put-permission':
        this.permissions.push(put.permission);
        return;
      case 'put-topic-permission':
        this.topicPermissions.push(put.topicPermission);
        return;
      case 'put-exchange':
        this.exchanges.push(put.exchange);
        return;
      case 'put-queue':
        this.queues.push(put.queue);
        return;
      case 'put-binding':
        this.bindings.push(put.binding);
        return;
      case 'put-policy':
        this.policies.push(put.policy);
        return;
      case 'put-operator-policy':
        this.operatorPolicies.push(put.policy);
        return;
      case 'put-parameter':
        this.parameters.push(put.parameter);
        return;
      case 'put-global-parameter':
        this.globalParameters.push(put.parameter);
        return;
    }
  }
}

/**
 * Whether a put of what is there already is done with. Two nodes may declare the same name at once, so the second one has to
 * hear that it lost: a queue with another id, or an exchange that differs, is another thing.
 */
function isSettled(before: Put, put: Put): boolean {
  if (put.kind === 'put-binding') return true;
  if (put.kind === 'put-exchange') {
    if (encodeRecord(before) === encodeRecord(put)) return true;
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
