/** The queues, the exchange and the bindings of a load run, declared before it and deleted after it. */

import { ReadBuffer } from './frame-scanner.ts';
import { FrameWriter } from './frame-writer.ts';
import { channelNumber, LoadConnection, methods } from './load-connection.ts';
import { bindingKey, exchangeName, type LoadOptions, queueName } from './load-options.ts';

const durableBit = 2;

/** @throws LoadConnectionError when the broker cannot be reached or refuses. */
export async function declareTopology(options: LoadOptions): Promise<void> {
  const connection = await LoadConnection.open(options, new ReadBuffer());
  const exchange = exchangeName(options);
  if (exchange !== '') await connection.request(exchangeDeclare(options, exchange), methods.exchangeDeclareOk);
  for (let index = 0; index < options.queues; index++) {
    const queue = queueName(options, index);
    if (options.fresh) await connection.request(queueDelete(queue), methods.queueDeleteOk);
    await connection.request(queueDeclare(options, queue), methods.queueDeclareOk);
    if (exchange === '') continue;
    await connection.request(queueBind(queue, exchange, bindingKey(options, index)), methods.queueBindOk);
  }
  await connection.close();
}

/** @throws LoadConnectionError when the broker cannot be reached or refuses. */
export async function deleteTopology(options: LoadOptions): Promise<void> {
  const connection = await LoadConnection.open(options, new ReadBuffer());
  for (let index = 0; index < options.queues; index++) {
    await connection.request(queueDelete(queueName(options, index)), methods.queueDeleteOk);
  }
  const exchange = exchangeName(options);
  if (exchange !== '') {
    const frames = new FrameWriter().beginMethod(channelNumber, 40, 20).uint16(0).shortString(exchange).uint8(0);
    await connection.request(frames.endFrame().take(), methods.exchangeDeleteOk);
  }
  await connection.close();
}

function exchangeDeclare(options: LoadOptions, exchange: string): Buffer {
  return new FrameWriter()
    .beginMethod(channelNumber, 40, 10)
    .uint16(0)
    .shortString(exchange)
    .shortString('topic')
    .uint8(options.durable ? durableBit : 0)
    .table({})
    .endFrame()
    .take();
}

function queueDeclare(options: LoadOptions, queue: string): Buffer {
  return new FrameWriter()
    .beginMethod(channelNumber, 50, 10)
    .uint16(0)
    .shortString(queue)
    .uint8(options.durable ? durableBit : 0)
    .table(options.queueArguments)
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
