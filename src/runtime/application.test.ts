import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Application } from './application.ts';

function recorded(fails = false) {
  const events: string[] = [];
  const application: Application = new Application(
    async () => {
      events.push(`open while ${application.state}`);
      if (fails) throw new Error('no room');
    },
    async () => {
      events.push(`close while ${application.state}`);
    },
  );
  return { application, events };
}

test('starting twice and stopping twice is doing it once', async () => {
  const { application, events } = recorded();
  await application.start();
  await application.start();
  assert.equal(application.state, 'running');
  await application.stop();
  await application.stop();
  assert.equal(application.state, 'stopped');
  assert.deepEqual(events, ['open while starting', 'close while stopping']);
});

test('what is asked for while something else goes on waits for it: a stop during a start ends what was started', async () => {
  const { application, events } = recorded();
  await Promise.all([application.start(), application.stop(), application.start()]);
  assert.equal(application.state, 'running');
  assert.deepEqual(events, ['open while starting', 'close while stopping', 'open while starting']);
});

test('a start that fails clears away what was there by then, and the next one is tried', async () => {
  const { application, events } = recorded(true);
  await assert.rejects(application.start(), /no room/);
  assert.equal(application.state, 'stopped');
  await assert.rejects(application.start(), /no room/);
  assert.deepEqual(events, [
    'open while starting',
    'close while stopping',
    'open while starting',
    'close while stopping',
  ]);
});

test('what needs it to be stopped is refused while it runs, and keeps a start waiting', async () => {
  const { application, events } = recorded();
  const work = async () => {
    events.push(`work while ${application.state}`);
  };
  assert.equal(await application.whileStopped(work), true);
  await application.start();
  assert.equal(await application.whileStopped(work), false);
  assert.deepEqual(events, ['work while stopped', 'open while starting']);
});
