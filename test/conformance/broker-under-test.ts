/**
 * Where the clients of this suite find a broker: a Leveret in this process, or the one named by `LEVERET_CONFORMANCE_URL`, so
 * that the same assertions are proved against RabbitMQ:
 *
 *   node test/conformance/against-rabbitmq.ts           starts a RabbitMQ, and runs the suite against it
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '../../src/broker.ts';
import { FillableDisk } from '../integration/fillable-disk.ts';
import { definitions } from './definitions.ts';
import { Link } from './link.ts';

/** A broker that clients are tested against. */
export interface BrokerUnderTest {
  /** `amqp://guest:guest@host:port/%2F` */
  readonly url: string;
  stop(): Promise<void>;
}

/** A broker that can go away and come back at the same address. */
export interface RestartableBroker extends BrokerUnderTest {
  /** Whether `goDown` is a stop in order, of which clients are told, or an end without a word. */
  readonly stopsInOrder: boolean;
  /** Whether `fillDisk` does something. */
  readonly canBlock: boolean;
  /** From now on nothing can be written to its disk, until `freeDisk`: persistent publishes then block publishers. */
  fillDisk(): void;
  freeDisk(): void;
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
}

const givenUrl = process.env.LEVERET_CONFORMANCE_URL;

export async function startBrokerUnderTest(): Promise<BrokerUnderTest> {
  if (givenUrl !== undefined) return { url: givenUrl, stop: async () => undefined };
  const broker = await startBroker({ port: 0, memory: true, definitions, logLevel: 'none' });
  return { url: urlOf(broker), stop: () => broker.stop() };
}

/** Leveret is stopped and started again on its port and data. A broker given by its URL only has the link to it cut. */
export async function startRestartableBroker(): Promise<RestartableBroker> {
  if (givenUrl === undefined) return RestartableLeveret.start();
  const link = await Link.open(givenUrl);
  return {
    url: link.url,
    stopsInOrder: false,
    canBlock: false,
    fillDisk: () => undefined,
    freeDisk: () => undefined,
    goDown: () => link.cut(),
    comeBack: () => link.mend(),
    stop: () => link.close(),
  };
}

class RestartableLeveret implements RestartableBroker {
  readonly stopsInOrder = true;
  readonly canBlock = true;
  readonly #disk = new FillableDisk();
  readonly #dataDir: string;
  #broker!: Broker;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  static async start(): Promise<RestartableLeveret> {
    const leveret = new RestartableLeveret(await mkdtemp(join(tmpdir(), 'leveret-conformance-')));
    await leveret.#start(0);
    return leveret;
  }

  async #start(port: number): Promise<void> {
    const options = { port, dataDir: this.#dataDir, disk: this.#disk, definitions, logLevel: 'none' } as const;
    this.#broker = await startBroker(options);
  }

  get url(): string {
    return urlOf(this.#broker);
  }

  fillDisk(): void {
    this.#disk.isFull = true;
  }

  freeDisk(): void {
    this.#disk.isFull = false;
  }

  goDown(): Promise<void> {
    return this.#broker.stop();
  }

  async comeBack(): Promise<void> {
    await this.#start(this.#broker.port);
    if (this.#broker.damage.length > 0) throw new Error(`damaged by its stop: ${this.#broker.damage.join('; ')}`);
  }

  async stop(): Promise<void> {
    this.freeDisk();
    await this.#broker.stop();
    await rm(this.#dataDir, { recursive: true });
  }
}

/** With the vhost in it, which amqp-tools and RabbitMQ's URL specification take for the empty one when it is missing. */
function urlOf(broker: Broker): string {
  return `${broker.url}/%2F`;
}

/** `url` with other credentials, another vhost or connection parameters. */
export function variantOf(
  url: string,
  change: { user?: string; password?: string; vhost?: string; query?: Record<string, string> },
): string {
  const variant = new URL(url);
  if (change.user !== undefined) variant.username = change.user;
  if (change.password !== undefined) variant.password = change.password;
  if (change.vhost !== undefined) variant.pathname = `/${encodeURIComponent(change.vhost)}`;
  for (const [name, value] of Object.entries(change.query ?? {})) variant.searchParams.set(name, value);
  return variant.href;
}

/** A name that no other test and no earlier run has used, since a broker given by its URL keeps what it was told. */
export function uniqueName(word: string): string {
  return `conformance.${word}.${randomUUID().slice(0, 8)}`;
}
