/**
 * Where delay segments lie: `delayed/ID/NUMBER.segment`, a folder for each delay line.
 *
 * `delayed/stopped` is there while no broker runs that ended in good order. After any other end something may have been handed
 * out whose release did not reach the disk: it is released once more, and marked.
 */
import * as fs from 'node:fs';
import { promises } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory, syncFolder } from '../runtime/disk.ts';
import { unfinishedPath } from './delay-draft.ts';
import { goneFilePath } from './gone-file.ts';

/** In the data directory. */
export const DELAYED_DIRECTORY = 'delayed';
const SUFFIX = '.segment';

export class DelayFiles {
  readonly #directory: string;
  /** Whether the last broker on this directory ended in good order, or there was none. */
  readonly wasStopped: boolean;

  /** @param directory the data directory */
  constructor(directory: string) {
    this.#directory = join(directory, DELAYED_DIRECTORY);
    this.wasStopped = !fs.existsSync(this.#directory) || fs.existsSync(this.#stoppedPath);
    fs.mkdirSync(this.#directory, { recursive: true });
    fs.rmSync(this.#stoppedPath, { force: true });
    syncDirectory(this.#directory);
    syncDirectory(directory);
  }

  get #stoppedPath(): string {
    return join(this.#directory, 'stopped');
  }

  folderOf(lineId: number): string {
    return join(this.#directory, String(lineId));
  }

  pathOf(lineId: number, number: number): string {
    return join(this.folderOf(lineId), `${String(number).padStart(16, '0')}${SUFFIX}`);
  }

  /** Makes the folder that a first segment needs. */
  makeFolder(lineId: number): void {
    const folder = this.folderOf(lineId);
    if (fs.existsSync(folder)) return;
    fs.mkdirSync(folder);
    syncDirectory(this.#directory);
  }

  /** A segment that is written gets its name. @throws Error of the disk; then no segment has it */
  async finish(path: string): Promise<void> {
    await promises.rename(unfinishedPath(path), path);
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      fs.rmSync(path);
      throw error;
    }
  }

  /** The segments of a line, oldest first; files that were not finished, or tell of no segment, are removed. */
  segmentsOf(lineId: number): string[] {
    const folder = this.folderOf(lineId);
    if (!fs.existsSync(folder)) return [];
    const names = fs.readdirSync(folder).sort();
    const isLeft = (name: string) =>
      name.endsWith('.new') || (name.endsWith('.gone') && !names.includes(name.replace(/\.gone$/, SUFFIX)));
    for (const name of names) if (isLeft(name)) fs.rmSync(join(folder, name));
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => join(folder, name));
  }

  /** Removes what lines have left that are no more. */
  keepOnly(lineIds: ReadonlySet<number>): void {
    for (const name of fs.readdirSync(this.#directory)) {
      if (!/^\d+$/.test(name) || lineIds.has(Number(name))) continue;
      fs.rmSync(join(this.#directory, name), { recursive: true, force: true });
    }
  }

  /** The line is gone, with all that it held. What is not removed for want of time or luck is by the next start. */
  async remove(lineId: number): Promise<void> {
    await promises.rm(this.folderOf(lineId), { recursive: true, force: true }).catch(() => undefined);
  }

  /** Resolves once the files are gone for certain; never, where the disk refuses it. */
  async removeSegments(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await promises.rm(path, { force: true });
      await promises.rm(goneFilePath(path), { force: true });
    }
    await syncFolder(dirname(paths[0]));
  }

  /** All that was released is on the disk. @returns why it could not be noted, or null */
  noteStop(): Error | null {
    try {
      fs.writeFileSync(this.#stoppedPath, '');
      syncDirectory(this.#directory);
      return null;
    } catch (error) {
      return error as Error;
    }
  }
}
