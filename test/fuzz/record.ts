/**
 * Records the sessions that the fuzzer mutates: `node test/fuzz/record.ts`. The recordings lie beside this file, so that the
 * fuzzer needs no client and no Python; they need recording anew only when the sessions change.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startBroker } from '../../src/broker.ts';
import * as amqplib from './amqplib-sessions.ts';
import * as raw from './raw-sessions.ts';
import { Recorder } from './recorder.ts';
import { saveRecording } from './recording.ts';

async function pika(session: string, port: number): Promise<void> {
  const script = join(import.meta.dirname, 'pika_sessions.py');
  const url = `amqp://guest:guest@127.0.0.1:${port}/%2F`;
  const child = spawn('/usr/bin/python3', ['-B', script, session, url], { stdio: 'inherit' });
  const [exitCode] = await once(child, 'exit');
  if (exitCode !== 0) throw new Error(`pika's ${session} ended with ${exitCode}`);
}

const urlOf = (port: number): string => `amqp://guest:guest@127.0.0.1:${port}/%2F`;

const SESSIONS: Readonly<Record<string, (port: number) => Promise<void>>> = {
  'amqplib-work': (port) => amqplib.work(urlOf(port)),
  'amqplib-confirmed': (port) => amqplib.confirmed(urlOf(port)),
  'pika-work': (port) => pika('work', port),
  'pika-transactions': (port) => pika('transactions', port),
  'raw-interleaved': raw.interleaved,
  'raw-rare-methods': raw.rareMethods,
};

const broker = await startBroker({ port: 0, memory: true, logLevel: 'warning' });
for (const [name, session] of Object.entries(SESSIONS)) {
  const recorder = await Recorder.open(broker.port);
  await session(recorder.port);
  await recorder.close();
  saveRecording({ name, parts: recorder.parts });
  const sent = recorder.parts.reduce((sum, part) => sum + (part.kind === 'client' ? part.bytes.length : 0), 0);
  console.log(`${name}: ${recorder.parts.length} parts, ${sent} octets`);
}
await broker.stop();
