/** All vhosts of a broker, kept in step with the metadata store: `apply` is given every change, in order. */
import type {
  BindingRecord,
  Change,
  ExchangeRecord,
  MetadataSnapshot,
  PolicyRecord,
  QueueRecord,
  VhostRecord,
} from '../metadata/port.ts';
import type { Churn } from '../metrics/churn.ts';
import { faultOfPattern } from '../policies/definition-check.ts';
import { inactiveKeys, type PolicyKind } from '../policies/policy-keys.ts';
import type { DelayLine } from '../queues/delay-line.ts';
import type { Queue } from '../queues/queue.ts';
import { Exchange } from '../routing/exchange.ts';
import { isExchangeType } from '../routing/exchange-types.ts';
import { Firehose } from './firehose.ts';
import { InternalPublisher } from './internal-publisher.ts';
import { BrokerTotals } from './totals.ts';
import { Vhost, type VhostEnvironment } from './vhost.ts';

export interface VhostsEnvironment extends Omit<VhostEnvironment, 'totals'> {
  readonly churn: Churn;
  /** What messages that are traced are said to have come from. */
  readonly nodeName: string;
}

export class Vhosts {
  /** What is gone had counted, in all vhosts. */
  readonly totals = new BrokerTotals();
  readonly internalPublisher: InternalPublisher;
  readonly #env: VhostEnvironment;
  readonly #churn: Churn;
  readonly #nodeName: string;
  readonly #vhosts = new Map<string, Vhost>();
  readonly #records = new WeakMap<Queue, QueueRecord>();
  readonly #inactiveNoted = new Set<string>();

  constructor({ churn, nodeName, ...env }: VhostsEnvironment) {
    this.#env = { ...env, totals: this.totals };
    this.#churn = churn;
    this.#nodeName = nodeName;
    this.internalPublisher = new InternalPublisher(this, () => env.clock.nowMs(), env.log);
  }

  get(name: string): Vhost | undefined {
    return this.#vhosts.get(name);
  }

  all(): Iterable<Vhost> {
    return this.#vhosts.values();
  }

  *queues(): Iterable<Queue> {
    for (const vhost of this.#vhosts.values()) yield* vhost.queues.values();
  }

  *lines(): Iterable<DelayLine> {
    for (const vhost of this.#vhosts.values()) yield* vhost.allLines();
  }

  /** What the queue was declared as. */
  recordOf(queue: Queue): QueueRecord {
    const record = this.#records.get(queue);
    if (record === undefined) throw new Error(`queue '${queue.name}' has no record`);
    return record;
  }

  /** Takes over what was durable, at the start. */
  restore(snapshot: MetadataSnapshot): void {
    for (const vhost of snapshot.vhosts) this.#putVhost(vhost);
    for (const exchange of snapshot.exchanges) this.#addExchange(exchange);
    for (const queue of snapshot.queues) this.#addQueue(queue);
    for (const binding of snapshot.bindings) this.#bind(binding);
    // After what they apply to, so that each pattern is asked once for all of it.
    for (const policy of snapshot.policies) this.#putPolicy('policy', policy);
    for (const policy of snapshot.operatorPolicies) this.#putPolicy('operator-policy', policy);
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'put-vhost':
        return this.#putVhost(change.vhost);
      case 'delete-vhost':
        this.#vhosts.get(change.name)?.destroy();
        this.#vhosts.delete(change.name);
        return;
      case 'put-exchange':
        return this.#addExchange(change.exchange);
      case 'delete-exchange':
        return this.#vhosts.get(change.vhost)?.removeExchange(change.name);
      case 'put-queue':
        if (this.#addQueue(change.queue)) this.#churn.queueCreated++;
        return;
      case 'delete-queue':
        if (this.#vhosts.get(change.vhost)?.removeQueue(change.name)) this.#churn.queueDeleted++;
        return;
      case 'put-binding':
        return this.#bind(change.binding);
      case 'delete-binding':
        return this.#unbind(change.binding);
      case 'put-policy':
        return this.#putPolicy('policy', change.policy);
      case 'delete-policy':
        return this.#vhosts.get(change.vhost)?.policies.delete('policy', change.name);
      case 'put-operator-policy':
        return this.#putPolicy('operator-policy', change.policy);
      case 'delete-operator-policy':
        return this.#vhosts.get(change.vhost)?.policies.delete('operator-policy', change.name);
    }
  }

  #putVhost({ name, defaultQueueType = 'classic', tracing, lineId }: VhostRecord): void {
    const vhost = this.#vhosts.get(name) ?? new Vhost(name, this.#env);
    vhost.defaultQueueType = defaultQueueType;
    vhost.lineId = lineId;
    this.#vhosts.set(name, vhost);
    this.#trace(vhost, tracing);
  }

  #trace(vhost: Vhost, tracing: boolean): void {
    if (tracing === (vhost.firehose !== null)) return;
    vhost.firehose = tracing ? new Firehose(vhost.name, this.#nodeName, this.internalPublisher) : null;
    this.#env.log.info('vhost', `${tracing ? 'Enabling' : 'Disabling'} tracing for vhost '${vhost.name}'`);
  }

  #addExchange(record: ExchangeRecord): void {
    const vhost = this.#vhosts.get(record.vhost);
    const { type } = record;
    // The default exchange has no bindings: publishes to it name their queue.
    if (vhost === undefined || record.name === '' || vhost.exchanges.has(record.name)) return;
    if (!isExchangeType(type)) throw new Error(`exchange '${record.name}' is of the unknown type '${type}'`);
    vhost.addExchange(new Exchange({ ...record, type }), record.lineId);
  }

  /** @returns whether it is new */
  #addQueue(record: QueueRecord): boolean {
    const vhost = this.#vhosts.get(record.vhost);
    if (vhost === undefined || vhost.queues.has(record.name)) return false;
    this.#records.set(vhost.addQueue(record), record);
    return true;
  }

  #bind({ vhost: name, source, destinationType, destination, routingKey, arguments: args }: BindingRecord): void {
    const vhost = this.#vhosts.get(name);
    const to = vhost?.destination(destinationType, destination);
    if (vhost !== undefined && to !== undefined) vhost.bind(source, to, routingKey, args);
  }

  #unbind({ vhost: name, source, destinationType, destination, routingKey, arguments: args }: BindingRecord): void {
    const vhost = this.#vhosts.get(name);
    const to = vhost?.destination(destinationType, destination);
    if (vhost !== undefined && to !== undefined) vhost.unbind(source, to, routingKey, args);
  }

  #putPolicy(kind: PolicyKind, policy: PolicyRecord): void {
    this.#noteInactive(policy);
    this.#noteFault(policy);
    this.#vhosts.get(policy.vhost)?.policies.put(kind, policy);
  }

  /** It was checked before it was kept, but a newer version may have taken what this one cannot read. */
  #noteFault({ vhost, name, pattern }: PolicyRecord): void {
    const fault = faultOfPattern(pattern);
    if (fault === undefined) return;
    this.#env.log.warning('policy', `policy '${name}' in vhost '${vhost}' applies to nothing: ${fault} in its pattern`);
  }

  /** Each key once: who has one such policy often has many. */
  #noteInactive({ vhost, name, definition }: PolicyRecord): void {
    const news = inactiveKeys(definition).filter((key) => !this.#inactiveNoted.has(key));
    if (news.length === 0) return;
    for (const key of news) this.#inactiveNoted.add(key);
    const what =
      news.length === 1
        ? 'is kept, but this version does not act upon it'
        : 'are kept, but this version does not act upon them';
    this.#env.log.warning('policy', `policy '${name}' in vhost '${vhost}': ${news.join(', ')} ${what}`);
  }
}
