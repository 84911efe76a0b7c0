/**
 * The hashes of routing. `hashText` and `mix` place a message among destinations: their results decide where messages go
 * across restarts and nodes, so changing one moves traffic, and the tests pin values. The word hash is for look-ups only.
 */

/** 32-bit hash of a text's UTF-16 code units, well mixed in every bit. */
export function hashText(text: string, seed: number): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  return mix(hash ^ text.length);
}

/** Spreads every bit of a 32-bit integer over all of them: the finalizer of MurmurHash3. */
export function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The hash of no word yet, for `extendWordHash`. */
export const WORD_HASH_START = 0x11c9dc5;

/** Takes one more UTF-16 code unit into the hash of a word of a topic. */
export function extendWordHash(hash: number, code: number): number {
  // FNV-1a, kept to 30 bits so that V8 holds it as a small integer and a map never boxes it as a key.
  return Math.imul(hash ^ code, 0x01000193) & 0x3fffffff;
}

/** The hash of a whole word. */
export function hashWord(word: string): number {
  let hash = WORD_HASH_START;
  for (let index = 0; index < word.length; index++) hash = extendWordHash(hash, word.charCodeAt(index));
  return hash;
}
