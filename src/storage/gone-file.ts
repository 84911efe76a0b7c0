/**
 * Which messages of a delay segment are gone out of their turn, in a file beside it: `NUMBER.gone`, little-endian.
 *
 *   u32 magic | u32 crc32 of the rest | u32 version | u32 messages of the segment | a bit for each, in the segment's order
 *
 * Each time it is written whole under another name, synced, and then renamed.
 */
import * as fs from 'node:fs';
import { promises } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, syncFolder } from '../runtime/disk.ts';

const MAGIC = 0x656e6f67;
const VERSION = 1;
const HEADER_SIZE = 16;

/** @param segmentPath of the segment that it is about */
export const goneFilePath = (segmentPath: string): string => segmentPath.replace(/\.segment$/, '.gone');

/** Resolves once the file is on the disk. @throws Error of the disk; then the file is what it was before */
export async function writeGoneFile(path: string, gone: Uint8Array, messages: number, disk: Disk): Promise<void> {
  const bytes = Buffer.alloc(HEADER_SIZE + gone.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(messages, 12);
  bytes.set(gone, HEADER_SIZE);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  const temporary = `${path}.new`;
  try {
    const handle = await promises.open(temporary, 'w', 0o600);
    try {
      await new Promise<void>((done, failed) => {
        disk.write(handle.fd, [bytes], 0, (error) => (error === null ? done() : failed(error)));
      });
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await promises.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * @returns null when there is none
 * @throws Error when it is damaged, or a newer leveret wrote it
 */
export function readGoneFile(path: string, messages: number): Uint8Array | null {
  if (!fs.existsSync(path)) return null;
  const bytes = fs.readFileSync(path);
  const isWhole = bytes.length === HEADER_SIZE + Math.ceil(messages / 8) && bytes.readUInt32LE(0) === MAGIC;
  if (!isWhole || crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) throw new Error('it is damaged');
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw new Error(`it has version ${version}, and this leveret reads version ${VERSION}`);
  return new Uint8Array(bytes.subarray(HEADER_SIZE));
}
