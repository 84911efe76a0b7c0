/**
 * The same words of a client to RabbitMQ 3.10.8 and to Leveret must get the same answers, but for the differences that
 * `accepted-differences.ts` names; Leveret in memory and on disk alike. `LEVERET_DIFFERENTIAL=golden` takes RabbitMQ's answers
 * from the recorded files.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startBroker } from '../../src/broker.ts';
import { acceptedDifferences, expectedOfLeveret } from './accepted-differences.ts';
import { leveretOptions, rabbitMqOptions } from './definitions.ts';
import { readGolden } from './golden.ts';
import { isRabbitMqInstalled, startRabbitMq } from './rabbitmq.ts';
import { play, type Session, slug, type Target } from './session.ts';
import { sessions } from './sessions/all.ts';

const AT_ONCE = 8;
const fromGolden = process.env.LEVERET_DIFFERENTIAL === 'golden';
const golden = readGolden();

describe('the differential suite itself', () => {
  test('every session has a title of its own, because golden files and accepted differences go by it', () => {
    assert.equal(new Set(sessions.map(({ title }) => title)).size, sessions.length);
    assert.equal(
      new Set(sessions.map(({ title }) => slug(title))).size,
      sessions.length,
      'names of queues come from it',
    );
  });

  test('every session is recorded, and nothing else is', () => {
    assert.deepEqual([...golden.keys()].sort(), sessions.map(({ title }) => title).sort());
  });

  test('every accepted difference names sessions that exist, and gives a reason', () => {
    const titles = sessions.map(({ title }) => title);
    assert.equal(new Set(acceptedDifferences.map(({ name }) => name)).size, acceptedDifferences.length);
    for (const { name, reason, sessions: named } of acceptedDifferences) {
      const unknown = named.filter((title) => !titles.includes(title));
      assert.deepEqual(unknown, [], name);
      assert.ok(named.length > 0 && reason.length > 20, name);
    }
  });
});

const skip =
  fromGolden || isRabbitMqInstalled()
    ? false
    : 'RabbitMQ is not installed; LEVERET_DIFFERENTIAL=golden runs without it';

test('RabbitMQ and Leveret answer the same', { skip, concurrency: AT_ONCE, timeout: 180_000 }, async (t) => {
  const inMemory = await startBroker({ port: 0, memory: true, ...leveretOptions });
  t.after(() => inMemory.stop());
  const onDisk = await startBroker({ port: 0, dataDir: temporaryDirectory(), ...leveretOptions });
  t.after(() => onDisk.stop());
  const rabbitMq = fromGolden ? undefined : await startRabbitMq(rabbitMqOptions);
  t.after(() => rabbitMq?.stop());
  const subtests = sessions.map((session) =>
    t.test(`${session.group}: ${session.title}`, async () => {
      const recorded = golden.get(session.title)!;
      const [fromRabbitMq, ...fromLeverets] = await Promise.all([
        rabbitMq === undefined ? recorded : playUntil(session, rabbitMq, recorded),
        ...[inMemory, onDisk].map((leveret) => play(session, leveret)),
      ]);
      assert.equal(fromRabbitMq, recorded, 'RabbitMQ answered otherwise than it is recorded; see record.ts');
      for (const fromLeveret of fromLeverets) {
        assert.equal(fromLeveret, expectedOfLeveret(session.title, recorded));
      }
    }),
  );
  await Promise.all(subtests);
});

/** RabbitMQ takes policies to its queues behind its answer: who answers otherwise than it is recorded is asked once more. */
async function playUntil(session: Session, target: Target, recorded: string): Promise<string> {
  const answers = await play(session, target);
  return answers === recorded ? answers : play(session, target);
}

/** Goes when this process ends, for the broker in it has stopped by then. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-differential-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
