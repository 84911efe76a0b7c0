/** What is done to a session before it is played: each mutation changes one thing, at random. */
import type { Random } from './random.ts';
import { copyOf, type Script, type Step } from './script.ts';

type Mutation = (script: Script, random: Random, others: readonly Script[]) => void;

const FRAME_HEAD_SIZE = 7;
const NASTY_OCTETS = [0, 1, 0x7f, 0x80, 0xce, 0xfe, 0xff];
const NASTY_LENGTHS = [0, 1, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff];
const NASTY_BODY_SIZES = [0n, 1n, 0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0xffffffffffffffffn, 134_217_729n];
const CHANNELS = [0, 1, 2, 3, 4, 255, 65_535];
const CLASSES = [0, 10, 20, 30, 40, 50, 60, 85, 90, 255, 65_535];
const METHODS = [0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 70, 71, 72, 80, 90, 100, 110, 111, 120, 255];

/** The place of a frame; mostly one behind the handshake, where there is more to break. */
function place(script: Script, random: Random): { step: Step; index: number } {
  const first = random.oneIn(8) ? 0 : Math.min(3, script.length - 1);
  const step = script[first + random.below(script.length - first)] as Step;
  return { step, index: random.below(step.frames.length) };
}

function change(script: Script, random: Random, each: (frame: Buffer) => Buffer): void {
  const { step, index } = place(script, random);
  const frame = step.frames[index];
  if (frame !== undefined && frame.length > FRAME_HEAD_SIZE) step.frames[index] = each(frame);
}

/** The frame with another payload, and the length that fits. */
function withPayload(frame: Buffer, payload: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(payload.length);
  return Buffer.concat([frame.subarray(0, 3), size, payload, frame.subarray(-1)]);
}

const payloadOf = (frame: Buffer): Buffer => frame.subarray(FRAME_HEAD_SIZE, -1);

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBits: (script, random) =>
    change(script, random, (frame) => {
      for (let i = 0; i <= random.below(4); i++) frame[random.below(frame.length)]! ^= 1 << random.below(8);
      return frame;
    }),
  flipPayloadBits: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      if (payload.length > 0) payload[random.below(Math.min(payload.length, 300))]! ^= 1 << random.below(8);
      return frame;
    }),
  setOctet: (script, random) =>
    change(script, random, (frame) => {
      frame[random.below(frame.length)] = random.pick(NASTY_OCTETS);
      return frame;
    }),
  setFrameLength: (script, random) =>
    change(script, random, (frame) => {
      const size = frame.readUInt32BE(3);
      const wanted = random.pick([...NASTY_LENGTHS, size + 1, size - 1, size * 2, 4096, 4097, 131_072]);
      // An earlier mutation may have made it as large as it can be.
      frame.writeUInt32BE(wanted >>> 0, 3);
      return frame;
    }),
  setInnerLength: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      if (payload.length >= 8) payload.writeUInt32BE(random.pick(NASTY_LENGTHS), 4 + random.below(payload.length - 7));
      return frame;
    }),
  nudgeInnerLength: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      if (payload.length > 5) payload[4 + random.below(payload.length - 4)]! += random.oneIn(2) ? 1 : 255;
      return frame;
    }),
  setBodySize: (script, random) => {
    const headers = script.flatMap(({ frames }) => frames).filter((frame) => frame[0] === 2 && frame.length >= 22);
    if (headers.length > 0) random.pick(headers).writeBigUInt64BE(random.pick(NASTY_BODY_SIZES), 11);
  },
  setPropertyFlags: (script, random) => {
    const headers = script.flatMap(({ frames }) => frames).filter((frame) => frame[0] === 2 && frame.length >= 22);
    if (headers.length > 0) random.pick(headers).writeUInt16BE(random.below(65_536), 19);
  },
  setChannel: (script, random) =>
    change(script, random, (frame) => {
      frame.writeUInt16BE(random.pick(CHANNELS), 1);
      return frame;
    }),
  setType: (script, random) =>
    change(script, random, (frame) => {
      frame[0] = random.pick([0, 1, 2, 3, 4, 8, 9, 0x41, 255]);
      return frame;
    }),
  setMethod: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      if (frame[0] !== 1 || payload.length < 4) return frame;
      if (random.oneIn(2)) payload.writeUInt16BE(random.pick(CLASSES), 0);
      payload.writeUInt16BE(random.pick(METHODS), 2);
      return frame;
    }),
  scramblePayload: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      const at = random.below(payload.length);
      random.bytes(Math.min(payload.length - at, 1 + random.below(16))).copy(payload, at);
      return frame;
    }),
  growPayload: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      const at = random.below(payload.length + 1);
      const more = random.oneIn(20) ? Buffer.alloc(140_000, 'F') : random.bytes(1 + random.below(20));
      return withPayload(frame, Buffer.concat([payload.subarray(0, at), more, payload.subarray(at)]));
    }),
  shrinkPayload: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      const at = random.below(payload.length + 1);
      return withPayload(frame, Buffer.concat([payload.subarray(0, at), payload.subarray(at + 1 + random.below(8))]));
    }),
  doublePayloadRange: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      const from = random.below(payload.length);
      const to = from + 1 + random.below(payload.length - from);
      return withPayload(frame, Buffer.concat([payload.subarray(0, to), payload.subarray(from)]));
    }),
  nestDeeper: (script, random) =>
    change(script, random, (frame) => {
      const payload = payloadOf(frame);
      const at = random.below(payload.length + 1);
      const depth = random.pick([10, 99, 101, 500]);
      return withPayload(frame, Buffer.concat([payload.subarray(0, at), nestedTables(depth), payload.subarray(at)]));
    }),
  truncateFrame: (script, random) => change(script, random, (frame) => frame.subarray(0, random.below(frame.length))),
  dropFrame: (script, random) => {
    const { step, index } = place(script, random);
    step.frames.splice(index, 1);
  },
  doubleFrame: (script, random) => {
    const { step, index } = place(script, random);
    const frame = step.frames[index];
    if (frame !== undefined)
      for (let i = 0; i <= random.below(3); i++) step.frames.splice(index, 0, Buffer.from(frame));
  },
  swapFrames: (script, random) => {
    const one = place(script, random);
    const other = place(script, random);
    const frame = one.step.frames[one.index];
    const second = other.step.frames[other.index];
    if (frame === undefined || second === undefined) return;
    one.step.frames[one.index] = second;
    other.step.frames[other.index] = frame;
  },
  insertForeignFrame: (script, random, others) => {
    const from = place(random.pick(others), random);
    const to = place(script, random);
    const frame = from.step.frames[from.index];
    if (frame !== undefined) to.step.frames.splice(to.index, 0, Buffer.from(frame));
  },
  insertGarbage: (script, random) => {
    const { step, index } = place(script, random);
    step.frames.splice(index, 0, random.bytes(1 + random.below(40)));
  },
  weaveForeignSession: (script, random, others) => {
    const foreign = copyOf(random.pick(others)).slice(3);
    const shift = random.pick([0, 1, 2, 10]);
    for (const { frames } of foreign) {
      for (const frame of frames) {
        const channel = frame.readUInt16BE(1);
        if (channel > 0) frame.writeUInt16BE(channel + shift, 1);
      }
      const { step, index } = place(script, random);
      if (!frames.some((frame) => frame.readUInt16BE(1) === 0)) step.frames.splice(index, 0, ...frames);
    }
  },
  repeatSession: (script) => {
    script.push(...copyOf(script.slice(3)));
  },
  endEarly: (script, random) => {
    script.splice(1 + random.below(script.length - 1));
    const last = script.at(-1) as Step;
    const cut = last.frames.pop();
    if (cut !== undefined && random.oneIn(2)) last.frames.push(cut.subarray(0, random.below(cut.length)));
  },
  joinSteps: (script) => {
    const frames = script.splice(1).flatMap((step) => step.frames);
    script.push({ frames, answers: Number.MAX_SAFE_INTEGER });
  },
};

const NAMES = Object.keys(MUTATIONS);

/** @returns the mutated session, and which mutations made it. */
export function mutate(scripts: readonly Script[], random: Random): { script: Script; mutations: string[] } {
  const script = copyOf(random.pick(scripts));
  const mutations: string[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const name = random.pick(NAMES);
    MUTATIONS[name]?.(script, random, scripts);
    mutations.push(name);
  }
  return { script, mutations };
}

/** A field `a` with a table in a table ... `depth` times, as it stands within a table. */
function nestedTables(depth: number): Buffer {
  let inside = Buffer.alloc(0);
  for (let i = 0; i < depth; i++) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(inside.length);
    inside = Buffer.concat([Buffer.from([1, 0x61, 0x46]), size, inside]);
  }
  return inside;
}
