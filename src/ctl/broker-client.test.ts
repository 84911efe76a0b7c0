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
    server.close();
    rmSync(directory, { recursive: true });
  });
  return client;
}

/** Pages of `names` as the API has them; `before` is called with the number of each request. */
function paged(names: string[], before: (request: number) => void): RequestListener {
  let requestCount = 0;
  return (request, response) => {
    before(++requestCount);
    const query = new URL(request.url!, 'http://x').searchParams;
    const [page, size] = [Number(query.get('page')), Number(query.get('page_size'))];
    if (page > 1 && (page - 1) * size >= names.length) {
      response.writeHead(400).end('{"error":"page_out_of_range","reason":"Page out of range, page: 2"}');
      return;
    }
    const items = names.slice((page - 1) * size, page * size).map((name) => ({ name }));
    response.end(JSON.stringify({ items, total_count: names.length, page_count: Math.ceil(names.length / size) }));
  };
}

async function namesOf(client: BrokerClient): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of client.pages('queues', ['name'], ({ name }) => name)) names.push(name);
  return names;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `q${index}`);

test('a long list is read page by page, each object once', async (t) => {
  const names = numbered(1200);
  assert.deepEqual(
    await namesOf(
      await clientOf(
        t,
        paged([...names], () => {}),
      ),
    ),
    names,
  );
});

test('what moves to an earlier page while it is read is not missed, and nothing comes twice', async (t) => {
  const names = numbered(2000);
  const going = numbered(300);
  const listener = paged(names, (request) => {
    if (request === 2) names.splice(0, 300);
  });
  const read = await namesOf(await clientOf(t, listener));
  assert.deepEqual(read.sort(), [...numbered(2000)].sort());
  assert.equal(names.includes(going[0]!), false);
});

test('a list that becomes shorter than the page that comes next ends there', async (t) => {
  const names = numbered(600);
  const listener = paged(names, (request) => {
    if (request === 2) names.splice(10);
  });
  assert.deepEqual(await namesOf(await clientOf(t, listener)), numbered(500));
});

test('a refusal has the status and the reason', async (t) => {
  const client = await clientOf(t, (_request, response) => {
    response.writeHead(400).end('{"error":"bad_request","reason":["no_such_user","x"]}');
  });
  const refused = client.get('users');
  await assert.rejects(refused, new ApiRefusal(400, '["no_such_user","x"]'));
});

test('what is no API of a broker is told as that', async (t) => {
  const client = await clientOf(t, (_request, response) => response.end('<html>'));
  await assert.rejects(client.get('users'), { exitCode: EXIT.software });
});

test('a connection that breaks is a broker that cannot be reached', async (t) => {
  const client = await clientOf(t, (request) => request.socket.destroy());
  await assert.rejects(client.get('users'), { exitCode: EXIT.unavailable });
});
