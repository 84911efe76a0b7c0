/** What the generated reading of methods needs: its reader, with RabbitMQ's answers to malformed fields, and delivery tags. */
import type { AmqpError } from './errors.ts';
import { frameError, internalError, octetsText, preconditionFailed, syntaxError, unreadableFrame } from './errors.ts';
import type { ReaderFaults } from './wire-reader.ts';
import { WireReader } from './wire-reader.ts';

const METHOD_FRAME = 1;
const CONNECTION_CLASS_ID = 10;
const METHOD_ID_SIZE = 4;

const FAULTS: ReaderFaults = { short: undecodable, table: malformedTable };

/**
 * A reader behind the class and method that a method frame's payload begins with; they are its `method`.
 * @throws AmqpError 501 for a payload too short for both, as RabbitMQ.
 */
export function methodReader(bytes: Buffer, offset: number, end: number): WireReader {
  if (end - offset < METHOD_ID_SIZE) throw unreadableFrame(METHOD_FRAME, bytes, offset, end, 'unknown_frame');
  const method = { classId: bytes.readUInt16BE(offset), methodId: bytes.readUInt16BE(offset + 2) };
  return new WireReader(bytes, offset + METHOD_ID_SIZE, end, FAULTS, method);
}

/**
 * Reads a delivery tag. None above 2^53 - 1 is ever given out, so a larger one gets RabbitMQ's answer to an unknown tag here.
 * @throws AmqpError 406 on the channel.
 */
export function readDeliveryTag(reader: WireReader): number {
  const tag = reader.longlong();
  if (typeof tag === 'bigint') throw preconditionFailed(`unknown delivery tag ${tag}`, reader.method);
  return tag;
}

/** RabbitMQ tells what it cannot decode on a channel, and nothing where its connection process falls over. */
function undecodable(reader: WireReader): AmqpError {
  if (reader.method?.classId === CONNECTION_CLASS_ID) return internalError('');
  return frameError(`cannot decode ${octetsText(reader.bytes, reader.start, reader.end)}`, reader.method);
}

/** RabbitMQ's reader dies of it and the client sees a reset; the specification has 502 for illegal values in a field. */
function malformedTable(reader: WireReader, reason: string): AmqpError {
  return syntaxError(`malformed field table: ${reason}`, reader.method);
}
