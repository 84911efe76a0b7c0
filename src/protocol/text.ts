/**
 * AMQP strings <-> JavaScript strings, without loss.
 *
 * Strings are UTF-8 by the specification, but clients also put other octets into headers and routing keys, and RabbitMQ
 * carries them as they are. Octets that are not valid UTF-8 become one UTF-16 unit each: ASCII as itself, 0x80 to 0xFF as
 * the lone surrogates U+DC80 to U+DCFF. Valid UTF-8 never decodes to a lone surrogate, hence the invariant: different
 * octets give different strings, and encodeText(decodeText(octets)) gives the same octets back.
 */
import { isUtf8 } from 'node:buffer';

const ESCAPE_BASE = 0xdc00;
const REPLACEMENT_CHARACTER = '\ufffd';

/** The octets from offset to end as a string; any octets do. Copies. */
export function decodeText(bytes: Buffer, offset: number, end: number): string {
  if (isAsciiOnly(bytes, offset, end)) return bytes.toString('latin1', offset, end);
  const text = bytes.toString('utf8', offset, end);
  // U+FFFD may also have been sent as such, so its presence only makes the octets suspect.
  if (!text.includes(REPLACEMENT_CHARACTER) || isUtf8(bytes.subarray(offset, end))) return text;
  return escapeOctets(bytes, offset, end);
}

/** The octets of a string: UTF-8, or what decodeText() read when that was not UTF-8. */
export function encodeText(text: string): Buffer {
  return isEscaped(text) ? unescapeOctets(text) : Buffer.from(text, 'utf8');
}

/** The count of octets that encodeText() gives. */
export function textByteLength(text: string): number {
  return isEscaped(text) ? text.length : Buffer.byteLength(text, 'utf8');
}

/** Writes the octets of a string at offset; the caller made room for textByteLength(). @returns the offset behind them. */
export function writeText(target: Buffer, offset: number, text: string): number {
  if (isEscaped(text)) return offset + unescapeOctets(text).copy(target, offset);
  return offset + target.write(text, offset, 'utf8');
}

/** True when decodeText() met octets that are not UTF-8. */
export function isEscaped(text: string): boolean {
  if (text.isWellFormed()) return false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80 && (unit < ESCAPE_BASE + 0x80 || unit > ESCAPE_BASE + 0xff)) return false;
  }
  return true;
}

function isAsciiOnly(bytes: Buffer, offset: number, end: number): boolean {
  for (let index = offset; index < end; index++) {
    if (bytes[index]! >= 0x80) return false;
  }
  return true;
}

function escapeOctets(bytes: Buffer, offset: number, end: number): string {
  const units = Buffer.allocUnsafe((end - offset) * 2);
  for (let index = offset; index < end; index++) {
    const octet = bytes[index]!;
    units.writeUInt16LE(octet < 0x80 ? octet : ESCAPE_BASE + octet, (index - offset) * 2);
  }
  return units.toString('utf16le');
}

function unescapeOctets(text: string): Buffer {
  const octets = Buffer.allocUnsafe(text.length);
  for (let index = 0; index < text.length; index++) octets[index] = text.charCodeAt(index) & 0xff;
  return octets;
}
