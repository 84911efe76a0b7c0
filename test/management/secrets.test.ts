/** Passwords do not leave over HTTP: neither those of users nor those in URIs, in answers, refusals or logs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import { type ApiCall, ask } from './http-client.ts';

const SECRET = 'open-sesame';
const VALUE = { uri: `amqp://alice:${SECRET}@host/v`, others: [`amqps://bob:${SECRET}@other`] };
const SHOWN = { uri: 'amqp://alice:***@host/v', others: ['amqps://bob:***@other'] };

let broker: Broker;
let directory: string;
const logged: string[] = [];
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'leveret-secrets-'));
  const write = (_: string, message: string) => logged.push(message);
  const log = { debug: write, info: write, warning: write, error: write };
  const controlSocket = { path: join(directory, 'control.sock') };
  broker = await startBroker({ port: 0, memory: true, log, management: { port: 0 }, controlSocket });
});
after(async () => {
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
});

function call(method: ApiCall['method'], path: string, body?: unknown, rest: Partial<ApiCall> = {}) {
  return ask(broker.managementUrl!, { method, path: `/api/${path}`, ...(body === undefined ? {} : { body }), ...rest });
}

/** As the operator, who has no password either. */
function atControlSocket(path: string): Promise<string> {
  return new Promise((done, failed) => {
    const request = httpRequest({ socketPath: join(directory, 'control.sock'), path }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => done(text));
    });
    request.on('error', failed);
    request.end();
  });
}

describe('passwords in URIs', () => {
  before(() => call('PUT', 'global-parameters/remote', { value: VALUE }));

  test('are masked wherever a parameter is shown', async () => {
    for (const path of ['global-parameters', 'global-parameters/remote', 'definitions', 'all-configuration']) {
      const text = JSON.stringify((await call('GET', path)).body);
      assert.ok(text.includes('amqp://alice:***@host/v'), path);
      assert.ok(!text.includes(SECRET), path);
    }
  });

  test('are written out for the operator at the control socket: a backup has to hold them', async () => {
    assert.ok((await atControlSocket('/api/definitions')).includes(VALUE.uri));
  });

  test('stay when the masks are sent back, in a parameter or in a document', async () => {
    assert.equal((await call('PUT', 'global-parameters/remote', { value: { ...SHOWN, more: 1 } })).status, 204);
    assert.ok((await atControlSocket('/api/global-parameters/remote')).includes(VALUE.uri));
    const { body } = await call('GET', 'definitions');
    assert.equal((await call('POST', 'definitions', body)).status, 204);
    const { value } = JSON.parse(await atControlSocket('/api/global-parameters/remote'));
    assert.deepEqual(value, { ...VALUE, more: 1 });
  });

  test('that are not known here have to be written out: a mask for one is refused, and says where', async () => {
    const put = await call('PUT', 'global-parameters/new', { value: SHOWN });
    assert.equal(put.status, 400);
    assert.match(JSON.stringify(put.body), /value\.uri: \*\*\* stands for a password that is not known here/);
    const document = { global_parameters: [{ name: 'new', value: SHOWN }] };
    const post = await call('POST', 'definitions', document);
    assert.equal(post.status, 400);
    assert.match(JSON.stringify(post.body), /global_parameters\[0\]: value\.uri/);
    assert.equal((await call('GET', 'global-parameters/new')).status, 404);
  });
});

test('passwords of users leave as hashes alone, whoever asks', async () => {
  assert.equal((await call('PUT', 'users/alice', { password: SECRET, tags: 'administrator' })).status, 201);
  for (const path of ['users', 'users/alice', 'users/without-permissions', 'definitions', 'whoami']) {
    const { status, body } = await call('GET', path, undefined, { user: `alice:${SECRET}` });
    assert.equal(status, 200, path);
    assert.ok(!JSON.stringify(body).includes(SECRET), path);
  }
});

test('no refusal and no line of the log says a password that was sent', async () => {
  const answers = [
    await call('PUT', 'users/bob', `{"password":"${SECRET}","tags":`),
    await call('PUT', 'users/bob', { password: SECRET }),
    await call('PUT', 'users/bob', { password: SECRET, password_hash: 'abc', tags: '' }),
    await call('PUT', 'users/bob', { password: SECRET, tags: 5 }),
    await call('GET', 'whoami', undefined, { user: `alice:not ${SECRET}` }),
    await call('POST', 'login', `username=alice&password=not+${SECRET}`, { user: null }),
    await call('POST', 'definitions', { users: [{ name: 'bob', password: SECRET, tags: 5 }] }),
    await call('PUT', 'parameters/shovel/%2F/s', { value: VALUE }),
    await call('POST', 'definitions', { parameters: [{ vhost: '/', component: 'none', name: 's', value: VALUE }] }),
  ];
  for (const { status, body } of answers) {
    assert.ok(status === 400 || status === 401, String(status));
    assert.ok(!JSON.stringify(body ?? '').includes(SECRET), JSON.stringify(body));
  }
  assert.deepEqual(
    logged.filter((line) => line.includes(SECRET)),
    [],
  );
});
