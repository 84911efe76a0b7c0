/**
 * Hashes that place a message among destinations. Their results decide where messages go across restarts and nodes, so
 * changing one moves traffic: the tests pin values.
 */

/** 32-bit hash of a text's UTF-16 code units, well mixed in every bit. */
export function hashText(text: string, seed: number): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x5bd1e995) ^ (hash >>> 15);
  return mix(hash ^ text.length);
}

/** Spreads every bit of a 32-bit integer over all of them: the finalizer of MurmurHash3. */
export function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
