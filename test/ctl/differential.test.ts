/**
 * The same command lines to rabbitmqctl 3.10.8 and to leveretctl must print the same and end with the same exit code, but for the
 * differences that `accepted-differences.ts` names. What rabbitmqctl does is recorded; where RabbitMQ is installed a part of it
 * is played again and held against the record, unless `LEVERET_DIFFERENTIAL` is `golden`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startBroker } from '../../src/broker.ts';
import { isRabbitMqInstalled, startRabbitMq } from '../differential/rabbitmq.ts';
import { ACCEPTED_DIFFERENCES } from './accepted-differences.ts';
import { COMMAND_LINES, type CommandLine } from './command-lines.ts';
import { playAll, readGolden } from './golden.ts';
import { leveretctl } from './leveretctl.ts';
import { rabbitmqctl } from './rabbitmqctl.ts';
import { played } from './transcript.ts';

/** Every call of rabbitmqctl takes half a second. */
const PLAYED_AGAIN_COUNT = 6;

const golden = readGolden();
const asksRabbitMq = process.env.LEVERET_DIFFERENTIAL !== 'golden' && isRabbitMqInstalled();

function lineOf(outcome: string): string {
  return outcome.slice(0, outcome.indexOf('\n'));
}

/** What rabbitmqctl prints, with leveretctl's words where they differ on purpose. */
function expectedOfLeveret(outcome: string): string {
  let expected = outcome;
  for (const { lines, rabbitMq, leveret } of ACCEPTED_DIFFERENCES) {
    if (lines.test(lineOf(outcome))) expected = expected.replace(rabbitMq, leveret);
  }
  return expected;
}

describe('the list of accepted differences', () => {
  for (const { lines, reason, rabbitMq } of ACCEPTED_DIFFERENCES) {
    test(`${lines} is played, and rabbitmqctl prints ${rabbitMq}`, () => {
      const outcomes = [...golden.values()].flat().filter((outcome) => lines.test(lineOf(outcome)));
      assert.ok(outcomes.length > 0);
      for (const outcome of outcomes) assert.notEqual(expectedOfLeveret(outcome), outcome);
      assert.ok(reason.length > 20);
    });
  }
});

test('leveretctl prints what rabbitmqctl prints, and ends as it does', { timeout: 60_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  const nodeName = 'leveret@localhost';
  const path = join(directory, `${nodeName}.sock`);
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', nodeName, controlSocket: { path } });
  t.after(async () => {
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const transcripts = await playAll(leveretctl(nodeName, path, broker.port));
  for (const [group, outcomes] of transcripts) {
    await t.test(group, () => {
      assert.deepEqual(outcomes, golden.get(group)!.map(expectedOfLeveret));
    });
  }
});

test('rabbitmqctl still prints what is recorded', { skip: !asksRabbitMq, timeout: 180_000 }, async (t) => {
  const rabbitMq = await startRabbitMq();
  t.after(() => rabbitMq.stop());
  const [[group, lines]] = Object.entries(COMMAND_LINES) as [[string, (string | CommandLine)[]]];
  for (const [index, line] of lines.slice(0, PLAYED_AGAIN_COUNT).entries()) {
    assert.equal(await played(rabbitmqctl(rabbitMq), line), golden.get(group)![index]);
  }
});
