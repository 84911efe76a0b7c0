/** Publishes delayed messages as fast as it can, with confirms: ready-made frames, of which the delay is written anew each time. */
import { type FrameSink, ReadBuffer } from '../../src/perf/frame-scanner.ts';
import { FrameWriter, frameTypeBody, frameTypeHeader } from '../../src/perf/frame-writer.ts';
import { channelNumber, LoadConnection, methods } from '../../src/perf/load-connection.ts';

/** Property flags: headers and delivery mode. */
const PROPERTIES = (1 << 13) | (1 << 12);
const BATCH = 100;
const WINDOW = 2000;

export interface DelayedLoad {
  readonly port: number;
  readonly exchange: string;
  readonly count: number;
  readonly bodySizeBytes: number;
  /** Milliseconds that the message of this number waits; 0 or less: it does not. */
  delayOf(index: number): number;
}

/** @returns messages a second, from the first publish to the last confirm */
export async function publishDelayed(load: DelayedLoad): Promise<number> {
  const endpoint = { host: '127.0.0.1', port: load.port, vhost: '/', user: 'guest', password: 'guest' };
  const connection = await LoadConnection.open(endpoint, new ReadBuffer());
  const confirmSelect = new FrameWriter().beginMethod(channelNumber, 85, 10).uint8(0).endFrame().take();
  await connection.request(confirmSelect, methods.confirmSelectOk);
  const startedAt = performance.now();
  await new Publishing(connection, load).run();
  const seconds = (performance.now() - startedAt) / 1000;
  await connection.close();
  return load.count / seconds;
}

class Publishing implements FrameSink {
  readonly #connection: LoadConnection;
  readonly #load: DelayedLoad;
  readonly #frames: Buffer;
  readonly #delayAt: number;
  #published = 0;
  #confirmed = 0;
  #isFull = false;
  readonly #end = Promise.withResolvers<void>();

  constructor(connection: LoadConnection, load: DelayedLoad) {
    this.#connection = connection;
    this.#load = load;
    ({ frames: this.#frames, delayAt: this.#delayAt } = framesOf(load));
    connection.deliverTo(this);
    connection.onLost = (error) => this.#end.reject(error);
    connection.socket.on('drain', () => {
      this.#isFull = false;
      this.#publish();
    });
  }

  run(): Promise<void> {
    this.#publish();
    return this.#end.promise;
  }

  #publish(): void {
    const { count, delayOf } = this.#load;
    while (!this.#isFull && this.#published < count && this.#published - this.#confirmed + BATCH <= WINDOW) {
      const batch: Buffer[] = [];
      for (let i = Math.min(BATCH, count - this.#published); i > 0; i--) {
        const frames = Buffer.from(this.#frames);
        frames.writeBigInt64BE(BigInt(delayOf(this.#published++)), this.#delayAt);
        batch.push(frames);
      }
      this.#isFull = !this.#connection.socket.write(Buffer.concat(batch));
    }
  }

  chunkBegin(): void {}

  chunkEnd(): void {
    if (this.#confirmed === this.#load.count) this.#end.resolve();
    else this.#publish();
  }

  method(view: DataView, at: number, size: number): void {
    if (view.getUint32(at) !== methods.basicAck) return this.#connection.method(view, at, size);
    const tag = Number(view.getBigUint64(at + 4));
    this.#confirmed = view.getUint8(at + 12) === 1 ? tag : this.#confirmed + 1;
  }

  header(): void {}

  body(): void {}
}

/** All frames of one publish, and where the value of x-delay stands in them. */
function framesOf({ exchange, bodySizeBytes }: DelayedLoad): { frames: Buffer; delayAt: number } {
  const writer = new FrameWriter();
  writer.beginMethod(channelNumber, 60, 40).uint16(0).shortString(exchange).shortString('').uint8(0).endFrame();
  writer.beginFrame(frameTypeHeader, channelNumber).uint16(60).uint16(0).uint64(bodySizeBytes).uint16(PROPERTIES);
  const table = writer.size;
  writer
    .table({ 'x-delay': 2 ** 40 })
    .uint8(2)
    .endFrame();
  writer.beginFrame(frameTypeBody, channelNumber).fill(0x2e, bodySizeBytes).endFrame();
  return { frames: writer.take(), delayAt: table + 4 + 1 + 'x-delay'.length + 1 };
}
