/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from './clock.ts';

interface Appointment extends Timer {
  atMs: number;
  order: number;
  readonly periodMs: number;
  readonly callback: () => void;
}

export class TestClock implements Clock {
  #nowMs: number;
  #jumpedMs = 0;
  #made = 0;
  readonly #appointments = new Set<Appointment>();

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#jumpedMs;
  }

  /** Sets the wall clock forth or back, as an operator does; timers do not notice. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** Lets time pass in which the process does nothing: what became due is called back by the next `advance`. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, 0, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#add(periodMs, periodMs, callback);
  }

  /** Timers that are waiting: what a test leaves behind. */
  get waiting(): number {
    return this.#appointments.size;
  }

  /** Moves time on, and calls back whatever is due on the way, in its order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.periodMs === 0) next.cancel();
      else {
        next.atMs = this.#nowMs + next.periodMs;
        next.order = this.#made++;
      }
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Appointment | null {
    let first: Appointment | null = null;
    for (const each of this.#appointments) {
      if (each.atMs > untilMs) continue;
      if (first === null || each.atMs < first.atMs || (each.atMs === first.atMs && each.order < first.order))
        first = each;
    }
    return first;
  }

  #add(delayMs: number, periodMs: number, callback: () => void): Timer {
    const appointment: Appointment = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#made++,
      periodMs,
      callback,
      cancel: () => this.#appointments.delete(appointment),
    };
    this.#appointments.add(appointment);
    return appointment;
  }
}
