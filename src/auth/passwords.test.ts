import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, isPassword, isPasswordHash } from './passwords.ts';

const SALT = Buffer.from([1, 2, 3, 4]);

test('a hash is base64 of the salt and the digest of salt and password, so that definitions can be moved', () => {
  // As RabbitMQ 3.10.8 exports the user guest with this salt.
  assert.equal(hashPassword('guest', 'sha256', SALT), 'AQIDBEMMOXwY6PKx/JKP9PAqfsb4ozuD0Ta3pxxa9gEYBMmD');
});

for (const hashing of ['sha256', 'sha512', 'md5'] as const) {
  test(`a password fits its ${hashing} hash, and no other one does`, () => {
    const hash = hashPassword('secret', hashing);
    assert.ok(isPassword('secret', hash, hashing));
    assert.ok(!isPassword('Secret', hash, hashing));
    assert.ok(!isPassword('', hash, hashing));
    assert.ok(isPasswordHash(hash, hashing));
  });
}

test('two hashes of one password differ, lest equal passwords show', () => {
  assert.notEqual(hashPassword('secret'), hashPassword('secret'));
});

test('no password fits an empty hash, and the empty password fits nothing: such a user cannot log in', () => {
  assert.ok(!isPassword('', '', 'sha256'));
  assert.ok(!isPassword('secret', '', 'sha256'));
  assert.ok(!isPassword('', hashPassword(''), 'sha256'));
  assert.ok(isPasswordHash('', 'sha256'));
});

test('a hash of another size or with other letters is none', () => {
  const hash = hashPassword('secret', 'sha256');
  assert.ok(!isPasswordHash(hash, 'sha512'));
  assert.ok(!isPasswordHash(hash.slice(4), 'sha256'));
  assert.ok(!isPasswordHash(`${hash.slice(0, -1)}!`, 'sha256'));
  assert.ok(!isPassword('secret', hash.slice(4), 'sha256'));
});

test('a password may have any octets', () => {
  assert.ok(isPassword('pässwörd 兔', hashPassword('pässwörd 兔'), 'sha256'));
});
