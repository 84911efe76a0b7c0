/** Plays every command line to rabbitmqctl and a RabbitMQ of its own, and records what comes: `node test/ctl/record.ts`. */
import { startRabbitMq } from '../differential/rabbitmq.ts';
import { playAll, writeGolden } from './golden.ts';
import { rabbitmqctl } from './rabbitmqctl.ts';

const rabbitMq = await startRabbitMq();
try {
  const transcripts = await playAll(rabbitmqctl(rabbitMq));
  writeGolden(transcripts);
  console.log(`${[...transcripts.values()].flat().length} command lines are recorded`);
} finally {
  await rabbitMq.stop();
}
