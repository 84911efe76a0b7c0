/**
 * Octets as RabbitMQ shows them in reply texts: as Erlang's `~w`, figures and nothing else, or as its `~p`, which makes a text
 * of what looks like one. Erlang's `~p` also breaks what is longer than 80 columns into lines; here it stays on one.
 */
import { decodeText } from './text.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
};

/** `<<0,50,10>>`. */
export function octetFigures(octets: Buffer): string {
  return `<<${Array.from(octets).join(',')}>>`;
}

/** `<<"text">>` where every octet is printable in Latin-1, which UTF-8 is by chance, and `<<1,2>>` otherwise. */
export function printedOctets(octets: Buffer): string {
  if (octets.length === 0) return '<<>>';
  if (!octets.every(isPrintable)) return octetFigures(octets);
  const text = decodeText(octets, 0, octets.length);
  return `<<"${Array.from(text, (character) => ESCAPES[character] ?? character).join('')}">>`;
}

function isPrintable(octet: number): boolean {
  return (octet >= 0x20 && octet <= 0x7e) || octet >= 0xa0 || (octet >= 0x08 && octet <= 0x0d) || octet === 0x1b;
}
