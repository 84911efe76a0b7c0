/** What `npm start` and the package run: the modules of src/ in a few files, of which a start loads the few that it needs. */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { bundleInto } from '../../tools/bundle.ts';
import { brokerEnvironment } from '../broker-environment.ts';
import { LeveretProcess } from './leveret-process.ts';
import type { LoadedModules } from './loaded-modules.ts';

const ROOT = join(import.meta.dirname, '../..');
const PRELOADED = join(import.meta.dirname, 'loaded-modules.ts');
/** Of Node's, what a broker without TLS and without a caller of its API has no use for. */
const NOT_AT_A_START = ['http', 'https', 'http2', 'tls', 'stream/web', 'inspector', 'readline'];

const directory = mkdtempSync(join(tmpdir(), 'leveret-bundle-'));
const bundle = join(directory, 'bundle');

function started(t: TestContext, ...args: string[]): LeveretProcess {
  const file = join(bundle, 'leveret.js');
  const env = { ...brokerEnvironment(), LOADED_MODULES: join(directory, 'loaded') };
  const ports = ['--port', '0', '--management-port', '0', '--prometheus-port', '0'];
  const options = ['--enable-source-maps', '--import', PRELOADED];
  return new LeveretProcess(t, process.execPath, [...options, file, ...ports, ...args], { env });
}

/** @returns what it has loaded, beside what the test gave it */
async function loadedBy(leveret: LeveretProcess): Promise<LoadedModules> {
  leveret.child.kill('SIGTERM');
  assert.equal((await leveret.ended).exit, 0);
  const { files, builtins } = JSON.parse(readFileSync(join(directory, 'loaded'), 'utf8')) as LoadedModules;
  return { files: files.map((url) => basename(url)), builtins };
}

/** What is loaded for what is imported by `import()`, and has nothing in it but the name of another file. */
function isFacade(file: string): boolean {
  return readFileSync(join(bundle, file)).length < 100;
}

suite('the bundle', () => {
  before(() => bundleInto(bundle));

  after(() => rmSync(directory, { recursive: true }));

  test('a start loads three files, and nothing of Node that waits for a caller', async (t) => {
    const leveret = started(t, '--data-dir', join(directory, 'data'));
    await leveret.port();
    const { files, builtins } = await loadedBy(leveret);
    assert.deepEqual(files.filter((file) => !isFacade(file)).sort(), ['core.js', 'leveret.js', 'serve.js']);
    assert.deepEqual(
      NOT_AT_A_START.filter((name) => builtins.includes(name)),
      [],
    );
    assert.ok(builtins.includes('net'), 'modules of Node are seen');
  });

  test('the first caller of the API has what answers loaded', async (t) => {
    const leveret = started(t, '--memory');
    await leveret.port();
    const [, url] = /HTTP API +(\S+)$/m.exec(leveret.stdout)!;
    const headers = { authorization: `Basic ${btoa('guest:guest')}` };
    assert.equal((await fetch(`${url}overview`, { headers })).status, 200);
    const { files, builtins } = await loadedBy(leveret);
    assert.ok(files.includes('api.js'), files.join());
    assert.ok(builtins.includes('http'));
  });

  test('a scrape has no HTTP client loaded, which comes with an import of node:http', async (t) => {
    const leveret = started(t, '--memory');
    await leveret.port();
    const [, url] = /metrics +(\S+)$/m.exec(leveret.stdout)!;
    assert.equal((await fetch(url!)).status, 200);
    const { builtins } = await loadedBy(leveret);
    assert.ok(builtins.includes('http'));
    assert.ok(!builtins.some((name) => name.includes('undici')));
  });

  test('leveretctl and every thread have one file, with all in it that they run', () => {
    const threads = globSync('src/**/*-{thread,worker}.ts', { cwd: ROOT }).map((path) => basename(path, '.ts'));
    assert.deepEqual(threads.sort(), ['delay-thread', 'load-worker']);
    for (const name of ['leveretctl', ...threads]) {
      const code = readFileSync(join(bundle, `${name}.js`), 'utf8');
      assert.doesNotMatch(code, /(from|import\() ?"\.\//, name);
    }
  });

  test('every letter in it is ASCII, so that V8 keeps it with a byte a letter', () => {
    for (const name of ['core.js', 'serve.js', 'api.js', 'leveretctl.js']) {
      assert.doesNotMatch(readFileSync(join(bundle, name), 'latin1'), /[^\0-\x7f]/, name);
    }
  });

  test('a stack names the file and line of the source', async (t) => {
    const program = join(bundle, 'program.js');
    writeFileSync(
      program,
      `import { startBroker } from './broker.js';
       await startBroker({ memory: true, port: 0, nodeName: '@' }).catch((error) => console.log(error.stack));`,
    );
    const child = new LeveretProcess(t, process.execPath, ['--enable-source-maps', program]);
    const { stdout } = await child.ended;
    const [, path, line] = /\((\/\S+\/src\/config\/node-name\.ts):(\d+):\d+\)/.exec(stdout)!;
    assert.ok(existsSync(path!), stdout);
    assert.match(readFileSync(path!, 'utf8').split('\n')[Number(line) - 1]!, /throw new/);
  });
});
