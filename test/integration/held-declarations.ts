/** Syncs of what is declared, in the brokers of this process, that wait until the test lets them go on. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';
import type { RawClient } from '../differential/raw-client.ts';

type Fdatasync = (fd: number, done: fs.NoParamCallback) => void;

export class HeldDeclarations {
  readonly #held: ((error?: Error) => void)[] = [];
  #holds = false;

  constructor(t: TestContext) {
    const { fdatasync } = fs;
    const replace = (by: Fdatasync): void => {
      Object.assign(fs, { fdatasync: by });
      syncBuiltinESMExports();
    };
    replace((fd, done) => {
      if (!this.#holds || !fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('metadata.sqlite-wal')) {
        return fdatasync(fd, done);
      }
      this.#held.push((error) => (error === undefined ? fdatasync(fd, done) : done(error)));
    });
    t.after(() => {
      this.release();
      replace(fdatasync);
    });
  }

  hold(): void {
    this.#holds = true;
  }

  release(): void {
    this.#holds = false;
    for (const go of this.#held.splice(0)) go();
  }

  /** What is held fails, and whatever comes later goes on. */
  fail(): void {
    this.#holds = false;
    for (const go of this.#held.splice(0)) go(new Error('EIO: i/o error, fdatasync'));
  }

  /** Nothing but what was proposed before is synced, and what comes now waits behind it. */
  async holdBehind(client: RawClient): Promise<void> {
    this.hold();
    client.send('queue.declare', { queue: 'held', durable: true });
    while (this.#held.length === 0) await new Promise((next) => setImmediate(next));
  }
}

/** Resolves once the broker has taken in all that the client has sent. @param number of a channel that is not open */
export async function takenIn(client: RawClient, number: number): Promise<void> {
  await client.openChannel(number);
}
