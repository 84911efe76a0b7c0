/** A disk of a few mebibytes: a tmpfs of the test's own, which is really full when it is full. Mounting it takes root. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Does `work` with such a disk. Where this user may not mount one, the test is skipped with the reason.
   * @throws Error in CI, where nothing is left out
   */
  static async with(t: TestContext, size: string, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
    const path = mkdtempSync(join(tmpdir(), 'leveret-small-disk-'));
    const reason = run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'leveret-test', path);
    try {
      if (reason === null) return await work(new SmallDisk(path));
    } finally {
      if (reason === null) run('umount', path);
      rmdirSync(path);
    }
    if (process.env.CI) throw new Error(`a tmpfs could not be mounted: ${reason}`);
    t.skip(`a small disk cannot be mounted here, which takes root: ${reason}`);
  }

  resize(size: string): void {
    const reason = run('mount', '-o', `remount,size=${size}`, this.path);
    if (reason !== null) throw new Error(reason);
  }

  /** Takes up room that `dropBallast` gives back. */
  addBallast(bytes: number): void {
    writeFileSync(this.#ballast, Buffer.alloc(bytes));
  }

  /** Takes up all the room that there is. */
  fill(): void {
    const fill = spawnSync('dd', ['if=/dev/zero', `of=${this.#ballast}`, 'bs=4096', 'conv=notrunc', 'oflag=append']);
    if (!fill.stderr.toString().includes('No space left')) throw new Error(fill.stderr.toString());
  }

  dropBallast(): void {
    rmSync(this.#ballast);
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}

/** @returns what went wrong, or null. */
function run(command: string, ...args: string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}
