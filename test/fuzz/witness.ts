/**
 * The connection that must not notice anything: it publishes with confirms and consumes with acks while others send rubbish,
 * and misses nothing.
 */
import assert from 'node:assert/strict';
import { RawClient } from '../differential/raw-client.ts';

const QUEUE = 'the witness hears of nothing';
const RESOURCE_LOCKED = 405;

export class Witness {
  readonly #client: RawClient;
  #count = 0;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async start(port: number): Promise<Witness> {
    const client = await RawClient.connect(port);
    await client.open();
    await client.call('confirm.select');
    await client.call('queue.declare', { queue: QUEUE, durable: true });
    await client.openChannel(2);
    await client.channel(2).call('basic.consume', { queue: QUEUE });
    await client.openChannel(3);
    return new Witness(client);
  }

  /** Publishes a message and takes it, confirm and ack included. */
  async look(): Promise<void> {
    const client = this.#client;
    const body = `${++this.#count}`;
    client.publish({ routingKey: QUEUE, properties: { deliveryMode: 2 }, body });
    const delivery = await client.channel(2).expect('basic.deliver');
    assert.equal(delivery.body?.toString(), body);
    assert.equal(delivery.args.redelivered, false);
    client.channel(2).send('basic.ack', { deliveryTag: this.#count });
    const { args } = await client.expect('basic.ack');
    assert.equal(Number(args.deliveryTag), this.#count);
    this.#hearOfTheDisk();
    assert.deepEqual(client.channelsWithFrames(), [], 'it is told of what others do');
  }

  /** That publishers are blocked is everybody's business. */
  #hearOfTheDisk(): void {
    const channel0 = 0;
    while (this.#client.channelsWithFrames().includes(channel0)) {
      const told = this.#client.takeQueued(channel0);
      assert.match(told?.name ?? '', /^connection\.(un)?blocked$/);
    }
  }

  /** How many consumers each of the queues still has, or 1 if another connection owns it; those that are not there are left out. */
  async consumersOf(queues: readonly string[]): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const queue of queues) {
      const answer = await this.#client.channel(3).ask('queue.declare', { queue, passive: true });
      if (answer.name === 'queue.declare-ok') found[queue] = Number(answer.args.consumerCount);
      else {
        if (answer.args.replyCode === RESOURCE_LOCKED) found[queue] = 1;
        await this.#reopen();
      }
    }
    return found;
  }

  async #reopen(): Promise<void> {
    this.#client.channel(3).send('channel.close-ok');
    await this.#client.openChannel(3);
  }

  /** Deletes what the sessions declare, so that one that was cut short leaves nothing to the next. */
  async cleanUp(queues: readonly string[], exchanges: readonly string[]): Promise<void> {
    const channel = this.#client.channel(3);
    for (const queue of queues) channel.send('queue.delete', { queue, nowait: true });
    for (const exchange of exchanges) channel.send('exchange.delete', { exchange, nowait: true });
    await channel.call('basic.qos');
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
