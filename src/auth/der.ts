/**
 * As much of DER (X.690) as it takes to read names out of a certificate that was verified already: elements of definite length,
 * object identifiers and the string types of X.520. What does not fit is an error, never a guess.
 */
import { decodeText } from '../protocol/text.ts';

export interface DerElement {
  /** The octet in front: class, whether it is constructed, and number. */
  readonly tag: number;
  readonly content: Buffer;
}

export const TAG_SEQUENCE = 0x30;
export const TAG_OBJECT_IDENTIFIER = 0x06;

const TAG_UTF8 = 0x0c;
const TAG_NUMERIC = 0x12;
const TAG_PRINTABLE = 0x13;
const TAG_TELETEX = 0x14;
const TAG_IA5 = 0x16;
const TAG_VISIBLE = 0x1a;
const TAG_UNIVERSAL = 0x1c;
const TAG_BMP = 0x1e;
/** Tags whose number goes on behind the first octet; certificates have none. */
const LONG_TAG = 0x1f;

/** The elements that stand one behind the other. @throws Error when the last one is not whole */
export function derElements(content: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const tag = content.readUInt8(at);
    if ((tag & LONG_TAG) === LONG_TAG) throw new Error('a DER tag of more than one octet');
    const { length, headSize } = readLength(content, at + 1);
    const from = at + 1 + headSize;
    if (from + length > content.length) throw new Error('a DER element that is not whole');
    elements.push({ tag, content: content.subarray(from, from + length) });
    at = from + length;
  }
  return elements;
}

/** One octet, or the count of the octets that follow. */
function readLength(content: Buffer, at: number): { length: number; headSize: number } {
  const first = content.readUInt8(at);
  if (first < 0x80) return { length: first, headSize: 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new Error('a DER length that no certificate has');
  return { length: content.readUIntBE(at + 1, count), headSize: 1 + count };
}

/** `2.5.4.3`. */
export function objectIdentifier(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...others] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...others].join('.');
}

/** A string of any type; undefined for what is no string. Teletex is read as ISO 8859-1, as everybody does. */
export function derString({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case TAG_UTF8:
    case TAG_PRINTABLE:
    case TAG_IA5:
    case TAG_NUMERIC:
    case TAG_VISIBLE:
      return decodeText(content, 0, content.length);
    case TAG_TELETEX:
      return content.toString('latin1');
    case TAG_BMP:
      return Buffer.from(content).swap16().toString('utf16le');
    case TAG_UNIVERSAL:
      return utf32(content);
    default:
      return undefined;
  }
}

function utf32(content: Buffer): string {
  let text = '';
  for (let at = 0; at < content.length; at += 4) text += String.fromCodePoint(content.readUInt32BE(at));
  return text;
}
