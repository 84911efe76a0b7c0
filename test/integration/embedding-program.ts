/**
 * What a user's program does with an embedded broker: start, connect, publish, stop. It ends without process.exit(), so it only
 * ends when the broker has left nothing behind.
 *
 *   node embedding-program.ts [data directory]
 */
import { connect } from 'amqplib';
import { startBroker } from '../../src/broker.ts';

const dataDir = process.argv[2];
const broker = await startBroker({
  port: 0,
  logLevel: 'none',
  ...(dataDir === undefined ? { memory: true } : { dataDir }),
});
const connection = await connect(broker.url);
const channel = await connection.createConfirmChannel();
const { queue } = await channel.assertQueue('kept', { durable: true });
await channel.assertQueue('expiring', { expires: 600_000, messageTtl: 600_000 });
for (const name of [queue, 'expiring']) channel.sendToQueue(name, Buffer.from('hello'), { persistent: true });
await channel.waitForConfirms();
// The client is still connected: the broker closes it.
await broker.stop();
console.log('stopped');
