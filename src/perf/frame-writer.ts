/**
 * The few AMQP 0-9-1 frames that a load generator sends. It has a writer of its own, apart from the broker's, so that a fault in
 * the broker's codec shows instead of meeting its twin.
 */

export const frameTypeMethod = 1;
export const frameTypeHeader = 2;
export const frameTypeBody = 3;
export const frameEnd = 0xce;

/** Class and method number as one 32-bit number, the way both stand in a method frame. */
export function methodId(classId: number, method: number): number {
  return classId * 0x1_0000 + method;
}

/** Values of a field table that a load generator needs. */
export type FieldValue = string | number | boolean | { readonly [name: string]: FieldValue };

export class FrameWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #size = 0;
  #frameAt = 0;

  get size(): number {
    return this.#size;
  }

  /** What was written since the last take, as a buffer that belongs to the caller. */
  take(): Buffer<ArrayBuffer> {
    const taken = Buffer.allocUnsafeSlow(this.#size);
    this.#bytes.copy(taken, 0, 0, this.#size);
    this.#size = 0;
    return taken;
  }

  beginFrame(type: number, channel: number): this {
    this.uint8(type).uint16(channel).uint32(0);
    this.#frameAt = this.#size;
    return this;
  }

  beginMethod(channel: number, classId: number, method: number): this {
    return this.beginFrame(frameTypeMethod, channel).uint16(classId).uint16(method);
  }

  endFrame(): this {
    this.#bytes.writeUInt32BE(this.#size - this.#frameAt, this.#frameAt - 4);
    return this.uint8(frameEnd);
  }

  uint8(value: number): this {
    this.#reserve(1);
    this.#size = this.#bytes.writeUInt8(value, this.#size);
    return this;
  }

  uint16(value: number): this {
    this.#reserve(2);
    this.#size = this.#bytes.writeUInt16BE(value, this.#size);
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#size = this.#bytes.writeUInt32BE(value, this.#size);
    return this;
  }

  uint64(value: number): this {
    return this.uint32(Math.floor(value / 0x1_0000_0000)).uint32(value % 0x1_0000_0000);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
    return this;
  }

  fill(byte: number, count: number): this {
    this.#reserve(count);
    this.#bytes.fill(byte, this.#size, this.#size + count);
    this.#size += count;
    return this;
  }

  /** @throws RangeError above 255 bytes. */
  shortString(text: string): this {
    const bytes = Buffer.from(text);
    if (bytes.length > 255) throw new RangeError(`a short string holds 255 bytes, "${text.slice(0, 20)}..." is longer`);
    return this.uint8(bytes.length).raw(bytes);
  }

  longString(text: string): this {
    const bytes = Buffer.from(text);
    return this.uint32(bytes.length).raw(bytes);
  }

  /** @throws RangeError for a number that is no whole number, or is below -2^31. */
  table(fields: { readonly [name: string]: FieldValue }): this {
    this.uint32(0);
    const begin = this.#size;
    for (const [name, value] of Object.entries(fields)) this.shortString(name).#field(value);
    this.#bytes.writeUInt32BE(this.#size - begin, begin - 4);
    return this;
  }

  #field(value: FieldValue): void {
    if (typeof value === 'boolean') this.#type('t').uint8(value ? 1 : 0);
    else if (typeof value === 'string') this.#type('S').longString(value);
    else if (typeof value === 'object') this.#type('F').table(value);
    else if (!Number.isSafeInteger(value) || value < -0x8000_0000) throw new RangeError(`no field type for ${value}`);
    else if (value < 0x8000_0000) this.#type('I').uint32(value >>> 0);
    else this.#type('l').uint64(value);
  }

  #type(letter: string): this {
    return this.uint8(letter.charCodeAt(0));
  }

  #reserve(count: number): void {
    if (this.#size + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow((this.#size + count) * 2);
    this.#bytes.copy(larger, 0, 0, this.#size);
    this.#bytes = larger;
  }
}
