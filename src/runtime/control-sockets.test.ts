import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  controlSocketDirectory,
  controlSocketPath,
  controlSocketsIn,
  faultOf,
  openControlSocketDirectory,
} from './control-sockets.ts';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-sockets-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('the directory is the one that was chosen, or the user’s own', () => {
  assert.equal(controlSocketDirectory({ LEVERET_RUN_DIR: '/x', XDG_RUNTIME_DIR: '/y' }), '/x');
  const usual = controlSocketDirectory({ XDG_RUNTIME_DIR: '/y' });
  assert.equal(usual, process.getuid!() === 0 ? '/run/leveret' : '/y/leveret');
});

test('the directory is made for its owner alone', (t) => {
  const directory = join(temporary(t), 'a', 'b');
  openControlSocketDirectory(directory);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test('a directory that others may use is refused: they could put a socket of theirs in its place', (t) => {
  const directory = temporary(t);
  chmodSync(directory, 0o770);
  assert.throws(() => openControlSocketDirectory(directory), /others may use it \(mode 770\)/);
  chmodSync(directory, 0o700);
  assert.equal(faultOf(directory), null);
});

test('a link to a directory is refused: whoever owns it may point it elsewhere', (t) => {
  const directory = temporary(t);
  symlinkSync(directory, join(directory, 'link'));
  assert.match(faultOf(join(directory, 'link'))!, /no directory/);
});

test('a socket has the name of its node, and where that is too long, the beginning of it and a hash', () => {
  assert.equal(controlSocketPath('/run/leveret', 'leveret@host'), '/run/leveret/leveret@host.sock');
  assert.equal(controlSocketPath('/run/leveret', 'leveret@host', 7), '/run/leveret/leveret@host.7.sock');
  const host = 'h'.repeat(200);
  const [one, other] = [`a@${host}1`, `a@${host}2`].map((name) => controlSocketPath('/run/leveret', name, 12345));
  assert.notEqual(one, other);
  assert.ok(Buffer.byteLength(one!) <= 107);
  assert.match(one!, /^\/run\/leveret\/a@h+-[0-9a-f]{8}\.12345\.sock$/);
  assert.throws(() => controlSocketPath(`/${'d'.repeat(120)}`, 'a@b'), /set LEVERET_RUN_DIR to a shorter one/);
});

test('what is in the directory and no socket is left alone', (t) => {
  const directory = temporary(t);
  for (const name of ['b.sock', 'a.sock', 'note.txt']) writeFileSync(join(directory, name), '');
  assert.deepEqual(controlSocketsIn(directory), [join(directory, 'a.sock'), join(directory, 'b.sock')]);
  assert.deepEqual(controlSocketsIn(join(directory, 'none')), []);
});
