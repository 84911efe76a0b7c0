import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startNode } from './child.ts';
import type { LoopHolds } from './loop-hold.ts';

test('how long the event loop was held is told, once', async (t) => {
  const probe = join(import.meta.dirname, 'loop-hold.ts');
  const program =
    "process.on('message', (m) => { const until = performance.now() + 60; if (m === 'hold') while (performance.now() < until); });";
  const child = startNode(
    ['--import', probe, '--eval', `${program} setInterval(() => {}, 1e6)`],
    import.meta.dirname,
    true,
  );
  t.after(() => child.stop());
  await child.ask('begin');
  await child.ask('hold');
  const held = (await child.ask('tell')) as LoopHolds;
  assert.ok(held.longestMs > 2 && held.longCount >= 1, `60 ms are noticed: ${held.longestMs}`);
  const after = (await child.ask('tell')) as LoopHolds;
  assert.ok(after.longestMs < held.longestMs, 'what was told is not told again');
});
