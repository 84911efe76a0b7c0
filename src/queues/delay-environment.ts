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
  /** A turn is to end: something was appended or settled outside of one. */
  schedule(): void;
}

export interface DelayEnvironment extends DelayPlace {
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Publishes a message that is due; `isRepeated`: it may have been before. */
  release(line: DelayLine, page: Page, offset: number, isRepeated: boolean): void;
}
