/**
 * The objects of a JSON list as they come in, so that a list need not fit into memory. What lies between two of them is one octet
 * deep; within an object only braces, brackets and texts are looked at, and JSON.parse() has the rest.
 */

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, OPEN_BRACKET, CLOSE_BRACE, CLOSE_BRACKET] = [0x7b, 0x5b, 0x7d, 0x5d];
/** Within the list, and in none of its objects. */
const BETWEEN = 1;

/** @throws SyntaxError for what is no list of objects, or ends too early */
export async function* elementsOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  let depth = 0;
  let inText = false;
  let afterBackslash = false;
  let parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let index = 0; index < chunk.length; index++) {
      const octet = chunk[index]!;
      if (afterBackslash) afterBackslash = false;
      else if (inText) {
        if (octet === BACKSLASH) afterBackslash = true;
        else if (octet === QUOTE) inText = false;
      } else if (octet === QUOTE) inText = true;
      else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) {
        if (depth === BETWEEN) start = index;
        depth++;
      } else if (octet === CLOSE_BRACE || octet === CLOSE_BRACKET) {
        depth--;
        if (depth !== BETWEEN) continue;
        yield parse([...parts, chunk.subarray(start, index + 1)]);
        parts = [];
      }
    }
    if (depth > BETWEEN) parts.push(chunk.subarray(start));
  }
  if (depth !== 0) throw new SyntaxError('the list ends too early');
}

function parse(parts: readonly Uint8Array[]): unknown {
  return JSON.parse(Buffer.concat(parts).toString());
}
