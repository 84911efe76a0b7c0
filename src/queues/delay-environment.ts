/** What a delay line is told when it is made: who it is, and what it needs of the world above it. */
import type { Clock } from '../runtime/clock.ts';
import type { Disk } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import type { DamageReport } from '../storage/damage.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import type { MessageStore } from '../storage/message-store.ts';
import type { Page } from '../storage/page.ts';
import type { DelayLine } from './delay-line.ts';
import type { DelayMover } from './delay-mover.ts';

export interface DelayLineIdentity {
  readonly vhost: string;
  /** Of the exchange. */
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
}

/** Where messages are moved to, and who does it. */
export interface DelayPlace {
  readonly disk: Disk;
  /** Null for a broker in memory, and so is `files`: nothing is moved then. */
  readonly damage: DamageReport | null;
  readonly files: DelayFiles | null;
  readonly mover: DelayMover;
  /** How much makes a segment. */
  readonly segmentBytes: number;
  readonly turn: DelayTurn;
}

/** What a line needs of the turns of the event loop. */
export interface DelayTurn {
  /** A turn is to end: something was appended or settled outside of one. */
  schedule(): void;
  /** The next turn asks `timely`, before it delivers anything. It has not asked since `inTurn` has said that it needs no more. */
  awaitTime(timely: Timely): void;
}

/** What has something to do at a time, and soon: timers are up to a millisecond late, and there are more turns than that. */
export interface Timely {
  /** @param nowMs the wall clock @returns whether it is to be asked in the next turn, too */
  inTurn(nowMs: number): boolean;
}

export interface DelayEnvironment extends DelayPlace {
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Publishes a message that is due; `isRepeated`: it may have been before. */
  release(line: DelayLine, page: Page, offset: number, isRepeated: boolean): void;
}
