import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { brokerEnvironment } from '../../test/broker-environment.ts';
import { RawClient } from '../../test/differential/raw-client.ts';

const LEVERET = join(import.meta.dirname, 'leveret.ts');

/** Runs the command with a configuration file, and a definitions file that it names. */
async function leveret(t: TestContext, definitions: string) {
  const directory = await mkdtemp(join(tmpdir(), 'leveret-definitions-'));
  t.after(() => rm(directory, { recursive: true }));
  const [config, file] = [join(directory, 'leveret.conf'), join(directory, 'definitions.json')];
  await writeFile(config, `load_definitions = ${file}\n`);
  await writeFile(file, definitions);
  const args = [LEVERET, '--config', config, '--memory', '--port', '0'];
  const child = spawn(process.execPath, args, { stdio: 'pipe', env: brokerEnvironment() });
  t.after(() => child.kill('SIGKILL'));
  return { child, file };
}

test('load_definitions gives a broker its users and queues, and no guest beside them', async (t) => {
  const { child } = await leveret(
    t,
    JSON.stringify({
      users: [{ name: 'alice', tags: '', password: 'wonder' }],
      vhosts: [{ name: '/' }],
      permissions: [{ user: 'alice', vhost: '/', configure: '', write: '', read: '.*' }],
      queues: [{ name: 'q', vhost: '/', durable: true, auto_delete: false, arguments: {} }],
    }),
  );
  let port = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    port = Number(/listens on +amqp:\S*:(\d+)$/.exec(line)?.[1] ?? port);
    if (line.includes('ready')) break;
  }
  const alice = await RawClient.connect(port);
  await alice.open({ user: 'alice', password: 'wonder' });
  await alice.call('queue.declare', { queue: 'q', passive: true });
  await alice.close();
  const guest = await RawClient.connect(port);
  guest.sendProtocolHeader();
  await guest.channel(0).expect('connection.start');
  guest.startOk();
  assert.equal((await guest.channel(0).expect('connection.close')).args.replyCode, 403);
  guest.abort();
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

for (const [what, text, message] of [
  ['is no JSON', '{ users: }', /^leveret: load_definitions = .*definitions\.json: .*JSON/],
  ['cannot be used', '{"users": [{}]}', /^leveret: definitions: users\[0\]/],
] as const) {
  test(`a definitions file that ${what} stops the start with its place and the reason`, async (t) => {
    const { child } = await leveret(t, text);
    const exited = once(child, 'exit');
    const [line] = await once(createInterface({ input: child.stderr }), 'line');
    assert.match(line, message);
    assert.deepEqual(await exited, [1, null]);
  });
}
