/** The package as somebody else installs it: its content, its command, its threads and its types. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { brokerEnvironment } from '../broker-environment.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LeveretProcess } from './leveret-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'node_modules/.bin');
/** The pinned Node comes first, for npm and npx too. */
const ENVIRONMENT = { ...brokerEnvironment(), PATH: `${BIN}${delimiter}${process.env.PATH}` };
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; files: string[] };
const PACKED_BYTES_MAX = 1_000_000;

const directory = mkdtempSync(join(tmpdir(), 'leveret-pack-'));
const project = join(directory, 'project');
let packed: { filename: string; size: number; files: { path: string }[] };

function run(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, env: ENVIRONMENT, encoding: 'utf8', timeout: 120_000 });
  assert.equal(
    result.status,
    0,
    `${command} ${args.join(' ')}: ${result.error ?? ''}\n${result.stdout}\n${result.stderr}`,
  );
  return result.stdout;
}

/** The same files that npm would take from the checkout, elsewhere: building there leaves the checkout's dist alone. */
function copyCheckout(to: string): void {
  mkdirSync(to);
  const builtFrom = ['src', 'tools', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
  for (const name of [...builtFrom, ...PACKAGE.files]) {
    if (name !== 'dist' && existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(to, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'));
}

suite('the package', () => {
  before(() => {
    const checkout = join(directory, 'checkout');
    copyCheckout(checkout);
    [packed] = JSON.parse(run('npm', ['pack', '--json'], checkout));
    mkdirSync(project);
    // Offline: the package is all that it needs.
    const args = ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error'];
    run('npm', [...args, join(checkout, packed.filename)], project);
  });

  after(() => rmSync(directory, { recursive: true }));

  test('it holds what runs, its types and its documents, no tests and no sources, and is small', () => {
    const paths = packed.files.map(({ path }) => path);
    const expected = [
      'LICENSE',
      'README.md',
      'dist/broker.d.ts',
      'dist/broker.js',
      'dist/leveret.js',
      'dist/leveretctl.js',
      'dist/third-party-licenses.txt',
      'package.json',
    ];
    for (const path of expected) assert.ok(paths.includes(path), path);
    const strangers = paths.filter(
      (path) =>
        !/^(dist\/.*\.(js|js\.map|d\.ts)|dist\/(third-party-licenses\.txt|package\.json)|[^/]+\.md|LICENSE|package\.json)$/.test(
          path,
        ),
    );
    assert.deepEqual(strangers, []);
    assert.deepEqual(
      paths.filter((path) => /(^|\/)test-|\.test\./.test(path)),
      [],
    );
    assert.ok(packed.size < PACKED_BYTES_MAX, `${packed.size} bytes`);
  });

  test('it depends on nothing, and carries the licences of what it has taken in', () => {
    const { dependencies, optionalDependencies, peerDependencies, scripts } = JSON.parse(
      readFileSync(join(project, 'node_modules/leveret/package.json'), 'utf8'),
    );
    assert.deepEqual([dependencies, optionalDependencies, peerDependencies], [undefined, undefined, undefined]);
    assert.deepEqual(
      Object.keys(scripts).filter((name) => /install|^prepare$/.test(name)),
      [],
    );
    assert.deepEqual(
      readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['leveret'],
    );
    const licences = readFileSync(join(project, 'node_modules/leveret/dist/third-party-licenses.txt'), 'utf8');
    for (const name of ['@hono/node-server', 'commander', 'hono', 'leven']) {
      assert.match(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n\\n.*Permission is hereby granted`, 'ms'));
    }
  });

  test('npx leveret runs it', () => {
    assert.equal(run('npx', ['--offline', 'leveret', '--version'], project), `${PACKAGE.version}\n`);
  });

  test('the command runs a broker, leveret perf finds its threads and puts load on it, and leveretctl finds its socket', async (t) => {
    const leveret = join(project, 'node_modules/.bin/leveret');
    const broker = new LeveretProcess(t, leveret, ['--port', '0', '--data-dir', 'data'], {
      cwd: project,
      env: ENVIRONMENT,
    });
    const uri = `amqp://127.0.0.1:${await broker.port()}`;
    const load = ['perf', '--uri', uri, '--count', '200', '-r', '2000', '-c', '10', '--persistent'];
    const report = run(leveret, load, project);
    assert.match(report, /^ {2}confirmed .* 200 in all\n {2}received .* 200 in all$/m);
    assert.match(report, /^ {2}faults +none$/m);
    const control = /^ {2}control +(\S+)$/m.exec(broker.stdout)![1]!;
    const leveretctl = (...words: string[]) => {
      return run(join(project, 'node_modules/.bin/leveretctl'), ['-n', control, '-q', ...words], project);
    };
    assert.equal(leveretctl('list_users'), 'user\ttags\nguest\t[administrator]\n');
    const client = await RawClient.connect(await broker.port());
    await client.open();
    assert.match(leveretctl('status'), /^RabbitMQ version: .*^Connection count: 1$/ms);
    client.abort();
    broker.child.kill('SIGTERM');
    assert.equal((await broker.ended).exit, 0);
    assert.ok(existsSync(join(project, 'data/metadata.sqlite')));
  });

  test('a strict TypeScript program compiles against its types, and runs', () => {
    const program = `
      import { type Broker, type BrokerOptions, type Limits, startBroker, VERSION } from 'leveret';
      const limits: Partial<Limits> = { channelMax: 10 };
      const options: BrokerOptions = { port: 0, memory: true, limits, logLevel: 'none' };
      // @ts-expect-error: a port is a number
      export const wrong: BrokerOptions = { port: '0' };
      // @ts-expect-error: there is no such option
      export const mistyped: BrokerOptions = { prot: 0 };
      const broker: Broker = await startBroker(options);
      const port: number = broker.port;
      console.log(\`\${VERSION} \${port > 0} \${broker.url.startsWith('amqp://guest:guest@127.0.0.1:')} \${broker.users}\`);
      await broker.stop();`;
    writeFileSync(join(project, 'program.mts'), program);
    const settings = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2024'];
    const modules = ['--module', 'nodenext', '--moduleResolution', 'nodenext', '--verbatimModuleSyntax'];
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types'), '--skipLibCheck', 'false'];
    run(join(BIN, 'tsc'), [...settings, ...modules, ...types, 'program.mts'], project);
    assert.equal(run(process.execPath, ['program.mjs'], project), `${PACKAGE.version} true true guest\n`);
  });
});
