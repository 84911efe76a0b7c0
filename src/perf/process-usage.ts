/** CPU and memory of other processes, and of the machine, as Linux's /proc shows them; elsewhere everything is zero. */

import fs from 'node:fs';

/** /proc counts CPU in hundredths of a second on every architecture Node runs on. */
const ticksPerSecond = 100;

/** User and system time that these processes have used, all their threads together, in seconds; one that is gone counts zero. */
export function cpuSecondsOf(pids: readonly number[]): number {
  let seconds = 0;
  for (const pid of pids) {
    const stat = readText(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses, which may hold anything: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields.length > 12) seconds += (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }
  return seconds;
}

/** Resident memory of these processes together, in bytes. */
export function residentBytesOf(pids: readonly number[]): number {
  return memoryOf(pids, /^VmRSS:\s+(\d+) kB$/m);
}

/** The most that each of these processes had resident since it started, added up, in bytes. */
export function peakResidentBytesOf(pids: readonly number[]): number {
  return memoryOf(pids, /^VmHWM:\s+(\d+) kB$/m);
}

function memoryOf(pids: readonly number[], line: RegExp): number {
  let bytes = 0;
  for (const pid of pids) {
    const kibibytes = line.exec(readText(`/proc/${pid}/status`));
    if (kibibytes) bytes += Number(kibibytes[1]) * 1024;
  }
  return bytes;
}

/** CPU seconds that the whole machine has used since it started, interrupts included. */
export function machineCpuSeconds(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readText('/proc/stat').split('\n', 1)[0]!.split(/\s+/);
  const ticks = [user, nice, system, irq, softirq, steal].map((field) => Number(field ?? 0));
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond;
}

/** CPU seconds of this process, all threads. */
export function ownCpuSeconds(): number {
  const usage = process.cpuUsage();
  return (usage.user + usage.system) / 1e6;
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch (error) {
    // The process ended, or this is no Linux: both are an ordinary answer to "how much".
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
