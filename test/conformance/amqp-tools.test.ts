/** amqp-tools, the command-line programs of the C library librabbitmq. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { openChannel } from './amqplib-session.ts';
import {
  type BrokerUnderTest,
  startBrokerUnderTest,
  startRestartableBroker,
  uniqueName,
  variantOf,
} from './broker-under-test.ts';
import { OWN_PREFIX, OWN_USER } from './definitions.ts';
import { isMissing } from './external-program.ts';
import { Link } from './link.ts';
import { eventually, withDeadline } from './waiting.ts';

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(t: TestContext, tool: string, url: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn(tool, [`--url=${url}`, ...args], { stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function finish(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [exitCode] = (await withDeadline(`${child.spawnfile} to exit`, once(child, 'close'))) as [number | null];
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** Runs one tool to its end, with `input` on its standard input. */
async function run(t: TestContext, tool: string, url: string, args: readonly string[], input = ''): Promise<Outcome> {
  const child = start(t, tool, url, args);
  child.stdin.end(input);
  return finish(child);
}

/** As `run`, for what must succeed. */
async function output(t: TestContext, ...rest: [tool: string, url: string, args: readonly string[], input?: string]) {
  const { exitCode, stdout, stderr } = await run(t, ...rest);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  return stdout;
}

test('amqp-tools', { timeout: 60_000 }, async (t) => {
  if (isMissing(t, { command: 'amqp-publish', args: ['--help'] }, 'amqp-tools')) return;
  const broker: BrokerUnderTest = await startBrokerUnderTest();
  t.after(() => broker.stop());
  const { url } = broker;

  await t.test('amqp-declare-queue, amqp-publish, amqp-get and amqp-delete-queue take a message round', async (t) => {
    const queue = uniqueName('tools');
    assert.equal(await output(t, 'amqp-declare-queue', url, ['-d', '-q', queue]), `${queue}\n`);
    await output(t, 'amqp-publish', url, ['-r', queue, '-p', '-C', 'text/plain', '-H', 'tenant: blue', '-b', 'hello']);
    const channel = await openChannel(t, url);
    const message = await eventually('the message', () => channel.get(queue));
    assert.deepEqual(
      [message.properties.contentType, message.properties.deliveryMode, message.properties.headers],
      ['text/plain', 2, { tenant: 'blue' }],
    );
    channel.nack(message);
    await channel.close();
    assert.equal(await output(t, 'amqp-get', url, ['-q', queue]), 'hello');
    assert.equal((await run(t, 'amqp-get', url, ['-q', queue])).exitCode, 2, 'an empty queue is exit code 2');
    assert.equal(await output(t, 'amqp-delete-queue', url, ['-q', queue]), '0\n');
  });

  await t.test('amqp-publish sends each line of its standard input as a message', async (t) => {
    const queue = uniqueName('lines');
    await output(t, 'amqp-declare-queue', url, ['-q', queue]);
    await output(t, 'amqp-publish', url, ['-r', queue, '-l'], 'one\ntwo\nthree\n');
    const consumed = await output(t, 'amqp-consume', url, ['-q', queue, '-c', '3', '-p', '1', 'cat']);
    assert.equal(consumed, 'one\ntwo\nthree\n');
    assert.equal(await output(t, 'amqp-delete-queue', url, ['-q', queue, '--if-empty', '--if-unused']), '0\n');
  });

  await t.test('amqp-consume binds an exclusive queue of its own to an exchange', async (t) => {
    const routingKey = uniqueName('key');
    const child = start(t, 'amqp-consume', url, ['-e', 'amq.topic', '-r', `${routingKey}.*`, '-x', '-c', '2', 'cat']);
    const outcome = finish(child);
    // The program names its queue when it is ready to consume.
    const [banner] = (await withDeadline('the name of the queue', once(createInterface(child.stderr), 'line'))) as [
      string,
    ];
    assert.match(banner, /Server provided queue name: amq\.gen-/);
    for (const body of ['first ', 'second']) {
      const channel = await openChannel(t, url);
      await eventually('the binding', async () => {
        const isReturned = Promise.withResolvers<boolean>();
        channel.once('return', () => isReturned.resolve(true));
        channel.publish('amq.topic', `${routingKey}.x`, Buffer.from(body), { mandatory: true });
        // A return comes before the answer to a later method.
        await channel.checkExchange('amq.topic');
        isReturned.resolve(false);
        return !(await isReturned.promise);
      });
    }
    const { exitCode, stdout } = await outcome;
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'first second' });
  });

  await t.test('a message of 8 MiB crosses in both directions', async (t) => {
    const queue = uniqueName('large');
    const body = 'leveret\n'.repeat(8 * 1024 * 128);
    await output(t, 'amqp-declare-queue', url, ['-q', queue]);
    await output(t, 'amqp-publish', url, ['-r', queue], body);
    const got = await eventually('the message', async () => {
      const { exitCode, stdout } = await run(t, 'amqp-get', url, ['-q', queue]);
      return exitCode === 0 && stdout;
    });
    assert.ok(got === body, 'the body as it was sent');
    await output(t, 'amqp-delete-queue', url, ['-q', queue]);
  });

  await t.test('errors are told in the words of the broker', async (t) => {
    const missing = await run(t, 'amqp-get', url, ['-q', 'no-such-queue']);
    assert.equal(missing.exitCode, 1);
    assert.match(
      missing.stderr,
      /server channel error 404, message: NOT_FOUND - no queue 'no-such-queue' in vhost '\/'/,
    );
    const refused = await run(t, 'amqp-get', variantOf(url, { password: 'wrong' }), ['-q', 'any']);
    assert.match(refused.stderr, /server connection error 403, message: ACCESS_REFUSED - Login was refused/);
    const nowhere = await run(t, 'amqp-get', variantOf(url, { vhost: 'no-such-vhost' }), ['-q', 'any']);
    assert.match(nowhere.stderr, /server connection error 530, message: NOT_ALLOWED - vhost no-such-vhost not found/);
  });

  await t.test('names hold any Unicode', async (t) => {
    const queue = uniqueName('名前 ☃ \u{1F430}');
    assert.equal(await output(t, 'amqp-declare-queue', url, ['-q', queue]), `${queue}\n`);
    await output(t, 'amqp-publish', url, ['-r', queue, '-b', 'körper']);
    const body = await eventually('the message', async () => {
      const { exitCode, stdout } = await run(t, 'amqp-get', url, ['-q', queue]);
      return exitCode === 0 && stdout;
    });
    assert.equal(body, 'körper');
    await output(t, 'amqp-delete-queue', url, ['-q', queue]);
  });

  await t.test('another user of the URL may do what its permissions say', async (t) => {
    const own = variantOf(url, { user: OWN_USER, password: OWN_USER });
    const queue = `${OWN_PREFIX}${uniqueName('tools')}`;
    await output(t, 'amqp-declare-queue', own, ['-q', queue]);
    assert.equal(await output(t, 'amqp-delete-queue', own, ['-q', queue]), '0\n');
    const refused = await run(t, 'amqp-declare-queue', own, ['-q', 'foreign']);
    assert.match(
      refused.stderr,
      /403, message: ACCESS_REFUSED - access to queue 'foreign' in vhost '\/' refused for user 'own'/,
    );
  });

  await t.test('amqp-consume ends when its broker is stopped', async (t) => {
    const stopping = await startRestartableBroker();
    t.after(() => stopping.stop());
    const queue = uniqueName('stopped');
    await output(t, 'amqp-declare-queue', stopping.url, ['-q', queue]);
    const outcome = finish(start(t, 'amqp-consume', stopping.url, ['-q', queue, 'cat']));
    const channel = await openChannel(t, stopping.url);
    await eventually('the consumer', async () => (await channel.checkQueue(queue)).consumerCount === 1);
    await stopping.goDown();
    const { exitCode, stderr } = await outcome;
    // It has no words for connection.close, not for RabbitMQ's either.
    assert.equal(exitCode, 1);
    assert.match(stderr, /connection closed unexpectedly/);
  });

  await t.test('a heartbeat of one second keeps amqp-consume connected while nothing comes', async (t) => {
    const queue = uniqueName('idle');
    await output(t, 'amqp-declare-queue', url, ['-q', queue]);
    const link = await Link.open(url);
    t.after(() => link.close());
    const outcome = finish(start(t, 'amqp-consume', link.url, ['--heartbeat=1', '-q', queue, '-c', '1', 'cat']));
    // Two a second, and a peer may be silent for two or three.
    await link.heartbeats.take(8);
    const channel = await openChannel(t, url);
    channel.sendToQueue(queue, Buffer.from('still here'));
    assert.deepEqual(await outcome, { exitCode: 0, stdout: 'still here', stderr: '' });
    await channel.deleteQueue(queue);
  });
});
