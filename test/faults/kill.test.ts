/** Killed at random moments with everything under way: what was confirmed is there, what was settled is gone, in order. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seedFromEnvironment } from './random.ts';
import { runRounds } from './rounds.ts';

const ROUNDS = 12;

test(`nothing that was promised is lost in ${ROUNDS} rounds of kill -9`, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`LEVERET_SEED=${seed}; npm run soak does the same for 100 rounds`);
  const directory = mkdtempSync(join(tmpdir(), 'leveret-faults-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const report = await runRounds({ directory, seed, rounds: ROUNDS });
  t.diagnostic(JSON.stringify(report));
  // A run in which hardly anything happened would prove hardly anything.
  for (const [what, count] of Object.entries(report)) assert(count > 0, `${what}: ${count}`);
});
