/** Every example runs to its end and prints what it promises: examples are what users copy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BrokerUnderTest, startBrokerUnderTest } from './broker-under-test.ts';
import { withDeadline } from './waiting.ts';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));

/** What each example prints. Where two parties print at the same time, the order of their lines is not promised. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  'work-queue.ts': [
    '4 tasks are safe with the broker',
    'done: resize cat.png',
    'done: resize dog.png',
    'done: resize fox.png',
    'done: resize hare.png',
  ],
  'publish-subscribe.ts': [
    'audit got order.paid: order 1',
    'audit got order.shipped: order 1',
    'audit got refund.asked: order 2',
    'billing got order.paid: order 1',
    'billing got refund.asked: order 2',
  ],
  'rpc.ts': ['the squares of 2, 3 and 4 are 4, 9, 16'],
  'dead-letter-retry.ts': [
    'attempt 1 failed: order 3 cannot be shipped',
    'attempt 2 failed: order 3 cannot be shipped',
    'attempt 3 failed: order 3 cannot be shipped',
    'order 2 done at attempt 1',
    'parked: order 3',
  ],
};

/** Runs `node ...args` in the folder of the examples. It does not know that a test runs it. */
async function runNode(t: TestContext, args: readonly string[], brokerUrl: string) {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...env, AMQP_URL: brokerUrl }, stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [exitCode] = (await withDeadline(`node ${args.join(' ')} to exit`, once(child, 'close'))) as [number | null];
  return { exitCode, stdout, stderr };
}

describe('examples', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  for (const [example, lines] of Object.entries(outputs)) {
    test(`${example} runs to its end and prints what it promises`, async (t) => {
      const { exitCode, stdout, stderr } = await runNode(t, [example], broker.url);
      assert.deepEqual(
        { exitCode, stderr, lines: stdout.trim().split('\n').sort() },
        { exitCode: 0, stderr: '', lines },
      );
    });
  }

  test('no example is left out here', () => {
    assert.deepEqual(readdirSync(folder).sort(), Object.keys(outputs).sort());
  });
});
