/** A broker with limits of a test's own, and the raw clients of it; all of them gone when the test ends. */
import type { TestContext } from 'node:test';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import type { OpenOptions, RawClient } from '../differential/raw-client.ts';
import { connectTo, listenerOptions } from './transport.ts';

export class LimitedBroker {
  readonly broker: Broker;
  readonly #clients: RawClient[] = [];

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  /** In memory, unless told otherwise. */
  static async start(t: TestContext, options: BrokerOptions): Promise<LimitedBroker> {
    const started = new LimitedBroker(
      await startBroker({ ...listenerOptions(), memory: true, logLevel: 'none', ...options }),
    );
    t.after(() => started.#stop());
    return started;
  }

  /** First the clients: a raw client answers no close, and the broker would wait for it. */
  #stop(): Promise<void> {
    for (const client of this.#clients) client.abort();
    return this.broker.stop();
  }

  get port(): number {
    return this.broker.port;
  }

  /** A connection with nothing said on it. */
  async connect(): Promise<RawClient> {
    const client = await connectTo(this.broker);
    this.#clients.push(client);
    return client;
  }

  /** A connection with channel 1 open. */
  async open(options: OpenOptions = {}): Promise<RawClient> {
    const client = await this.connect();
    await client.open(options);
    return client;
  }
}

/** How many messages are ready in a queue, asked on channel 1. */
export async function readyCount(client: RawClient, queue: string): Promise<number> {
  const { args } = await client.call('queue.declare', { queue, passive: true });
  return Number(args.messageCount);
}
