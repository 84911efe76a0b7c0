/** A session as the fuzzer plays it: frame by frame, and how far the broker is given time to answer in between. */
import type { Recording } from './recording.ts';

export interface Step {
  /** What is sent: whole frames at first, anything once they are mutated. */
  frames: Buffer[];
  /** How many frames the broker sends after it, in all of the session so far, if all goes well. */
  readonly answers: number;
}

export type Script = Step[];

const FRAME_HEAD_SIZE = 7;
const PROTOCOL_HEADER_SIZE = 8;

export function scriptOf({ parts }: Recording): Script {
  const script: Script = [];
  let answers = 0;
  for (const part of parts) {
    if (part.kind === 'client') script.push({ frames: framesOf(part.bytes), answers });
    else {
      answers += part.frames;
      const last = script.pop();
      if (last !== undefined) script.push({ frames: last.frames, answers });
    }
  }
  return script;
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const isHeader = bytes.toString('latin1', at, at + 4) === 'AMQP';
    const size = isHeader ? PROTOCOL_HEADER_SIZE : bytes.readUInt32BE(at + 3) + FRAME_HEAD_SIZE + 1;
    frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

export function copyOf(script: Script): Script {
  return script.map(({ frames, answers }) => ({ frames: frames.map((frame) => Buffer.from(frame)), answers }));
}

export function bytesOf(script: Script): Buffer {
  return Buffer.concat(script.flatMap(({ frames }) => frames));
}
