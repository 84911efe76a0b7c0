/** The queues, the exchange and the bindings of a load run, declared before it and deleted after it. */

import { ReadBuffer } from './frame-scanner.ts';
import { FrameWriter } from './frame-writer.ts';
import { channelNumber, LoadConnection, methods } from './load-connection.ts';
import {
  bindingKey,
  exchangeName,
  exchangeType,
  isDelayedBy,
  type LoadOptions,
  queueName,
  rungName,
} from './load-options.ts';

const durableBit = 2;

/** @throws LoadConnectionError when the broker cannot be reached or refuses. */
export async function declareTopology(options: LoadOptions): Promise<void> {
  const connection = await LoadConnection.open(options, new ReadBuffer());
  const exchange = exchangeName(options);
  if (exchange !== '') await connection.request(exchangeDeclare(options, exchange), methods.exchangeDeclareOk);
  for (const [queue, args] of queuesOf(options)) {
    if (options.fresh) await connection.request(queueDelete(queue), methods.queueDeleteOk);
    await connection.request(queueDeclare(options, queue, args), methods.queueDeclareOk);
  }
  for (let index = 0; index < options.queues && exchange !== ''; index++) {
    const queue = queueName(options, index);
    await connection.request(queueBind(queue, exchange, bindingKey(options, index)), methods.queueBindOk);
  }
  await connection.close();
}

/** @throws LoadConnectionError when the broker cannot be reached or refuses. */
export async function deleteTopology(options: LoadOptions): Promise<void> {
  const connection = await LoadConnection.open(options, new ReadBuffer());
  for (const [queue] of queuesOf(options)) await connection.request(queueDelete(queue), methods.queueDeleteOk);
  const exchange = exchangeName(options);
  if (exchange !== '') {
    const frames = new FrameWriter().beginMethod(channelNumber, 40, 20).uint16(0).shortString(exchange).uint8(0);
    await connection.request(frames.endFrame().take(), methods.exchangeDeleteOk);
  }
  await connection.close();
}

type QueueArguments = LoadOptions['queueArguments'];

/** All queues with their arguments, the rungs of a ladder behind those that they lead to. */
function queuesOf(options: LoadOptions): [name: string, args: QueueArguments][] {
  const indexes = Array.from({ length: options.queues }, (_, index) => index);
  const targets = indexes.map((index): [string, QueueArguments] => [queueName(options, index), options.queueArguments]);
  return isDelayedBy(options, 'ladder') ? [...targets, ...indexes.map((index) => rungOf(options, index))] : targets;
}

function rungOf(options: LoadOptions, index: number): [name: string, args: QueueArguments] {
  const deadLetters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queueName(options, index) };
  const args = { ...options.queueArguments, 'x-message-ttl': options.delay!.mostMs, ...deadLetters };
  return [rungName(options, index), args];
}

function exchangeDeclare(options: LoadOptions, exchange: string): Buffer {
  const type = exchangeType(options)!;
  return new FrameWriter()
    .beginMethod(channelNumber, 40, 10)
    .uint16(0)
    .shortString(exchange)
    .shortString(type)
    .uint8(options.durable ? durableBit : 0)
    .table(type === 'topic' ? {} : { 'x-delayed-type': 'direct' })
    .endFrame()
    .take();
}

function queueDeclare(options: LoadOptions, queue: string, args: QueueArguments): Buffer {
  return new FrameWriter()
    .beginMethod(channelNumber, 50, 10)
    .uint16(0)
    .shortString(queue)
    .uint8(options.durable ? durableBit : 0)
    .table(args)
    .endFrame()
    .take();
}

function queueBind(queue: string, exchange: string, key: string): Buffer {
  return new FrameWriter()
    .beginMethod(channelNumber, 50, 20)
    .uint16(0)
    .shortString(queue)
    .shortString(exchange)
    .shortString(key)
    .uint8(0)
    .table({})
    .endFrame()
    .take();
}

function queueDelete(queue: string): Buffer {
  return new FrameWriter().beginMethod(channelNumber, 50, 40).uint16(0).shortString(queue).uint8(0).endFrame().take();
}
