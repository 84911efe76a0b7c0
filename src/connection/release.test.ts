/** A connection that goes gives back everything, wherever in its session it goes: no message, consumer, queue or timer is left. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRecordings } from '../../test/fuzz/recording.ts';
import { type Script, scriptOf } from '../../test/fuzz/script.ts';
import { PAGE_SIZE } from '../storage/page.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { TestBroker } from './test-connection.ts';

/** Plays the first `frameCount` frames of a session, and then the client is gone. @returns how many queues there were */
function playAndVanish(broker: TestBroker, script: Script, frameCount: number): number {
  const connection = broker.connect();
  let left = frameCount;
  for (const { frames } of script) {
    for (const frame of frames.slice(0, left)) connection.receive(frame);
    left -= frames.length;
    connection.endTurn();
    if (left <= 0) break;
  }
  const queueCount = broker.context.vhost('/')?.queues.size ?? 0;
  connection.vanish();
  broker.turn.run();
  return queueCount;
}

/** What is left of the session in the vhost, but for what was declared to outlive it. */
function leftovers(vhost: Vhost) {
  const queues = [...vhost.queues.values()];
  return {
    exclusive: queues.filter(({ owner }) => owner !== null).map(({ name }) => name),
    consumed: queues.filter(({ consumers }) => consumers.all.length > 0).map(({ name }) => name),
    unacked: queues.filter(({ unackedCount }) => unackedCount > 0).map(({ name }) => name),
  };
}

for (const recording of loadRecordings()) {
  test(`the session ${recording.name}, cut behind any frame, leaves nothing that it held`, async () => {
    const script = scriptOf(recording);
    const count = script.reduce((sum, { frames }) => sum + frames.length, 0);
    const broker = await TestBroker.start();
    const vhost = broker.context.vhost('/') as Vhost;
    let mostQueues = 0;
    for (let end = 1; end <= count; end++) {
      mostQueues = Math.max(mostQueues, playAndVanish(broker, script, end));
      assert.deepEqual(leftovers(vhost), { exclusive: [], consumed: [], unacked: [] }, `behind frame ${end}`);
      for (const name of vhost.queues.keys()) broker.propose({ kind: 'delete-queue', vhost: '/', name });
      for (const name of vhost.exchanges.keys()) {
        if (!name.startsWith('amq.')) broker.propose({ kind: 'delete-exchange', vhost: '/', name });
      }
      broker.turn.run();
      assert.ok(broker.context.store.memoryBytes <= PAGE_SIZE, `messages are left behind frame ${end}`);
      assert.equal(broker.clock.waiting, 0, `timers are left behind frame ${end}`);
    }
    assert.ok(mostQueues > 0, 'a session without queues proves nothing');
  });
}
