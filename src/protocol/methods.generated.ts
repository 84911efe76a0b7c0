// Written by tools/generate-methods.ts from tools/amqp-0-9-1.json: change those, not this file.
/** The methods of AMQP 0-9-1 with RabbitMQ's extensions, read from and written to method frames. */
import { FRAME_END, FRAME_HEADER_SIZE, FRAME_METHOD } from './constants.ts';
import { commandInvalid, type MethodId } from './errors.ts';
import { EMPTY_TABLE, type FieldTable, readFieldTable, writeFieldTable } from './field-table.ts';
import { methodReader, readDeliveryTag } from './method-fields.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** connection.start: 10, 10. */
export interface ConnectionStart {
  readonly name: 'connection.start';
  readonly versionMajor: number;
  readonly versionMinor: number;
  readonly serverProperties: FieldTable;
  readonly mechanisms: string;
  readonly locales: string;
}

/** connection.start-ok: 10, 11. */
export interface ConnectionStartOk {
  readonly name: 'connection.start-ok';
  readonly clientProperties: FieldTable;
  readonly mechanism: string;
  readonly response: string;
  readonly locale: string;
}

/** connection.secure: 10, 20. */
export interface ConnectionSecure {
  readonly name: 'connection.secure';
  readonly challenge: string;
}

/** connection.secure-ok: 10, 21. */
export interface ConnectionSecureOk {
  readonly name: 'connection.secure-ok';
  readonly response: string;
}

/** connection.tune: 10, 30. */
export interface ConnectionTune {
  readonly name: 'connection.tune';
  readonly channelMax: number;
  readonly frameMax: number;
  readonly heartbeat: number;
}

/** connection.tune-ok: 10, 31. */
export interface ConnectionTuneOk {
  readonly name: 'connection.tune-ok';
  readonly channelMax: number;
  readonly frameMax: number;
  readonly heartbeat: number;
}

/** connection.open: 10, 40. */
export interface ConnectionOpen {
  readonly name: 'connection.open';
  readonly virtualHost: string;
}

/** connection.open-ok: 10, 41. */
export interface ConnectionOpenOk {
  readonly name: 'connection.open-ok';
}

/** connection.close: 10, 50. */
export interface ConnectionClose {
  readonly name: 'connection.close';
  readonly replyCode: number;
  readonly replyText: string;
  readonly classId: number;
  readonly methodId: number;
}

/** connection.close-ok: 10, 51. */
export interface ConnectionCloseOk {
  readonly name: 'connection.close-ok';
}

/** connection.blocked: 10, 60. */
export interface ConnectionBlocked {
  readonly name: 'connection.blocked';
  readonly reason: string;
}

/** connection.unblocked: 10, 61. */
export interface ConnectionUnblocked {
  readonly name: 'connection.unblocked';
}

/** connection.update-secret: 10, 70. */
export interface ConnectionUpdateSecret {
  readonly name: 'connection.update-secret';
  readonly newSecret: string;
  readonly reason: string;
}

/** connection.update-secret-ok: 10, 71. */
export interface ConnectionUpdateSecretOk {
  readonly name: 'connection.update-secret-ok';
}

/** channel.open: 20, 10. */
export interface ChannelOpen {
  readonly name: 'channel.open';
}

/** channel.open-ok: 20, 11. */
export interface ChannelOpenOk {
  readonly name: 'channel.open-ok';
}

/** channel.flow: 20, 20. */
export interface ChannelFlow {
  readonly name: 'channel.flow';
  readonly active: boolean;
}

/** channel.flow-ok: 20, 21. */
export interface ChannelFlowOk {
  readonly name: 'channel.flow-ok';
  readonly active: boolean;
}

/** channel.close: 20, 40. */
export interface ChannelClose {
  readonly name: 'channel.close';
  readonly replyCode: number;
  readonly replyText: string;
  readonly classId: number;
  readonly methodId: number;
}

/** channel.close-ok: 20, 41. */
export interface ChannelCloseOk {
  readonly name: 'channel.close-ok';
}

/** access.request: 30, 10. */
export interface AccessRequest {
  readonly name: 'access.request';
  readonly realm: string;
  readonly exclusive: boolean;
  readonly passive: boolean;
  readonly active: boolean;
  readonly write: boolean;
  readonly read: boolean;
}

/** access.request-ok: 30, 11. */
export interface AccessRequestOk {
  readonly name: 'access.request-ok';
  readonly ticket: number;
}

/** exchange.declare: 40, 10. */
export interface ExchangeDeclare {
  readonly name: 'exchange.declare';
  readonly exchange: string;
  readonly type: string;
  readonly passive: boolean;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** exchange.declare-ok: 40, 11. */
export interface ExchangeDeclareOk {
  readonly name: 'exchange.declare-ok';
}

/** exchange.delete: 40, 20. */
export interface ExchangeDelete {
  readonly name: 'exchange.delete';
  readonly exchange: string;
  readonly ifUnused: boolean;
  readonly noWait: boolean;
}

/** exchange.delete-ok: 40, 21. */
export interface ExchangeDeleteOk {
  readonly name: 'exchange.delete-ok';
}

/** exchange.bind: 40, 30. */
export interface ExchangeBind {
  readonly name: 'exchange.bind';
  readonly destination: string;
  readonly source: string;
  readonly routingKey: string;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** exchange.bind-ok: 40, 31. */
export interface ExchangeBindOk {
  readonly name: 'exchange.bind-ok';
}

/** exchange.unbind: 40, 40. */
export interface ExchangeUnbind {
  readonly name: 'exchange.unbind';
  readonly destination: string;
  readonly source: string;
  readonly routingKey: string;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** exchange.unbind-ok: 40, 51. */
export interface ExchangeUnbindOk {
  readonly name: 'exchange.unbind-ok';
}

/** queue.declare: 50, 10. */
export interface QueueDeclare {
  readonly name: 'queue.declare';
  readonly queue: string;
  readonly passive: boolean;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** queue.declare-ok: 50, 11. */
export interface QueueDeclareOk {
  readonly name: 'queue.declare-ok';
  readonly queue: string;
  readonly messageCount: number;
  readonly consumerCount: number;
}

/** queue.bind: 50, 20. */
export interface QueueBind {
  readonly name: 'queue.bind';
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** queue.bind-ok: 50, 21. */
export interface QueueBindOk {
  readonly name: 'queue.bind-ok';
}

/** queue.purge: 50, 30. */
export interface QueuePurge {
  readonly name: 'queue.purge';
  readonly queue: string;
  readonly noWait: boolean;
}

/** queue.purge-ok: 50, 31. */
export interface QueuePurgeOk {
  readonly name: 'queue.purge-ok';
  readonly messageCount: number;
}

/** queue.delete: 50, 40. */
export interface QueueDelete {
  readonly name: 'queue.delete';
  readonly queue: string;
  readonly ifUnused: boolean;
  readonly ifEmpty: boolean;
  readonly noWait: boolean;
}

/** queue.delete-ok: 50, 41. */
export interface QueueDeleteOk {
  readonly name: 'queue.delete-ok';
  readonly messageCount: number;
}

/** queue.unbind: 50, 50. */
export interface QueueUnbind {
  readonly name: 'queue.unbind';
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/** queue.unbind-ok: 50, 51. */
export interface QueueUnbindOk {
  readonly name: 'queue.unbind-ok';
}

/** basic.qos: 60, 10. */
export interface BasicQos {
  readonly name: 'basic.qos';
  readonly prefetchSize: number;
  readonly prefetchCount: number;
  readonly global: boolean;
}

/** basic.qos-ok: 60, 11. */
export interface BasicQosOk {
  readonly name: 'basic.qos-ok';
}

/** basic.consume: 60, 20. */
export interface BasicConsume {
  readonly name: 'basic.consume';
  readonly queue: string;
  readonly consumerTag: string;
  readonly noLocal: boolean;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly noWait: boolean;
  readonly arguments: FieldTable;
}

/** basic.consume-ok: 60, 21. */
export interface BasicConsumeOk {
  readonly name: 'basic.consume-ok';
  readonly consumerTag: string;
}

/** basic.cancel: 60, 30. */
export interface BasicCancel {
  readonly name: 'basic.cancel';
  readonly consumerTag: string;
  readonly noWait: boolean;
}

/** basic.cancel-ok: 60, 31. */
export interface BasicCancelOk {
  readonly name: 'basic.cancel-ok';
  readonly consumerTag: string;
}

/** basic.publish: 60, 40. */
export interface BasicPublish {
  readonly name: 'basic.publish';
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly immediate: boolean;
}

/** basic.return: 60, 50. */
export interface BasicReturn {
  readonly name: 'basic.return';
  readonly replyCode: number;
  readonly replyText: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** basic.deliver: 60, 60. */
export interface BasicDeliver {
  readonly name: 'basic.deliver';
  readonly consumerTag: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
}

/** basic.get: 60, 70. */
export interface BasicGet {
  readonly name: 'basic.get';
  readonly queue: string;
  readonly noAck: boolean;
}

/** basic.get-ok: 60, 71. */
export interface BasicGetOk {
  readonly name: 'basic.get-ok';
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageCount: number;
}

/** basic.get-empty: 60, 72. */
export interface BasicGetEmpty {
  readonly name: 'basic.get-empty';
}

/** basic.ack: 60, 80. */
export interface BasicAck {
  readonly name: 'basic.ack';
  readonly deliveryTag: number;
  readonly multiple: boolean;
}

/** basic.reject: 60, 90. */
export interface BasicReject {
  readonly name: 'basic.reject';
  readonly deliveryTag: number;
  readonly requeue: boolean;
}

/** basic.recover-async: 60, 100. */
export interface BasicRecoverAsync {
  readonly name: 'basic.recover-async';
  readonly requeue: boolean;
}

/** basic.recover: 60, 110. */
export interface BasicRecover {
  readonly name: 'basic.recover';
  readonly requeue: boolean;
}

/** basic.recover-ok: 60, 111. */
export interface BasicRecoverOk {
  readonly name: 'basic.recover-ok';
}

/** basic.nack: 60, 120. */
export interface BasicNack {
  readonly name: 'basic.nack';
  readonly deliveryTag: number;
  readonly multiple: boolean;
  readonly requeue: boolean;
}

/** confirm.select: 85, 10. */
export interface ConfirmSelect {
  readonly name: 'confirm.select';
  readonly noWait: boolean;
}

/** confirm.select-ok: 85, 11. */
export interface ConfirmSelectOk {
  readonly name: 'confirm.select-ok';
}

/** tx.select: 90, 10. */
export interface TxSelect {
  readonly name: 'tx.select';
}

/** tx.select-ok: 90, 11. */
export interface TxSelectOk {
  readonly name: 'tx.select-ok';
}

/** tx.commit: 90, 20. */
export interface TxCommit {
  readonly name: 'tx.commit';
}

/** tx.commit-ok: 90, 21. */
export interface TxCommitOk {
  readonly name: 'tx.commit-ok';
}

/** tx.rollback: 90, 30. */
export interface TxRollback {
  readonly name: 'tx.rollback';
}

/** tx.rollback-ok: 90, 31. */
export interface TxRollbackOk {
  readonly name: 'tx.rollback-ok';
}

/** Any method; `name` tells which. */
export type Method =
  | ConnectionStart
  | ConnectionStartOk
  | ConnectionSecure
  | ConnectionSecureOk
  | ConnectionTune
  | ConnectionTuneOk
  | ConnectionOpen
  | ConnectionOpenOk
  | ConnectionClose
  | ConnectionCloseOk
  | ConnectionBlocked
  | ConnectionUnblocked
  | ConnectionUpdateSecret
  | ConnectionUpdateSecretOk
  | ChannelOpen
  | ChannelOpenOk
  | ChannelFlow
  | ChannelFlowOk
  | ChannelClose
  | ChannelCloseOk
  | AccessRequest
  | AccessRequestOk
  | ExchangeDeclare
  | ExchangeDeclareOk
  | ExchangeDelete
  | ExchangeDeleteOk
  | ExchangeBind
  | ExchangeBindOk
  | ExchangeUnbind
  | ExchangeUnbindOk
  | QueueDeclare
  | QueueDeclareOk
  | QueueBind
  | QueueBindOk
  | QueuePurge
  | QueuePurgeOk
  | QueueDelete
  | QueueDeleteOk
  | QueueUnbind
  | QueueUnbindOk
  | BasicQos
  | BasicQosOk
  | BasicConsume
  | BasicConsumeOk
  | BasicCancel
  | BasicCancelOk
  | BasicPublish
  | BasicReturn
  | BasicDeliver
  | BasicGet
  | BasicGetOk
  | BasicGetEmpty
  | BasicAck
  | BasicReject
  | BasicRecoverAsync
  | BasicRecover
  | BasicRecoverOk
  | BasicNack
  | ConfirmSelect
  | ConfirmSelectOk
  | TxSelect
  | TxSelectOk
  | TxCommit
  | TxCommitOk
  | TxRollback
  | TxRollbackOk;

export type MethodName = Method['name'];

type Defaulted<M> = { [Key in keyof M]: M[Key] extends boolean | FieldTable ? Key : never }[keyof M];

/** A method to write: bits that are left out are false, tables that are left out are empty. */
export type OutgoingMethod<M extends Method = Method> = M extends Method
  ? Omit<M, Defaulted<M>> & Partial<Pick<M, Defaulted<M>>>
  : never;

/** The numbers of each method. */
export const METHOD_IDS: Readonly<Record<MethodName, MethodId>> = {
  'connection.start': { classId: 10, methodId: 10 },
  'connection.start-ok': { classId: 10, methodId: 11 },
  'connection.secure': { classId: 10, methodId: 20 },
  'connection.secure-ok': { classId: 10, methodId: 21 },
  'connection.tune': { classId: 10, methodId: 30 },
  'connection.tune-ok': { classId: 10, methodId: 31 },
  'connection.open': { classId: 10, methodId: 40 },
  'connection.open-ok': { classId: 10, methodId: 41 },
  'connection.close': { classId: 10, methodId: 50 },
  'connection.close-ok': { classId: 10, methodId: 51 },
  'connection.blocked': { classId: 10, methodId: 60 },
  'connection.unblocked': { classId: 10, methodId: 61 },
  'connection.update-secret': { classId: 10, methodId: 70 },
  'connection.update-secret-ok': { classId: 10, methodId: 71 },
  'channel.open': { classId: 20, methodId: 10 },
  'channel.open-ok': { classId: 20, methodId: 11 },
  'channel.flow': { classId: 20, methodId: 20 },
  'channel.flow-ok': { classId: 20, methodId: 21 },
  'channel.close': { classId: 20, methodId: 40 },
  'channel.close-ok': { classId: 20, methodId: 41 },
  'access.request': { classId: 30, methodId: 10 },
  'access.request-ok': { classId: 30, methodId: 11 },
  'exchange.declare': { classId: 40, methodId: 10 },
  'exchange.declare-ok': { classId: 40, methodId: 11 },
  'exchange.delete': { classId: 40, methodId: 20 },
  'exchange.delete-ok': { classId: 40, methodId: 21 },
  'exchange.bind': { classId: 40, methodId: 30 },
  'exchange.bind-ok': { classId: 40, methodId: 31 },
  'exchange.unbind': { classId: 40, methodId: 40 },
  'exchange.unbind-ok': { classId: 40, methodId: 51 },
  'queue.declare': { classId: 50, methodId: 10 },
  'queue.declare-ok': { classId: 50, methodId: 11 },
  'queue.bind': { classId: 50, methodId: 20 },
  'queue.bind-ok': { classId: 50, methodId: 21 },
  'queue.purge': { classId: 50, methodId: 30 },
  'queue.purge-ok': { classId: 50, methodId: 31 },
  'queue.delete': { classId: 50, methodId: 40 },
  'queue.delete-ok': { classId: 50, methodId: 41 },
  'queue.unbind': { classId: 50, methodId: 50 },
  'queue.unbind-ok': { classId: 50, methodId: 51 },
  'basic.qos': { classId: 60, methodId: 10 },
  'basic.qos-ok': { classId: 60, methodId: 11 },
  'basic.consume': { classId: 60, methodId: 20 },
  'basic.consume-ok': { classId: 60, methodId: 21 },
  'basic.cancel': { classId: 60, methodId: 30 },
  'basic.cancel-ok': { classId: 60, methodId: 31 },
  'basic.publish': { classId: 60, methodId: 40 },
  'basic.return': { classId: 60, methodId: 50 },
  'basic.deliver': { classId: 60, methodId: 60 },
  'basic.get': { classId: 60, methodId: 70 },
  'basic.get-ok': { classId: 60, methodId: 71 },
  'basic.get-empty': { classId: 60, methodId: 72 },
  'basic.ack': { classId: 60, methodId: 80 },
  'basic.reject': { classId: 60, methodId: 90 },
  'basic.recover-async': { classId: 60, methodId: 100 },
  'basic.recover': { classId: 60, methodId: 110 },
  'basic.recover-ok': { classId: 60, methodId: 111 },
  'basic.nack': { classId: 60, methodId: 120 },
  'confirm.select': { classId: 85, methodId: 10 },
  'confirm.select-ok': { classId: 85, methodId: 11 },
  'tx.select': { classId: 90, methodId: 10 },
  'tx.select-ok': { classId: 90, methodId: 11 },
  'tx.commit': { classId: 90, methodId: 20 },
  'tx.commit-ok': { classId: 90, methodId: 21 },
  'tx.rollback': { classId: 90, methodId: 30 },
  'tx.rollback-ok': { classId: 90, methodId: 31 },
};

/** The methods that a content header and a body follow. */
export const CONTENT_METHODS: ReadonlySet<MethodName> = new Set<MethodName>(['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok']);

/**
 * Reads the payload of a method frame, which fills offset to end and begins with the class.
 * @throws AmqpError 501 where the fields do not fit the octets (541 in the class connection), as RabbitMQ; 501 for a shortstr
 *   that is not UTF-8; 406 on the channel for a delivery tag above 2^53 - 1; 502 for a malformed table and 503 for an unknown
 *   method, where RabbitMQ drops the connection without a word.
 */
export function decodeMethod(bytes: Buffer, offset: number, end: number): Method {
  const reader = methodReader(bytes, offset, end);
  const method = readFields(reader);
  reader.finish();
  return method;
}

/**
 * A whole method frame, owned by the caller. Reserved fields are zeros and empty strings.
 * @throws AmqpError 502 for a shortstr of more than 255 octets.
 */
export function methodFrame(channel: number, method: OutgoingMethod): Buffer {
  const writer = new WireWriter();
  const { classId, methodId } = METHOD_IDS[method.name];
  writer.octet(FRAME_METHOD);
  writer.short(channel);
  const lengthAt = writer.reserveLong();
  writer.short(classId);
  writer.short(methodId);
  writeFields(writer, method);
  writer.setLong(lengthAt, writer.length - FRAME_HEADER_SIZE);
  writer.octet(FRAME_END);
  return writer.finish();
}

function readFields(reader: WireReader): Method {
  const { classId, methodId } = reader.method!;
  switch (classId * 0x10000 + methodId) {
    case 0x000a000a: {
      const versionMajor = reader.octet();
      const versionMinor = reader.octet();
      const serverProperties = readFieldTable(reader);
      const mechanisms = reader.longstr();
      const locales = reader.longstr();
      return { name: 'connection.start', versionMajor, versionMinor, serverProperties, mechanisms, locales };
    }
    case 0x000a000b: {
      const clientProperties = readFieldTable(reader);
      const mechanism = reader.utf8Shortstr();
      const response = reader.longstr();
      const locale = reader.utf8Shortstr();
      return { name: 'connection.start-ok', clientProperties, mechanism, response, locale };
    }
    case 0x000a0014: {
      const challenge = reader.longstr();
      return { name: 'connection.secure', challenge };
    }
    case 0x000a0015: {
      const response = reader.longstr();
      return { name: 'connection.secure-ok', response };
    }
    case 0x000a001e: {
      const channelMax = reader.short();
      const frameMax = reader.long();
      const heartbeat = reader.short();
      return { name: 'connection.tune', channelMax, frameMax, heartbeat };
    }
    case 0x000a001f: {
      const channelMax = reader.short();
      const frameMax = reader.long();
      const heartbeat = reader.short();
      return { name: 'connection.tune-ok', channelMax, frameMax, heartbeat };
    }
    case 0x000a0028: {
      const virtualHost = reader.utf8Shortstr();
      reader.shortstr();
      reader.take(1);
      return { name: 'connection.open', virtualHost };
    }
    case 0x000a0029: {
      reader.shortstr();
      return { name: 'connection.open-ok' };
    }
    case 0x000a0032: {
      const replyCode = reader.short();
      const replyText = reader.utf8Shortstr();
      const classIdField = reader.short();
      const methodIdField = reader.short();
      return { name: 'connection.close', replyCode, replyText, classId: classIdField, methodId: methodIdField };
    }
    case 0x000a0033: {
      return { name: 'connection.close-ok' };
    }
    case 0x000a003c: {
      const reason = reader.utf8Shortstr();
      return { name: 'connection.blocked', reason };
    }
    case 0x000a003d: {
      return { name: 'connection.unblocked' };
    }
    case 0x000a0046: {
      const newSecret = reader.longstr();
      const reason = reader.utf8Shortstr();
      return { name: 'connection.update-secret', newSecret, reason };
    }
    case 0x000a0047: {
      return { name: 'connection.update-secret-ok' };
    }
    case 0x0014000a: {
      reader.shortstr();
      return { name: 'channel.open' };
    }
    case 0x0014000b: {
      reader.longstr();
      return { name: 'channel.open-ok' };
    }
    case 0x00140014: {
      const bits = reader.octet();
      const active = (bits & 1) !== 0;
      return { name: 'channel.flow', active };
    }
    case 0x00140015: {
      const bits = reader.octet();
      const active = (bits & 1) !== 0;
      return { name: 'channel.flow-ok', active };
    }
    case 0x00140028: {
      const replyCode = reader.short();
      const replyText = reader.utf8Shortstr();
      const classIdField = reader.short();
      const methodIdField = reader.short();
      return { name: 'channel.close', replyCode, replyText, classId: classIdField, methodId: methodIdField };
    }
    case 0x00140029: {
      return { name: 'channel.close-ok' };
    }
    case 0x001e000a: {
      const realm = reader.utf8Shortstr();
      const bits = reader.octet();
      const exclusive = (bits & 1) !== 0;
      const passive = (bits & 2) !== 0;
      const active = (bits & 4) !== 0;
      const write = (bits & 8) !== 0;
      const read = (bits & 16) !== 0;
      return { name: 'access.request', realm, exclusive, passive, active, write, read };
    }
    case 0x001e000b: {
      const ticket = reader.short();
      return { name: 'access.request-ok', ticket };
    }
    case 0x0028000a: {
      reader.take(2);
      const exchange = reader.utf8Shortstr();
      const type = reader.utf8Shortstr();
      const bits = reader.octet();
      const passive = (bits & 1) !== 0;
      const durable = (bits & 2) !== 0;
      const autoDelete = (bits & 4) !== 0;
      const internal = (bits & 8) !== 0;
      const noWait = (bits & 16) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'exchange.declare', exchange, type, passive, durable, autoDelete, internal, noWait, arguments: argumentsField };
    }
    case 0x0028000b: {
      return { name: 'exchange.declare-ok' };
    }
    case 0x00280014: {
      reader.take(2);
      const exchange = reader.utf8Shortstr();
      const bits = reader.octet();
      const ifUnused = (bits & 1) !== 0;
      const noWait = (bits & 2) !== 0;
      return { name: 'exchange.delete', exchange, ifUnused, noWait };
    }
    case 0x00280015: {
      return { name: 'exchange.delete-ok' };
    }
    case 0x0028001e: {
      reader.take(2);
      const destination = reader.utf8Shortstr();
      const source = reader.utf8Shortstr();
      const routingKey = reader.utf8Shortstr();
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'exchange.bind', destination, source, routingKey, noWait, arguments: argumentsField };
    }
    case 0x0028001f: {
      return { name: 'exchange.bind-ok' };
    }
    case 0x00280028: {
      reader.take(2);
      const destination = reader.utf8Shortstr();
      const source = reader.utf8Shortstr();
      const routingKey = reader.utf8Shortstr();
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'exchange.unbind', destination, source, routingKey, noWait, arguments: argumentsField };
    }
    case 0x00280033: {
      return { name: 'exchange.unbind-ok' };
    }
    case 0x0032000a: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const bits = reader.octet();
      const passive = (bits & 1) !== 0;
      const durable = (bits & 2) !== 0;
      const exclusive = (bits & 4) !== 0;
      const autoDelete = (bits & 8) !== 0;
      const noWait = (bits & 16) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'queue.declare', queue, passive, durable, exclusive, autoDelete, noWait, arguments: argumentsField };
    }
    case 0x0032000b: {
      const queue = reader.utf8Shortstr();
      const messageCount = reader.long();
      const consumerCount = reader.long();
      return { name: 'queue.declare-ok', queue, messageCount, consumerCount };
    }
    case 0x00320014: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const exchange = reader.utf8Shortstr();
      const routingKey = reader.utf8Shortstr();
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'queue.bind', queue, exchange, routingKey, noWait, arguments: argumentsField };
    }
    case 0x00320015: {
      return { name: 'queue.bind-ok' };
    }
    case 0x0032001e: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      return { name: 'queue.purge', queue, noWait };
    }
    case 0x0032001f: {
      const messageCount = reader.long();
      return { name: 'queue.purge-ok', messageCount };
    }
    case 0x00320028: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const bits = reader.octet();
      const ifUnused = (bits & 1) !== 0;
      const ifEmpty = (bits & 2) !== 0;
      const noWait = (bits & 4) !== 0;
      return { name: 'queue.delete', queue, ifUnused, ifEmpty, noWait };
    }
    case 0x00320029: {
      const messageCount = reader.long();
      return { name: 'queue.delete-ok', messageCount };
    }
    case 0x00320032: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const exchange = reader.utf8Shortstr();
      const routingKey = reader.utf8Shortstr();
      const argumentsField = readFieldTable(reader);
      return { name: 'queue.unbind', queue, exchange, routingKey, arguments: argumentsField };
    }
    case 0x00320033: {
      return { name: 'queue.unbind-ok' };
    }
    case 0x003c000a: {
      const prefetchSize = reader.long();
      const prefetchCount = reader.short();
      const bits = reader.octet();
      const global = (bits & 1) !== 0;
      return { name: 'basic.qos', prefetchSize, prefetchCount, global };
    }
    case 0x003c000b: {
      return { name: 'basic.qos-ok' };
    }
    case 0x003c0014: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const consumerTag = reader.utf8Shortstr();
      const bits = reader.octet();
      const noLocal = (bits & 1) !== 0;
      const noAck = (bits & 2) !== 0;
      const exclusive = (bits & 4) !== 0;
      const noWait = (bits & 8) !== 0;
      const argumentsField = readFieldTable(reader);
      return { name: 'basic.consume', queue, consumerTag, noLocal, noAck, exclusive, noWait, arguments: argumentsField };
    }
    case 0x003c0015: {
      const consumerTag = reader.utf8Shortstr();
      return { name: 'basic.consume-ok', consumerTag };
    }
    case 0x003c001e: {
      const consumerTag = reader.utf8Shortstr();
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      return { name: 'basic.cancel', consumerTag, noWait };
    }
    case 0x003c001f: {
      const consumerTag = reader.utf8Shortstr();
      return { name: 'basic.cancel-ok', consumerTag };
    }
    case 0x003c0028: {
      reader.take(2);
      const exchange = reader.shortstr();
      const routingKey = reader.shortstr();
      const bits = reader.octet();
      const mandatory = (bits & 1) !== 0;
      const immediate = (bits & 2) !== 0;
      return { name: 'basic.publish', exchange, routingKey, mandatory, immediate };
    }
    case 0x003c0032: {
      const replyCode = reader.short();
      const replyText = reader.utf8Shortstr();
      const exchange = reader.shortstr();
      const routingKey = reader.shortstr();
      return { name: 'basic.return', replyCode, replyText, exchange, routingKey };
    }
    case 0x003c003c: {
      const consumerTag = reader.utf8Shortstr();
      const deliveryTag = readDeliveryTag(reader);
      const bits = reader.octet();
      const redelivered = (bits & 1) !== 0;
      const exchange = reader.shortstr();
      const routingKey = reader.shortstr();
      return { name: 'basic.deliver', consumerTag, deliveryTag, redelivered, exchange, routingKey };
    }
    case 0x003c0046: {
      reader.take(2);
      const queue = reader.utf8Shortstr();
      const bits = reader.octet();
      const noAck = (bits & 1) !== 0;
      return { name: 'basic.get', queue, noAck };
    }
    case 0x003c0047: {
      const deliveryTag = readDeliveryTag(reader);
      const bits = reader.octet();
      const redelivered = (bits & 1) !== 0;
      const exchange = reader.shortstr();
      const routingKey = reader.shortstr();
      const messageCount = reader.long();
      return { name: 'basic.get-ok', deliveryTag, redelivered, exchange, routingKey, messageCount };
    }
    case 0x003c0048: {
      reader.shortstr();
      return { name: 'basic.get-empty' };
    }
    case 0x003c0050: {
      const deliveryTag = readDeliveryTag(reader);
      const bits = reader.octet();
      const multiple = (bits & 1) !== 0;
      return { name: 'basic.ack', deliveryTag, multiple };
    }
    case 0x003c005a: {
      const deliveryTag = readDeliveryTag(reader);
      const bits = reader.octet();
      const requeue = (bits & 1) !== 0;
      return { name: 'basic.reject', deliveryTag, requeue };
    }
    case 0x003c0064: {
      const bits = reader.octet();
      const requeue = (bits & 1) !== 0;
      return { name: 'basic.recover-async', requeue };
    }
    case 0x003c006e: {
      const bits = reader.octet();
      const requeue = (bits & 1) !== 0;
      return { name: 'basic.recover', requeue };
    }
    case 0x003c006f: {
      return { name: 'basic.recover-ok' };
    }
    case 0x003c0078: {
      const deliveryTag = readDeliveryTag(reader);
      const bits = reader.octet();
      const multiple = (bits & 1) !== 0;
      const requeue = (bits & 2) !== 0;
      return { name: 'basic.nack', deliveryTag, multiple, requeue };
    }
    case 0x0055000a: {
      const bits = reader.octet();
      const noWait = (bits & 1) !== 0;
      return { name: 'confirm.select', noWait };
    }
    case 0x0055000b: {
      return { name: 'confirm.select-ok' };
    }
    case 0x005a000a: {
      return { name: 'tx.select' };
    }
    case 0x005a000b: {
      return { name: 'tx.select-ok' };
    }
    case 0x005a0014: {
      return { name: 'tx.commit' };
    }
    case 0x005a0015: {
      return { name: 'tx.commit-ok' };
    }
    case 0x005a001e: {
      return { name: 'tx.rollback' };
    }
    case 0x005a001f: {
      return { name: 'tx.rollback-ok' };
    }
    default:
      throw commandInvalid('unimplemented method', { classId, methodId });
  }
}

function writeFields(writer: WireWriter, method: OutgoingMethod): void {
  switch (method.name) {
    case 'connection.start':
      writer.octet(method.versionMajor);
      writer.octet(method.versionMinor);
      writeFieldTable(writer, method.serverProperties ?? EMPTY_TABLE);
      writer.longstr(method.mechanisms);
      writer.longstr(method.locales);
      return;
    case 'connection.start-ok':
      writeFieldTable(writer, method.clientProperties ?? EMPTY_TABLE);
      writer.shortstr(method.mechanism);
      writer.longstr(method.response);
      writer.shortstr(method.locale);
      return;
    case 'connection.secure':
      writer.longstr(method.challenge);
      return;
    case 'connection.secure-ok':
      writer.longstr(method.response);
      return;
    case 'connection.tune':
      writer.short(method.channelMax);
      writer.long(method.frameMax);
      writer.short(method.heartbeat);
      return;
    case 'connection.tune-ok':
      writer.short(method.channelMax);
      writer.long(method.frameMax);
      writer.short(method.heartbeat);
      return;
    case 'connection.open':
      writer.shortstr(method.virtualHost);
      writer.shortstr('');
      writer.octet(0);
      return;
    case 'connection.open-ok':
      writer.shortstr('');
      return;
    case 'connection.close':
      writer.short(method.replyCode);
      writer.shortstr(method.replyText);
      writer.short(method.classId);
      writer.short(method.methodId);
      return;
    case 'connection.close-ok':
      return;
    case 'connection.blocked':
      writer.shortstr(method.reason);
      return;
    case 'connection.unblocked':
      return;
    case 'connection.update-secret':
      writer.longstr(method.newSecret);
      writer.shortstr(method.reason);
      return;
    case 'connection.update-secret-ok':
      return;
    case 'channel.open':
      writer.shortstr('');
      return;
    case 'channel.open-ok':
      writer.longstr('');
      return;
    case 'channel.flow':
      writer.octet((method.active ? 1 : 0));
      return;
    case 'channel.flow-ok':
      writer.octet((method.active ? 1 : 0));
      return;
    case 'channel.close':
      writer.short(method.replyCode);
      writer.shortstr(method.replyText);
      writer.short(method.classId);
      writer.short(method.methodId);
      return;
    case 'channel.close-ok':
      return;
    case 'access.request':
      writer.shortstr(method.realm);
      writer.octet((method.exclusive ? 1 : 0) | (method.passive ? 2 : 0) | (method.active ? 4 : 0) | (method.write ? 8 : 0) | (method.read ? 16 : 0));
      return;
    case 'access.request-ok':
      writer.short(method.ticket);
      return;
    case 'exchange.declare':
      writer.short(0);
      writer.shortstr(method.exchange);
      writer.shortstr(method.type);
      writer.octet((method.passive ? 1 : 0) | (method.durable ? 2 : 0) | (method.autoDelete ? 4 : 0) | (method.internal ? 8 : 0) | (method.noWait ? 16 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'exchange.declare-ok':
      return;
    case 'exchange.delete':
      writer.short(0);
      writer.shortstr(method.exchange);
      writer.octet((method.ifUnused ? 1 : 0) | (method.noWait ? 2 : 0));
      return;
    case 'exchange.delete-ok':
      return;
    case 'exchange.bind':
      writer.short(0);
      writer.shortstr(method.destination);
      writer.shortstr(method.source);
      writer.shortstr(method.routingKey);
      writer.octet((method.noWait ? 1 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'exchange.bind-ok':
      return;
    case 'exchange.unbind':
      writer.short(0);
      writer.shortstr(method.destination);
      writer.shortstr(method.source);
      writer.shortstr(method.routingKey);
      writer.octet((method.noWait ? 1 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'exchange.unbind-ok':
      return;
    case 'queue.declare':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.octet((method.passive ? 1 : 0) | (method.durable ? 2 : 0) | (method.exclusive ? 4 : 0) | (method.autoDelete ? 8 : 0) | (method.noWait ? 16 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'queue.declare-ok':
      writer.shortstr(method.queue);
      writer.long(method.messageCount);
      writer.long(method.consumerCount);
      return;
    case 'queue.bind':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      writer.octet((method.noWait ? 1 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'queue.bind-ok':
      return;
    case 'queue.purge':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.octet((method.noWait ? 1 : 0));
      return;
    case 'queue.purge-ok':
      writer.long(method.messageCount);
      return;
    case 'queue.delete':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.octet((method.ifUnused ? 1 : 0) | (method.ifEmpty ? 2 : 0) | (method.noWait ? 4 : 0));
      return;
    case 'queue.delete-ok':
      writer.long(method.messageCount);
      return;
    case 'queue.unbind':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'queue.unbind-ok':
      return;
    case 'basic.qos':
      writer.long(method.prefetchSize);
      writer.short(method.prefetchCount);
      writer.octet((method.global ? 1 : 0));
      return;
    case 'basic.qos-ok':
      return;
    case 'basic.consume':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.shortstr(method.consumerTag);
      writer.octet((method.noLocal ? 1 : 0) | (method.noAck ? 2 : 0) | (method.exclusive ? 4 : 0) | (method.noWait ? 8 : 0));
      writeFieldTable(writer, method.arguments ?? EMPTY_TABLE);
      return;
    case 'basic.consume-ok':
      writer.shortstr(method.consumerTag);
      return;
    case 'basic.cancel':
      writer.shortstr(method.consumerTag);
      writer.octet((method.noWait ? 1 : 0));
      return;
    case 'basic.cancel-ok':
      writer.shortstr(method.consumerTag);
      return;
    case 'basic.publish':
      writer.short(0);
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      writer.octet((method.mandatory ? 1 : 0) | (method.immediate ? 2 : 0));
      return;
    case 'basic.return':
      writer.short(method.replyCode);
      writer.shortstr(method.replyText);
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      return;
    case 'basic.deliver':
      writer.shortstr(method.consumerTag);
      writer.longlong(method.deliveryTag);
      writer.octet((method.redelivered ? 1 : 0));
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      return;
    case 'basic.get':
      writer.short(0);
      writer.shortstr(method.queue);
      writer.octet((method.noAck ? 1 : 0));
      return;
    case 'basic.get-ok':
      writer.longlong(method.deliveryTag);
      writer.octet((method.redelivered ? 1 : 0));
      writer.shortstr(method.exchange);
      writer.shortstr(method.routingKey);
      writer.long(method.messageCount);
      return;
    case 'basic.get-empty':
      writer.shortstr('');
      return;
    case 'basic.ack':
      writer.longlong(method.deliveryTag);
      writer.octet((method.multiple ? 1 : 0));
      return;
    case 'basic.reject':
      writer.longlong(method.deliveryTag);
      writer.octet((method.requeue ? 1 : 0));
      return;
    case 'basic.recover-async':
      writer.octet((method.requeue ? 1 : 0));
      return;
    case 'basic.recover':
      writer.octet((method.requeue ? 1 : 0));
      return;
    case 'basic.recover-ok':
      return;
    case 'basic.nack':
      writer.longlong(method.deliveryTag);
      writer.octet((method.multiple ? 1 : 0) | (method.requeue ? 2 : 0));
      return;
    case 'confirm.select':
      writer.octet((method.noWait ? 1 : 0));
      return;
    case 'confirm.select-ok':
      return;
    case 'tx.select':
      return;
    case 'tx.select-ok':
      return;
    case 'tx.commit':
      return;
    case 'tx.commit-ok':
      return;
    case 'tx.rollback':
      return;
    case 'tx.rollback-ok':
      return;
  }
}
