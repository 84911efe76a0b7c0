/**
 * How tests of what a broker does under load reach it: over TCP, or, where another file runs them a second time, over TLS. The
 * runtime reads and writes the two in different ways; what a client may rely on is the same.
 */
import type { Broker, BrokerOptions } from '../../src/broker.ts';
import { RawClient } from '../differential/raw-client.ts';
import { clientOptions, rawClientOverTls, TestCertificates } from './tls-clients.ts';

let certificates: TestCertificates | null = null;

/** From now on, all tests of this process use TLS. */
export function useTls(): TestCertificates {
  certificates = new TestCertificates();
  return certificates;
}

/** What startBroker() is to be given. */
export function listenerOptions(): BrokerOptions {
  if (certificates === null) return { port: 0 };
  return { listeners: [{ port: 0, tls: true }], tls: certificates.tls };
}

/** A connection with nothing said on it. */
export function connectTo({ port }: Broker): Promise<RawClient> {
  if (certificates === null) return RawClient.connect(port);
  return rawClientOverTls(port, clientOptions(certificates.ca));
}
