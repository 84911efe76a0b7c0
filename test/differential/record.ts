/** Plays every session to a RabbitMQ of its own and records the answers: `node test/differential/record.ts`. */

import { rabbitMqOptions } from './definitions.ts';
import { type Transcripts, writeGolden } from './golden.ts';
import { startRabbitMq } from './rabbitmq.ts';
import { play } from './session.ts';
import { sessions } from './sessions/all.ts';

const AT_ONCE = 8;

const rabbitMq = await startRabbitMq(rabbitMqOptions);
const transcripts: Transcripts = new Map();
const waiting = [...sessions];
try {
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let session = waiting.shift(); session !== undefined; session = waiting.shift()) {
        transcripts.set(session.title, await play(session, rabbitMq));
      }
    }),
  );
} finally {
  await rabbitMq.stop();
}
writeGolden(sessions, transcripts);
console.log(`${transcripts.size} sessions are recorded`);
