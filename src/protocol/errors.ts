/**
 * The errors of the protocol: one class, one constructor function a reply code.
 *
 * They are thrown where a fault is found and become a channel.close or connection.close in one place, the connection. Reply
 * texts begin with the code's name as RabbitMQ writes them: `NOT_FOUND - no queue 'a' in vhost '/'`.
 */
import { octetFigures, printedOctets } from './octets-text.ts';
import { decodeText, encodeText, textByteLength } from './text.ts';

/** What an error closes. */
export type ErrorScope = 'channel' | 'connection';

/** The method that an error answers; zeros when no method caused it. `METHOD_IDS[name]` fits. */
export interface MethodId {
  readonly classId: number;
  readonly methodId: number;
}

/** Longest reply text in octets: it travels as a shortstr. */
export const REPLY_TEXT_MAX_BYTES = 255;

const NO_METHOD: MethodId = { classId: 0, methodId: 0 };
const CUT_MARK = '...';
const UTF8_MAX_CONTINUATIONS = 3;

/** A fault that is told to the peer by closing the channel or the connection. replyText is at most 255 octets of UTF-8. */
export class AmqpError extends Error {
  readonly replyCode: number;
  readonly replyText: string;
  readonly classId: number;
  readonly methodId: number;
  readonly scope: ErrorScope;

  constructor(replyCode: number, replyText: string, scope: ErrorScope, method: MethodId = NO_METHOD) {
    const text = cutReplyText(replyText);
    super(text);
    this.name = 'AmqpError';
    this.replyCode = replyCode;
    this.replyText = text;
    this.classId = method.classId;
    this.methodId = method.methodId;
    this.scope = scope;
  }

  /** The same error as the answer to a method, for a caller who knows which one it was. */
  at(method: MethodId): AmqpError {
    return new AmqpError(this.replyCode, this.replyText, this.scope, method);
  }

  /** The same error with another scope: a refused login, say, closes the connection and not a channel. */
  closing(scope: ErrorScope): AmqpError {
    return new AmqpError(this.replyCode, this.replyText, scope, this);
  }
}

/** Makes the error of one reply code. An empty text leaves the code's bare name, as in RabbitMQ's `INTERNAL_ERROR`. */
export type ErrorOfCode = (text: string, method?: MethodId) => AmqpError;

/** 311: the content does not fit the limits of the broker. Channel. */
export const contentTooLarge = ofCode(311, 'CONTENT_TOO_LARGE', 'channel');
/** 312: a mandatory message found no queue; the text of basic.return. Channel. */
export const noRoute = ofCode(312, 'NO_ROUTE', 'channel');
/** 313: an immediate message found no consumer. Channel. */
export const noConsumers = ofCode(313, 'NO_CONSUMERS', 'channel');
/** 320: an operator closed the connection. Connection. */
export const connectionForced = ofCode(320, 'CONNECTION_FORCED', 'connection');
/** 402: a vhost that is not there, by the specification; RabbitMQ answers 530. Connection. */
export const invalidPath = ofCode(402, 'INVALID_PATH', 'connection');
/** 403: no permission. Channel; a refused login closes the connection: `accessRefused(text).closing('connection')`. */
export const accessRefused = ofCode(403, 'ACCESS_REFUSED', 'channel');
/** 404: no such exchange, queue or consumer. Channel. */
export const notFound = ofCode(404, 'NOT_FOUND', 'channel');
/** 405: a queue that is exclusive to another connection. Channel. */
export const resourceLocked = ofCode(405, 'RESOURCE_LOCKED', 'channel');
/** 406: a declaration unlike what exists, an unknown delivery tag and the like. Channel. */
export const preconditionFailed = ofCode(406, 'PRECONDITION_FAILED', 'channel');
/** 501: a frame that cannot be read. Connection. */
export const frameError = ofCode(501, 'FRAME_ERROR', 'connection');
/** 502: a field with a value that it may not have. Connection. */
export const syntaxError = ofCode(502, 'SYNTAX_ERROR', 'connection');
/** 503: a method that is unknown or not the client's to send. Connection. */
export const commandInvalid = ofCode(503, 'COMMAND_INVALID', 'connection');
/** 504: a channel that is not open, or is open already. Connection. */
export const channelError = ofCode(504, 'CHANNEL_ERROR', 'connection');
/** 505: a frame that may not come at this point. Connection. */
export const unexpectedFrame = ofCode(505, 'UNEXPECTED_FRAME', 'connection');
/** 506: the broker lacks the means. Connection. */
export const resourceError = ofCode(506, 'RESOURCE_ERROR', 'connection');
/** 530: something that is forbidden whatever the permissions say. Connection. */
export const notAllowed = ofCode(530, 'NOT_ALLOWED', 'connection');
/** 540: something that the broker does not do. Connection. */
export const notImplemented = ofCode(540, 'NOT_IMPLEMENTED', 'connection');
/** 541: RabbitMQ's answer where its own code fell over, malformed properties among it. Connection. */
export const internalError = ofCode(541, 'INTERNAL_ERROR', 'connection');

/**
 * 501 for a frame that cannot be taken, in RabbitMQ's words: `type 9, first 16 octets = <<...>>: unknown_frame`.
 * @param reason an Erlang term, as RabbitMQ prints it: `unknown_frame`, `{invalid_frame_end_marker,0}`
 */
export function unreadableFrame(type: number, bytes: Buffer, offset: number, end: number, reason: string): AmqpError {
  return frameError(`${frameText(type, bytes, offset, end)}: ${reason}`);
}

/** 505 for a frame that can be read and may not come here; `offset` to `end` is its payload. */
export function misplacedFrame(type: number, bytes: Buffer, offset: number, end: number): AmqpError {
  return unexpectedFrame(frameText(type, bytes, offset, end));
}

function frameText(type: number, bytes: Buffer, offset: number, end: number): string {
  const shown = Math.min(end, offset + 16);
  const extent = shown === end ? 'all' : 'first 16';
  return `type ${type}, ${extent} octets = ${printedOctets(bytes.subarray(offset, shown))}`;
}

/** Octets as RabbitMQ prints those that it cannot decode: `<<0,50,10>>`. No more than a reply text can hold. */
export function octetsText(bytes: Buffer, offset: number, end: number): string {
  return octetFigures(bytes.subarray(offset, Math.min(end, offset + REPLY_TEXT_MAX_BYTES)));
}

function ofCode(replyCode: number, name: string, scope: ErrorScope): ErrorOfCode {
  return (text, method) => new AmqpError(replyCode, text === '' ? name : `${name} - ${text}`, scope, method);
}

/** RabbitMQ cuts after 252 octets and adds three dots; unlike it, this never cuts a character in two. */
function cutReplyText(text: string): string {
  if (textByteLength(text) <= REPLY_TEXT_MAX_BYTES) return text;
  const octets = encodeText(text);
  const most = REPLY_TEXT_MAX_BYTES - CUT_MARK.length;
  let cut = most;
  while (cut > most - UTF8_MAX_CONTINUATIONS && isContinuation(octets[cut]!)) cut--;
  return decodeText(octets, 0, cut) + CUT_MARK;
}

function isContinuation(octet: number): boolean {
  return (octet & 0xc0) === 0x80;
}
