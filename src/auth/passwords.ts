/**
 * Password hashes as RabbitMQ stores and exports them: base64 of four octets of salt, then the digest of salt and password.
 *
 * They are a single round, which is what definitions moved between the brokers need; they are no protection once they leak.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PasswordHashing } from '../metadata/port.ts';
import { encodeText } from '../protocol/text.ts';

const SALT_SIZE = 4;

/** Octets of salt and digest together. */
const HASH_SIZE: Readonly<Record<PasswordHashing, number>> = { sha256: 36, sha512: 68, md5: 20 };

/**
 * Hashes a password for a user's record.
 * @param salt four octets; random unless given
 */
export function hashPassword(
  password: string,
  hashing: PasswordHashing = 'sha256',
  salt: Buffer = randomBytes(SALT_SIZE),
): string {
  const digest = createHash(hashing).update(salt).update(encodeText(password)).digest();
  return Buffer.concat([salt, digest]).toString('base64');
}

/**
 * Whether a password is the one that was hashed; takes as long whichever octet is wrong. No password fits an empty hash: such a
 * user logs in by other means, or not at all. An empty password fits nothing either, whatever was hashed.
 */
export function isPassword(password: string, passwordHash: string, hashing: PasswordHashing): boolean {
  const stored = Buffer.from(passwordHash, 'base64');
  if (stored.length !== HASH_SIZE[hashing] || password === '') return false;
  const given = Buffer.from(hashPassword(password, hashing, stored.subarray(0, SALT_SIZE)), 'base64');
  return timingSafeEqual(stored, given);
}

/** Whether a definition's `password_hash` can be one: empty, or base64 of the right size. */
export function isPasswordHash(passwordHash: string, hashing: PasswordHashing): boolean {
  if (passwordHash === '') return true;
  const stored = Buffer.from(passwordHash, 'base64');
  return stored.length === HASH_SIZE[hashing] && stored.toString('base64') === passwordHash;
}
