/**
 * The alarms in force: why publishers are blocked. Each cause raises and clears its own, and publishers go on when none is left.
 * Clients are told of two resources, memory and disk, as RabbitMQ tells them; its words stand in the log, too.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

export type AlarmedResource = 'memory' | 'disk';

/** `journal`: the disk refuses writes, whatever it says of free space. */
export type AlarmCause = AlarmedResource | 'journal';

export interface Alarm {
  readonly cause: AlarmCause;
  readonly resource: AlarmedResource;
  /** By the wall clock. */
  readonly sinceMs: number;
}

const RESOURCES: Readonly<Record<AlarmCause, AlarmedResource>> = { memory: 'memory', disk: 'disk', journal: 'disk' };
/** RabbitMQ names them in this order, whichever came first. */
const NAMED: readonly AlarmedResource[] = ['disk', 'memory'];

export interface AlarmsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** An alarm was raised or cleared. */
  changed(cause: AlarmCause): void;
  /** A resource has become low, or is no longer. */
  lowChanged?(resource: AlarmedResource, isLow: boolean): void;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #inForce = new Map<AlarmCause, Alarm>();
  /** What clients are told ("low on memory"), or null while there is no alarm. */
  reason: string | null = null;

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  /** In the order in which they were raised. */
  get inForce(): readonly Alarm[] {
    return [...this.#inForce.values()];
  }

  isLow(resource: AlarmedResource): boolean {
    return this.inForce.some((alarm) => alarm.resource === resource);
  }

  /** @returns whether it was not so before */
  set(cause: AlarmCause, inForce: boolean): boolean {
    if (this.#inForce.has(cause) === inForce) return false;
    const resource = RESOURCES[cause];
    const wasLow = this.isLow(resource);
    if (inForce) this.#inForce.set(cause, { cause, resource, sinceMs: this.#options.clock.nowMs() });
    else this.#inForce.delete(cause);
    if (this.isLow(resource) !== wasLow) this.#tell(resource, inForce);
    this.#options.changed(cause);
    return true;
  }

  #tell(resource: AlarmedResource, inForce: boolean): void {
    const low = NAMED.filter((each) => this.isLow(each));
    this.reason = low.length === 0 ? null : `low on ${low.join(' & ')}`;
    this.#options.lowChanged?.(resource, inForce);
    const { log, nodeName } = this.#options;
    const consequence = inForce ? '. *** Publishers will be blocked until this alarm clears ***' : '';
    log.warning(
      'alarm',
      `${resource} resource limit alarm ${inForce ? 'set' : 'cleared'} on node '${nodeName}'${consequence}`,
    );
  }
}
