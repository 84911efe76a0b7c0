/** Bodies for callers that take gzip, as RabbitMQ's web server gives them; packed by another thread than the one that serves. */
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { Json } from './listing.ts';

/** Shorter ones gain nothing. */
const PACKED_BYTES_MIN = 300;
const OPTIONS = { level: constants.Z_BEST_SPEED };

const packWhole = promisify<Buffer | string, typeof OPTIONS, Buffer>(gzip);

/** @returns null where it is better sent as it is */
export async function packed(body: string | Json): Promise<Json | null> {
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    return Buffer.byteLength(body) < PACKED_BYTES_MIN ? null : packWhole(body, OPTIONS);
  }
  const packing = createGzip(OPTIONS);
  // An error of either goes on to whoever reads.
  pipeline(body, packing, () => {});
  return packing;
}

/** Whether an `Accept-Encoding` names gzip, and not with `q=0`. */
export function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((each) => /^\s*gzip\s*(;\s*q=(0?\.\d*[1-9]|1)[\d.]*\s*)?$/i.test(each));
}
