/**
 * The same HTTP calls to RabbitMQ 3.10.8 and to Leveret must get the same answers, but for the differences that
 * `accepted-differences.ts` names. RabbitMQ's answers are recorded; where it is installed they are asked for again and held
 * against the record, unless `LEVERET_DIFFERENTIAL` is `golden`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { startBroker } from '../../src/broker.ts';
import { isRabbitMqInstalled, startRabbitMq } from '../differential/rabbitmq.ts';
import { ACCEPTED_ANSWERS, FIELDS_LEFT_OUT } from './accepted-differences.ts';
import { readGolden } from './golden.ts';
import { playAll, type Transcripts } from './played.ts';

const golden = readGolden();
const asksRabbitMq = process.env.LEVERET_DIFFERENTIAL !== 'golden' && isRabbitMqInstalled();

/** RabbitMQ's answer with Leveret's words where they differ on purpose. */
function expectedOfLeveret(answer: string): string {
  const call = answer.slice(0, answer.indexOf('\n'));
  let expected = answer;
  for (const { calls, rabbitMq, leveret } of ACCEPTED_ANSWERS) {
    if (calls.test(call)) expected = expected.replace(rabbitMq, leveret);
  }
  return expected;
}

describe('the list of accepted differences', () => {
  for (const { calls, reason, rabbitMq } of ACCEPTED_ANSWERS) {
    test(`${calls} is asked, and RabbitMQ answers ${rabbitMq}`, () => {
      const answers = [...golden.values()].flat().filter((answer) => calls.test(answer.slice(0, answer.indexOf('\n'))));
      assert.ok(answers.length > 0);
      for (const answer of answers) assert.notEqual(expectedOfLeveret(answer), answer);
      assert.ok(reason.length > 20);
    });
  }

  test('no field is left out twice, and none without a reason', () => {
    const fields = FIELDS_LEFT_OUT.flatMap((each) => each.fields);
    assert.equal(new Set(fields).size, fields.length);
    for (const { reason } of FIELDS_LEFT_OUT) assert.ok(reason.length > 10);
  });
});

test('Leveret answers as RabbitMQ does', { timeout: 60_000 }, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-management-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 } });
  t.after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const nodeName = `leveret@${hostname()}`;
  const transcripts = await playAll({
    base: broker.managementUrl!,
    amqpPort: broker.port,
    nodeName,
    isReference: false,
  });
  assert.deepEqual([...transcripts.keys()].sort(), [...golden.keys()].sort());
  for (const [group, answers] of transcripts) {
    await t.test(group, () => {
      assert.deepEqual(answers, golden.get(group)!.map(expectedOfLeveret));
    });
  }
});

/** What a new RabbitMQ answers. */
async function playedByRabbitMq(): Promise<Transcripts> {
  const { managementPort, port, nodeName, stop } = await startRabbitMq({ management: true });
  try {
    const base = `http://127.0.0.1:${managementPort}`;
    return await playAll({ base, amqpPort: port, nodeName, isReference: true });
  } finally {
    await stop();
  }
}

test('RabbitMQ still answers as it is recorded', { skip: !asksRabbitMq, timeout: 300_000 }, async () => {
  let transcripts = await playedByRabbitMq();
  // On a busy machine it may show less of what clients did than it counts: another one is asked then.
  if (!isDeepStrictEqual(transcripts, golden)) transcripts = await playedByRabbitMq();
  for (const [group, answers] of transcripts) assert.deepEqual(answers, golden.get(group), group);
});
