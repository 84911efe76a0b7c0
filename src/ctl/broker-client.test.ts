import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ApiRefusal, BrokerClient } from './broker-client.ts';
import { EXIT, Failure } from './failure.ts';

async function clientOf(t: TestContext, answer: RequestListener): Promise<BrokerClient> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-client-'));
  const socketPath = join(directory, 'broker.sock');
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(socketPath, ready));
  const unreachable = (cause: Error) => new Failure(EXIT.unavailable, cause.message);
  const target = {
    nodeName: 'n',
    protocol: 'http:',
    address: { socketPath },
    basePath: '',
    authorization: null,
  } as const;
  const client = new BrokerClient({ ...target, unreachable }, new AbortController().signal);
  t.after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return client;
}

async function listOf(client: BrokerClient): Promise<unknown[]> {
  const objects: unknown[] = [];
  for await (const object of client.list('queues')) objects.push(object);
  return objects;
}

test('an object of a list is given before the next one is there', async (t) => {
  let sendRest = () => {};
  const client = await clientOf(t, (_request, response) => {
    response.write('[{"name":"first"},{"na');
    sendRest = () => response.end('me":"second"}]');
  });
  const list = client.list('queues')[Symbol.asyncIterator]();
  assert.deepEqual((await list.next()).value, { name: 'first' });
  sendRest();
  assert.deepEqual((await list.next()).value, { name: 'second' });
  assert.equal((await list.next()).done, true);
});

test('a list that breaks off is an error, not a shorter list', async (t) => {
  const ended = await clientOf(t, (_request, response) => response.end('[{"name":"first"},'));
  await assert.rejects(listOf(ended), { exitCode: EXIT.software });
  const broken = await clientOf(t, (_request, response) => {
    response.write('[{"name":"first"},', () => response.destroy());
  });
  await assert.rejects(listOf(broken), { exitCode: EXIT.unavailable });
});

test('a refusal has the status and the reason', async (t) => {
  const client = await clientOf(t, (_request, response) => {
    response.writeHead(400).end('{"error":"bad_request","reason":["no_such_user","x"]}');
  });
  await assert.rejects(client.get('users'), new ApiRefusal(400, 'no_such_user: x', 'bad_request'));
  await assert.rejects(listOf(client), new ApiRefusal(400, 'no_such_user: x', 'bad_request'));
});

test('what is no API of a broker is told as that', async (t) => {
  const client = await clientOf(t, (_request, response) => response.end('<html>'));
  await assert.rejects(client.get('users'), { exitCode: EXIT.software });
});

test('a connection that breaks is a broker that cannot be reached', async (t) => {
  const client = await clientOf(t, (request) => request.socket.destroy());
  await assert.rejects(client.get('users'), { exitCode: EXIT.unavailable });
});
