/** A broker on the disk for a test, and clients of it that are given a machine's time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import { RawClient } from '../differential/raw-client.ts';

export async function start(t: TestContext): Promise<Broker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-declaring-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 } });
  t.after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });
  return broker;
}

export async function clientOf(t: TestContext, { port }: Broker): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.patienceMs = 60_000;
  t.after(() => client.abort());
  await client.open();
  return client;
}
