/** Frames of a message that come out of order, or cannot be read: RabbitMQ's words for what was expected in their place. */
import { type AmqpError, frameError, type MethodId, octetsText, unexpectedFrame } from '../protocol/errors.ts';
import { METHOD_IDS } from '../protocol/methods.generated.ts';

const BASIC_PUBLISH = METHOD_IDS['basic.publish'];

export function cannotDecode(bytes: Buffer, from: number, to: number, method: MethodId): AmqpError {
  return frameError(`cannot decode ${octetsText(bytes, from, to)}`, method);
}

export function expectedMethod(): AmqpError {
  return unexpectedFrame('expected method frame, got non method frame instead');
}

export function expectedContentHeader(): AmqpError {
  return unexpectedFrame('expected content header for class 60, got non content header frame instead', BASIC_PUBLISH);
}

export function expectedContentBody(): AmqpError {
  return unexpectedFrame('expected content body, got non content body frame instead', BASIC_PUBLISH);
}
