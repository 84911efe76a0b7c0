/**
 * Processes that tests have left behind, because they forgot them or were killed before they could end them. All that tests
 * start bears the run's mark in its environment, however far down it was started; where there is no /proc nothing is found.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export const MARK = 'TEST_RUN_OF_LEVERET';

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** What a test has told to end may need a moment. */
const GRACE_MS = 3000;
const POLL_MS = 50;

/** Kills what is left of a run and returns it, once that which is ending has had its time. */
export async function endLeftovers(mark: string, graceMs = GRACE_MS): Promise<Leftover[]> {
  const giveUpAtMs = performance.now() + graceMs;
  while (leftovers(mark).length > 0 && performance.now() < giveUpAtMs) await delay(POLL_MS);
  const left = leftovers(mark);
  for (const { pid } of left) kill(pid);
  return left;
}

function leftovers(mark: string): Leftover[] {
  if (!existsSync('/proc/self/environ')) return [];
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  return pids
    .filter((pid) => text(`/proc/${pid}/environ`).split('\0').includes(`${MARK}=${mark}`))
    .map((pid) => ({ pid, command: text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }));
}

/** Empty when the process is gone, or somebody else's. */
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
