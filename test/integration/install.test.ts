/** What `npm start` and `npm test` do before anything else, on machines that lack something: they say what, and what to do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const TOOLS = join(import.meta.dirname, '../../tools');

/** A checkout with nothing in it but what the installer reads, and a PATH with these programs and no others. */
function checkout(t: TestContext, programs: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'leveret-install-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'tools'));
  for (const name of ['install.mjs', 'debian-packages.txt']) copyFileSync(join(TOOLS, name), join(root, 'tools', name));
  writeFileSync(join(root, 'package-lock.json'), '{}');
  mkdirSync(join(root, 'bin'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  }
  const install = (env: Readonly<Record<string, string>>, ...args: string[]) => {
    const PATH = join(root, 'bin');
    const options = { env: { PATH, ...env }, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'tools/install.mjs'), ...args], options);
    assert.equal(stdout, '', 'standard output is for the command that comes next');
    return { status, stderr };
  };
  return { root, install };
}

/** An npm that installs what there has to be, with this in the place of the pinned Node. */
const npmThatInstalls = (node: string) => `
  /bin/mkdir -p node_modules/.bin
  echo '${node}' > node_modules/.bin/node
  /bin/chmod +x node_modules/.bin/node
  echo '{}' > node_modules/.package-lock.json`;

const WORKING_NPM = npmThatInstalls('#!/bin/sh');

test('what is installed already is not installed again', (t) => {
  const { install } = checkout(t, { npm: WORKING_NPM });
  assert.deepEqual(install({}), { status: 0, stderr: 'leveret: installing npm packages ...\n' });
  assert.deepEqual(install({}), { status: 0, stderr: '' });
});

test('without npm it says that there is none', (t) => {
  const { status, stderr } = checkout(t, {}).install({});
  assert.match(stderr, /^leveret: there is no npm on the PATH; it comes with Node\.$/m);
  assert.equal(status, 1);
});

test('when npm fails, its own message is shown, and what to do', (t) => {
  const { status, stderr } = checkout(t, { npm: 'echo "npm error network" >&2; exit 1' }).install({});
  assert.match(stderr, /^npm error network\nleveret: `npm ci` failed; its own message stands above\./m);
  assert.equal(status, 1);
});

test('where npm has no Node for the platform, a new enough Node of the machine takes its place', (t) => {
  const { root, install } = checkout(t, { npm: npmThatInstalls('#!/bin/false') });
  const { status, stderr } = install({});
  assert.match(
    stderr,
    new RegExp(`^leveret: npm has no Node that runs on .*; taking this one, ${process.version}\\.$`, 'm'),
  );
  assert.equal(readlinkSync(join(root, 'node_modules/.bin/node')), process.execPath);
  assert.equal(status, 0);
});

test('without apt, what is missing is named and left out; in continuous integration that is an error', (t) => {
  const { install } = checkout(t, { npm: WORKING_NPM, dpkg: '[ "$2" != python3-pika ]' });
  install({});
  const expected = 'leveret: these Debian packages are missing, and what needs them is left out: python3-pika\n';
  assert.deepEqual(install({}, '--debian'), { status: 0, stderr: expected });
  const inCi = install({ CI: 'true' }, '--debian');
  assert.match(inCi.stderr, /nothing may be left out/);
  assert.equal(inCi.status, 1);
});

test('on a system without Debian packages all of them are named', (t) => {
  const { status, stderr } = checkout(t, { npm: WORKING_NPM }).install({}, '--debian');
  assert.match(stderr, /are missing, and what needs them is left out: rabbitmq-server .*golang-go/);
  assert.equal(status, 0);
});
