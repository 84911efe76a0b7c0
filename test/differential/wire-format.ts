/**
 * AMQP 0-9-1 bytes for tests: methods, content properties and field tables, written apart from `src/protocol` on purpose.
 * An oracle that shared the broker's codec would share its mistakes, so nothing here may import from `src/`.
 *
 * Invariant: a table that is decoded keeps the type letter of every value, so a broker that turns an `s` into an `I` is seen.
 */

/** One value of a field table together with the letter it has on the wire. */
export interface Typed {
  readonly letter: string;
  readonly value: unknown;
}

/** A decoded field table: order kept, letters kept. */
export type TypedTable = Record<string, Typed>;

/** What a test may write into a table: plain values get the usual letter, `typed()` chooses one. */
export type TableInput = Record<string, unknown>;

export type MethodArguments = Record<string, unknown>;

export type PropertyValues = Record<string, unknown>;

type FieldType = 'octet' | 'short' | 'long' | 'longlong' | 'shortstr' | 'longstr' | 'bit' | 'table';

interface Field {
  readonly name: string;
  readonly type: FieldType;
}

interface Method {
  readonly name: string;
  readonly classId: number;
  readonly methodId: number;
  readonly fields: readonly Field[];
}

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;
export const FRAME_END = 0xce;

/** `AMQP` 0 0 9 1: what a client sends first. AMQP 0-9-1 4.2.2 */
export const PROTOCOL_HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

const CLOSE_FIELDS = 'replyCode:short replyText:shortstr classId:short methodId:short';
const RESERVED = 'reserved1:short=0';

/** The methods of AMQP 0-9-1 1 and RabbitMQ's extensions: class id, method id, name, fields. */
const METHOD_LINES = `
10 10 connection.start versionMajor:octet versionMinor:octet serverProperties:table mechanisms:longstr locales:longstr
10 11 connection.start-ok clientProperties:table mechanism:shortstr response:longstr locale:shortstr
10 20 connection.secure challenge:longstr
10 21 connection.secure-ok response:longstr
10 30 connection.tune channelMax:short frameMax:long heartbeat:short
10 31 connection.tune-ok channelMax:short frameMax:long heartbeat:short
10 40 connection.open virtualHost:shortstr reserved1:shortstr reserved2:bit
10 41 connection.open-ok reserved1:shortstr
10 50 connection.close ${CLOSE_FIELDS}
10 51 connection.close-ok
10 60 connection.blocked reason:shortstr
10 61 connection.unblocked
10 70 connection.update-secret newSecret:longstr reason:shortstr
10 71 connection.update-secret-ok
20 10 channel.open reserved1:shortstr
20 11 channel.open-ok reserved1:longstr
20 20 channel.flow active:bit
20 21 channel.flow-ok active:bit
20 40 channel.close ${CLOSE_FIELDS}
20 41 channel.close-ok
40 10 exchange.declare ${RESERVED} exchange:shortstr type:shortstr passive:bit durable:bit autoDelete:bit internal:bit nowait:bit arguments:table
40 11 exchange.declare-ok
40 20 exchange.delete ${RESERVED} exchange:shortstr ifUnused:bit nowait:bit
40 21 exchange.delete-ok
40 30 exchange.bind ${RESERVED} destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table
40 31 exchange.bind-ok
40 40 exchange.unbind ${RESERVED} destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table
40 51 exchange.unbind-ok
50 10 queue.declare ${RESERVED} queue:shortstr passive:bit durable:bit exclusive:bit autoDelete:bit nowait:bit arguments:table
50 11 queue.declare-ok queue:shortstr messageCount:long consumerCount:long
50 20 queue.bind ${RESERVED} queue:shortstr exchange:shortstr routingKey:shortstr nowait:bit arguments:table
50 21 queue.bind-ok
50 50 queue.unbind ${RESERVED} queue:shortstr exchange:shortstr routingKey:shortstr arguments:table
50 51 queue.unbind-ok
50 30 queue.purge ${RESERVED} queue:shortstr nowait:bit
50 31 queue.purge-ok messageCount:long
50 40 queue.delete ${RESERVED} queue:shortstr ifUnused:bit ifEmpty:bit nowait:bit
50 41 queue.delete-ok messageCount:long
60 10 basic.qos prefetchSize:long prefetchCount:short global:bit
60 11 basic.qos-ok
60 20 basic.consume ${RESERVED} queue:shortstr consumerTag:shortstr noLocal:bit noAck:bit exclusive:bit nowait:bit arguments:table
60 21 basic.consume-ok consumerTag:shortstr
60 30 basic.cancel consumerTag:shortstr nowait:bit
60 31 basic.cancel-ok consumerTag:shortstr
60 40 basic.publish ${RESERVED} exchange:shortstr routingKey:shortstr mandatory:bit immediate:bit
60 50 basic.return replyCode:short replyText:shortstr exchange:shortstr routingKey:shortstr
60 60 basic.deliver consumerTag:shortstr deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr
60 70 basic.get ${RESERVED} queue:shortstr noAck:bit
60 71 basic.get-ok deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr messageCount:long
60 72 basic.get-empty reserved1:shortstr
60 80 basic.ack deliveryTag:longlong multiple:bit
60 90 basic.reject deliveryTag:longlong requeue:bit
60 100 basic.recover-async requeue:bit
60 110 basic.recover requeue:bit
60 111 basic.recover-ok
60 120 basic.nack deliveryTag:longlong multiple:bit requeue:bit
85 10 confirm.select nowait:bit
85 11 confirm.select-ok
90 10 tx.select
90 11 tx.select-ok
90 20 tx.commit
90 21 tx.commit-ok
90 30 tx.rollback
90 31 tx.rollback-ok`;

/** The basic class's properties in the order of their flag bits, highest bit first. AMQP 0-9-1 1.8.1 */
const PROPERTY_FIELDS: readonly Field[] = parseFields(
  'contentType:shortstr contentEncoding:shortstr headers:table deliveryMode:octet priority:octet correlationId:shortstr ' +
    'replyTo:shortstr expiration:shortstr messageId:shortstr timestamp:longlong type:shortstr userId:shortstr ' +
    'appId:shortstr clusterId:shortstr',
);

const methods: readonly Method[] = METHOD_LINES.trim().split('\n').map(parseMethod);
const methodsByName = new Map(methods.map((method) => [method.name, method]));
const methodsById = new Map(methods.map((method) => [`${method.classId}.${method.methodId}`, method]));

function parseMethod(line: string): Method {
  const [classId, methodId, name, ...fields] = line.split(' ');
  return { name: name!, classId: Number(classId), methodId: Number(methodId), fields: parseFields(fields.join(' ')) };
}

function parseFields(text: string): Field[] {
  if (text === '') return [];
  return text.split(' ').map((field) => {
    const [name, type] = field.replace('=0', '').split(':');
    return { name: name!, type: type as FieldType };
  });
}

/** A table value with a chosen letter: `typed('s', -5)`. `A` takes an array, `F` a table, `x` a Buffer. */
export function typed(letter: string, value: unknown): Typed {
  return { letter, value };
}

/** A table's values without their letters, all the way down. */
export function plain(table: TypedTable): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, plainValue(field)]));
}

function plainValue(field: Typed): unknown {
  if (field.letter === 'A') return (field.value as Typed[]).map(plainValue);
  if (field.letter === 'F') return plain(field.value as TypedTable);
  return field.value;
}

function isTyped(value: unknown): value is Typed {
  return typeof value === 'object' && value !== null && 'letter' in value && 'value' in value;
}

/** The payload of a method frame. Fields left out are 0, '' or {}. @throws on a method name that does not exist */
export function encodeMethod(name: string, args: MethodArguments = {}): Buffer {
  const method = methodsByName.get(name);
  if (method === undefined) throw new Error(`no method ${name}`);
  const unknown = Object.keys(args).find((key) => !method.fields.some((field) => field.name === key));
  if (unknown !== undefined) throw new Error(`${name} has no field ${unknown}`);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(method.classId, 0);
  head.writeUInt16BE(method.methodId, 2);
  return Buffer.concat([head, encodeFields(method.fields, args)]);
}

/** Whether a method of the protocol carries content, so a header and bodies follow it. */
export function carriesContent(name: string): boolean {
  return name === 'basic.deliver' || name === 'basic.return' || name === 'basic.get-ok' || name === 'basic.publish';
}

/** Name and arguments of a method frame's payload; a method that nobody knows is named by its ids. */
export function decodeMethod(payload: Buffer): { name: string; args: MethodArguments } {
  const classId = payload.readUInt16BE(0);
  const methodId = payload.readUInt16BE(2);
  const method = methodsById.get(`${classId}.${methodId}`);
  if (method === undefined) return { name: `${classId}.${methodId}`, args: {} };
  return { name: method.name, args: decodeFields(method.fields, new Reader(payload, 4)) };
}

/** The payload of a content header frame. AMQP 0-9-1 4.2.6.1 */
export function encodeContentHeader(bodySize: number | bigint, properties: PropertyValues = {}, classId = 60): Buffer {
  const present = PROPERTY_FIELDS.filter((field) => properties[field.name] !== undefined);
  const head = Buffer.alloc(14);
  head.writeUInt16BE(classId, 0);
  head.writeBigUInt64BE(BigInt(bodySize), 4);
  let flags = 0;
  for (const field of present) flags |= 0x8000 >> PROPERTY_FIELDS.indexOf(field);
  head.writeUInt16BE(flags, 12);
  return Buffer.concat([head, ...present.map((field) => encodeField(field.type, properties[field.name]))]);
}

export function decodeContentHeader(payload: Buffer): { bodySize: number; properties: PropertyValues } {
  const flags = payload.readUInt16BE(12);
  const fields = PROPERTY_FIELDS.filter((_, index) => (flags & (0x8000 >> index)) !== 0);
  return {
    bodySize: Number(payload.readBigUInt64BE(4)),
    properties: decodeFields(fields, new Reader(payload, 14)),
  };
}

/** A whole frame; `end` is the octet that closes it, which is 0xCE unless the test wants it wrong. */
export function encodeFrame(type: number, channel: number, payload: Buffer, end = FRAME_END): Buffer {
  const frame = Buffer.alloc(8 + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, 7);
  frame.writeUInt8(end, 7 + payload.length);
  return frame;
}

function encodeFields(fields: readonly Field[], args: MethodArguments): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < fields.length; ) {
    const field = fields[index]!;
    if (field.type !== 'bit') {
      parts.push(encodeField(field.type, args[field.name]));
      index++;
      continue;
    }
    let bits = 0;
    for (let bit = 0; fields[index]?.type === 'bit'; bit++, index++) {
      if (args[fields[index]!.name] === true) bits |= 1 << bit;
    }
    parts.push(Buffer.from([bits]));
  }
  return Buffer.concat(parts);
}

function encodeField(type: FieldType, value: unknown): Buffer {
  switch (type) {
    case 'octet':
      return unsigned(1, value);
    case 'short':
      return unsigned(2, value);
    case 'long':
      return unsigned(4, value);
    case 'longlong':
      return unsigned(8, value);
    case 'shortstr':
      return shortString((value as string | undefined) ?? '');
    case 'longstr':
      return longString((value as string | Buffer | undefined) ?? '');
    case 'table':
      return Buffer.isBuffer(value) ? value : encodeTable((value as TableInput | undefined) ?? {});
    case 'bit':
      throw new Error('bits are packed by encodeFields');
  }
}

function unsigned(size: number, value: unknown): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt((value as number | bigint | undefined) ?? 0));
  return bytes.subarray(8 - size);
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function longString(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([unsigned(4, bytes.length), bytes]);
}

/** A field table with its length in front. Plain values: string S, boolean t, integer I or l, other number d, null V, array A, object F, Buffer x. */
export function encodeTable(table: TableInput): Buffer {
  const parts = Object.entries(table).flatMap(([name, value]) => [shortString(name), encodeValue(value)]);
  return longString(Buffer.concat(parts));
}

function encodeValue(value: unknown): Buffer {
  const { letter, value: content } = isTyped(value) ? value : typed(usualLetter(value), value);
  return Buffer.concat([Buffer.from(letter), encodeValueContent(letter, content)]);
}

function usualLetter(value: unknown): string {
  if (value === null) return 'V';
  if (Buffer.isBuffer(value)) return 'x';
  if (Array.isArray(value)) return 'A';
  switch (typeof value) {
    case 'string':
      return 'S';
    case 'boolean':
      return 't';
    case 'bigint':
      return 'l';
    case 'number':
      if (!Number.isInteger(value)) return 'd';
      return value === (value | 0) ? 'I' : 'l';
    default:
      return 'F';
  }
}

function encodeValueContent(letter: string, value: unknown): Buffer {
  const bytes = Buffer.alloc(8);
  switch (letter) {
    case 't':
      return Buffer.from([value === true ? 1 : 0]);
    case 'b':
      bytes.writeInt8(value as number);
      return bytes.subarray(0, 1);
    case 'B':
      return unsigned(1, value);
    case 's':
      bytes.writeInt16BE(value as number);
      return bytes.subarray(0, 2);
    case 'u':
      return unsigned(2, value);
    case 'I':
      bytes.writeInt32BE(value as number);
      return bytes.subarray(0, 4);
    case 'i':
      return unsigned(4, value);
    case 'l':
    case 'L':
      bytes.writeBigInt64BE(BigInt(value as number | bigint));
      return bytes;
    case 'T':
      return unsigned(8, value);
    case 'f':
      bytes.writeFloatBE(value as number);
      return bytes.subarray(0, 4);
    case 'd':
      bytes.writeDoubleBE(value as number);
      return bytes;
    case 'D':
      bytes.writeUInt8((value as { scale: number }).scale, 0);
      bytes.writeUInt32BE((value as { unscaled: number }).unscaled, 1);
      return bytes.subarray(0, 5);
    case 'S':
    case 'x':
      return longString(value as string | Buffer);
    case 'A':
      return longString(Buffer.concat((value as unknown[]).map(encodeValue)));
    case 'F':
      return encodeTable(value as TableInput);
    case 'V':
      return Buffer.alloc(0);
    default:
      return value as Buffer;
  }
}

function decodeFields(fields: readonly Field[], reader: Reader): MethodArguments {
  const args: MethodArguments = {};
  let bit = 0;
  let bits = 0;
  for (const field of fields) {
    if (field.type !== 'bit') {
      args[field.name] = decodeField(field.type, reader);
      bit = 0;
      continue;
    }
    if (bit === 0) bits = reader.unsigned(1);
    args[field.name] = (bits & (1 << bit)) !== 0;
    bit++;
  }
  return args;
}

function decodeField(type: FieldType, reader: Reader): unknown {
  switch (type) {
    case 'octet':
      return reader.unsigned(1);
    case 'short':
      return reader.unsigned(2);
    case 'long':
      return reader.unsigned(4);
    case 'longlong':
      return reader.unsigned(8);
    case 'shortstr':
      return reader.bytes(reader.unsigned(1)).toString();
    case 'longstr':
      return reader.bytes(reader.unsigned(4)).toString();
    case 'table':
      return decodeTable(reader.bytes(reader.unsigned(4)));
    case 'bit':
      throw new Error('bits are unpacked by decodeFields');
  }
}

function decodeTable(bytes: Buffer): TypedTable {
  const table: TypedTable = {};
  for (const reader = new Reader(bytes, 0); !reader.atEnd; ) {
    const name = reader.bytes(reader.unsigned(1)).toString();
    table[name] = decodeValue(reader);
  }
  return table;
}

function decodeValue(reader: Reader): Typed {
  const letter = String.fromCharCode(reader.unsigned(1));
  return { letter, value: decodeValueContent(letter, reader) };
}

function decodeValueContent(letter: string, reader: Reader): unknown {
  switch (letter) {
    case 't':
      return reader.unsigned(1) !== 0;
    case 'b':
      return reader.bytes(1).readInt8();
    case 'B':
      return reader.unsigned(1);
    case 's':
      return reader.bytes(2).readInt16BE();
    case 'u':
      return reader.unsigned(2);
    case 'I':
      return reader.bytes(4).readInt32BE();
    case 'i':
      return reader.unsigned(4);
    case 'l':
    case 'L':
      return safeInteger(reader.bytes(8).readBigInt64BE());
    case 'T':
      return reader.unsigned(8);
    case 'f':
      return reader.bytes(4).readFloatBE();
    case 'd':
      return reader.bytes(8).readDoubleBE();
    case 'D':
      return { scale: reader.unsigned(1), unscaled: reader.unsigned(4) };
    case 'S':
      return reader.bytes(reader.unsigned(4)).toString();
    case 'x':
      return reader.bytes(reader.unsigned(4));
    case 'A':
      return decodeArray(reader.bytes(reader.unsigned(4)));
    case 'F':
      return decodeTable(reader.bytes(reader.unsigned(4)));
    case 'V':
      return null;
    default:
      throw new Error(`a table holds a value of the unknown type ${JSON.stringify(letter)}`);
  }
}

function decodeArray(bytes: Buffer): Typed[] {
  const values: Typed[] = [];
  for (const reader = new Reader(bytes, 0); !reader.atEnd; ) values.push(decodeValue(reader));
  return values;
}

function safeInteger(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

class Reader {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  bytes(size: number): Buffer {
    if (this.#offset + size > this.#bytes.length) throw new Error('a frame from the broker ends too early');
    const part = this.#bytes.subarray(this.#offset, this.#offset + size);
    this.#offset += size;
    return part;
  }

  /** Big-endian, 1 to 8 octets; a value over 2^53 loses its last bits, which no broker's counters reach. */
  unsigned(size: number): number {
    let value = 0;
    for (const octet of this.bytes(size)) value = value * 256 + octet;
    return value;
  }
}
