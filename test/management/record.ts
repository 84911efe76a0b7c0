/** Puts every call to a RabbitMQ of its own and records the answers: `node test/management/record.ts`. */
import { startRabbitMq } from '../differential/rabbitmq.ts';
import { writeGolden } from './golden.ts';
import { playAll } from './played.ts';

const rabbitMq = await startRabbitMq({ management: true });
try {
  const { port: amqpPort, nodeName, managementPort } = rabbitMq;
  const transcripts = await playAll({
    base: `http://127.0.0.1:${managementPort}`,
    amqpPort,
    nodeName,
    isReference: true,
  });
  writeGolden(transcripts);
  console.log(`${[...transcripts.values()].flat().length} answers are recorded`);
} finally {
  await rabbitMq.stop();
}
