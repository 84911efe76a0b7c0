/**
 * Where the clients of this suite find a broker: the one named by `LEVERET_CONFORMANCE_URL`, so that the same assertions are
 * proved against RabbitMQ, or a Leveret in this process.
 */
import { randomUUID } from 'node:crypto';
import { Link } from './link.ts';

/** A broker that clients are tested against. */
export interface BrokerUnderTest {
  /** `amqp://guest:guest@host:port/%2F` */
  readonly url: string;
  stop(): Promise<void>;
}

/** A broker that can go away and come back at the same address. */
export interface RestartableBroker extends BrokerUnderTest {
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
}

const givenUrl = process.env.LEVERET_CONFORMANCE_URL;

export async function startBrokerUnderTest(): Promise<BrokerUnderTest> {
  if (givenUrl !== undefined) return { url: givenUrl, stop: async () => undefined };
  throw new Error('LEVERET_CONFORMANCE_URL is not set');
}

/** The broker of a given URL cannot be restarted from here, so the link to it is cut instead. */
export async function startRestartableBroker(): Promise<RestartableBroker> {
  if (givenUrl === undefined) throw new Error('LEVERET_CONFORMANCE_URL is not set');
  const link = await Link.open(givenUrl);
  return {
    url: link.url,
    goDown: () => link.cut(),
    comeBack: () => link.mend(),
    stop: () => link.close(),
  };
}

/** `url` with other credentials, another vhost or connection parameters. */
export function variantOf(
  url: string,
  change: { password?: string; vhost?: string; query?: Record<string, string> },
): string {
  const variant = new URL(url);
  if (change.password !== undefined) variant.password = change.password;
  if (change.vhost !== undefined) variant.pathname = `/${encodeURIComponent(change.vhost)}`;
  for (const [name, value] of Object.entries(change.query ?? {})) variant.searchParams.set(name, value);
  return variant.href;
}

/** A name that no other test and no earlier run has used, since a broker given by its URL keeps what it was told. */
export function uniqueName(word: string): string {
  return `conformance.${word}.${randomUUID().slice(0, 8)}`;
}
