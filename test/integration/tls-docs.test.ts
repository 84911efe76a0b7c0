/** docs/tls.md holds: its five minutes lead to connected clients, and it has every setting that there is. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { SETTINGS } from '../../src/config/settings.ts';
import { isMissing } from '../conformance/external-program.ts';
import { withDeadline } from '../conformance/waiting.ts';
import { LEVERET, LeveretProcess } from './leveret-process.ts';
import { codeSpansOf, fencesOf, tableBehind } from './markdown.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/tls.md'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'leveret-tls-docs-'));
after(() => rmSync(directory, { recursive: true }));
symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));

/** The code of one kind in the order of the page. */
function code(info: string, index: number): string {
  const found = fencesOf(page).filter((fence) => fence.info === info)[index];
  assert.ok(found, `${info} ${index}`);
  return found.code;
}

/** In the directory where the reader sits; all that it says. @throws Error unless it ends well */
async function run(t: TestContext, command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [exit] = await withDeadline(command, once(child, 'close'));
  assert.equal(exit, 0, output);
  return output;
}

/** A broker as the reader starts it, but for its ports. @returns the port that stands for 5671 */
async function start(t: TestContext, configuration: string): Promise<string> {
  const ports = ['listeners.tcp.default = 127.0.0.1:0', 'management.tcp.port = 0', 'prometheus.tcp.port = 0'];
  const lines = configuration.replace(':5671', ':0') + ports.join('\n');
  writeFileSync(join(directory, 'leveret.conf'), lines);
  const args = [LEVERET, '--memory', '--config', 'leveret.conf'];
  const leveret = new LeveretProcess(t, process.execPath, args, { cwd: directory });
  await leveret.port();
  const port = /^ {15}amqps:\/\/127\.0\.0\.1:(\d+)$/m.exec(leveret.stdout)?.[1];
  assert.ok(port, leveret.stdout);
  return port;
}

async function runJavaScript(t: TestContext, source: string, port: string): Promise<string> {
  writeFileSync(join(directory, 'client.mjs'), source.replace('5671', port));
  return run(t, process.execPath, 'client.mjs');
}

test('the five minutes of docs/tls.md end with clients that are connected', async (t) => {
  await run(t, 'sh', '-e', '-c', code('sh', 0));
  const port = await start(t, code('ini', 0));
  assert.match(await run(t, 'sh', '-e', '-c', code('sh', 1).replace('5671', port)), /Verification: OK/);
  assert.equal(await runJavaScript(t, code('js', 0), port), 'connected\n');
  const python = '/usr/bin/python3';
  if (isMissing(t, { command: python, args: ['-c', 'import pika'] }, 'python3-pika')) return;
  await run(t, python, '-B', '-c', code('python', 0).replace('5671', port));
});

test('and those behind them with a certificate that is a login', async (t) => {
  await run(t, 'sh', '-e', '-c', code('sh', 2));
  writeFileSync(join(directory, 'definitions.json'), code('json', 0));
  const port = await start(t, code('ini', 1));
  assert.equal(await runJavaScript(t, code('js', 1), port), 'connected\n');
});

test('docs/tls.md has every setting of listeners, TLS and logins, with its default', () => {
  const rows = tableBehind(page, 'Settings').map((cells) => [codeSpansOf(cells[0]!)[0], codeSpansOf(cells[2]!)]);
  const listed = new Map(rows as [string, string[]][]);
  const about = /^(listeners|ssl_\w+|auth_mechanisms|loopback_users)\b/;
  const declared = Object.values(SETTINGS).filter(({ key }) => about.test(key));
  assert.equal(listed.size, declared.length);
  for (const { key, default: fallback } of declared as { key: string; default?: string }[]) {
    const name = key.replace('$name', /^(ssl_options|auth_mechanisms)/.test(key) ? 'N' : 'NAME');
    const defaults = listed.get(name);
    assert.ok(defaults, `${name} is not listed`);
    if (fallback !== undefined) assert.deepEqual(defaults, [fallback], name);
  }
});
