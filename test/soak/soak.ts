/**
 * What takes too long for every run of the tests: `npm run soak`.
 *
 *   npm run soak                                     100 rounds of kill -9
 *   npm run soak -- kill --rounds 1000 --seed 7      as many as you like, repeating what a seed chose
 *   npm run soak -- backlog                          5 million persistent messages of 1 KiB: about 6 GB of disk
 *   npm run soak -- backlog --messages 100000
 *   npm run soak -- compaction --rounds 100          so many kills in the midst of compaction
 *   npm run soak -- delayed --messages 2000000       so many delayed messages, due over a year
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { delayedGoals } from '../../bench/delayed-load.ts';
import { mebibytes, runBacklog } from '../faults/backlog.ts';
import { runCompactionKills } from '../faults/compaction-kills.ts';
import { runDelayedBacklog } from '../faults/delayed-backlog.ts';
import { seedFromEnvironment } from '../faults/random.ts';
import { runRounds } from '../faults/rounds.ts';

const BODY_SIZE_BYTES = 1024;
/** What a message takes in the journal beside its body, at most. */
const OVERHEAD_BYTES = 128;
const MEMORY_MAX_BYTES = 512 * 1024 * 1024;
/** "Ready in seconds." */
const RESTART_SECONDS_MAX = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    messages: { type: 'string', default: '5000000' },
    directory: { type: 'string', default: tmpdir() },
  },
});

async function soakKill(directory: string): Promise<void> {
  const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
  const rounds = Number(values.rounds);
  console.log(`${rounds} rounds of kill -9, seed ${seed}`);
  const report = await runRounds({
    directory,
    seed,
    rounds,
    onRound: (round, summary) => console.log(`round ${round}: ${summary}`),
  });
  console.log(`nothing that was promised was lost: ${JSON.stringify(report)}`);
}

async function soakBacklog(directory: string): Promise<void> {
  const messages = Number(values.messages);
  const wanted = messages * (BODY_SIZE_BYTES + OVERHEAD_BYTES);
  const { bavail, bsize } = statfsSync(directory);
  assert(bavail * bsize > wanted, `${mebibytes(wanted)} of disk are needed, ${mebibytes(bavail * bsize)} are free`);
  console.log(`${messages} persistent messages of ${BODY_SIZE_BYTES} bytes, ${mebibytes(bavail * bsize)} of disk free`);
  const report = await runBacklog({
    directory,
    messages,
    bodySizeBytes: BODY_SIZE_BYTES,
    onStep: (step) => console.log(step),
  });
  console.log(JSON.stringify(report));
  assert(report.restartSeconds < RESTART_SECONDS_MAX, `${report.restartSeconds} s until it was ready`);
  for (const peak of [report.publishingPeakBytes, report.consumingPeakBytes]) {
    assert(peak < MEMORY_MAX_BYTES, `${mebibytes(peak)} resident`);
  }
}

async function soakCompaction(directory: string): Promise<void> {
  const onKill = (kill: number) => console.log(`kill ${kill}: nothing is lost`);
  const { beforeBytes, afterBytes } = await runCompactionKills({ directory, kills: Number(values.rounds), onKill });
  console.log(`of ${mebibytes(beforeBytes)} of journal ${mebibytes(afterBytes)} are left`);
}

async function soakDelayed(directory: string): Promise<void> {
  const messages = Number(values.messages);
  const report = await runDelayedBacklog({
    directory,
    messages,
    onStep: (step) => console.log(step),
  });
  console.log(JSON.stringify(report));
  const { shareLeast, waitingPeakMibMax, waitingLatenessP99MsMax, restartSecondsMax } = delayedGoals;
  assert(report.restartSeconds < restartSecondsMax, `${report.restartSeconds} s until it was ready`);
  assert(report.share >= shareLeast, `delayed publishes are ${report.share} of the others`);
  assert(report.peakBytes < waitingPeakMibMax * 1024 * 1024, `${mebibytes(report.peakBytes)} resident`);
  assert(report.lateness.p99Ms < waitingLatenessP99MsMax, `${report.lateness.p99Ms} ms late`);
}

const soaks: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  kill: soakKill,
  backlog: soakBacklog,
  compaction: soakCompaction,
  delayed: soakDelayed,
};
const [name = 'kill'] = positionals;
const soak = soaks[name];
if (soak === undefined)
  throw new Error(`there is no soak named ${name}; there are ${Object.keys(soaks).join(' and ')}`);
const directory = mkdtempSync(join(values.directory, 'leveret-soak-'));
try {
  await soak(directory);
} finally {
  rmSync(directory, { recursive: true });
}
