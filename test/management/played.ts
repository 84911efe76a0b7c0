/** All calls put to one broker, in their order, as one transcript a group. */
import { eventually } from '../conformance/waiting.ts';
import { CALLS, RUNNING_CALLS } from './calls.ts';
import { busyClient } from './clients.ts';
import { type ApiCall, ask } from './http-client.ts';
import { TAG_CALLS } from './tag-calls.ts';
import { type BrokerUnderTest, playedCall } from './transcript.ts';

export type Transcripts = Map<string, readonly string[]>;

/** The broker has to be new: calls rely on what it starts with. */
export async function playAll(broker: BrokerUnderTest): Promise<Transcripts> {
  const transcripts: Transcripts = new Map();
  for (const [group, calls] of Object.entries(CALLS)) transcripts.set(group, await play(broker, calls));
  transcripts.set('tags', await play(broker, TAG_CALLS));
  // RabbitMQ makes one for each message that is published or taken by the API, and takes its time to forget it.
  await eventually('connections of earlier calls to be gone', async () => {
    const { body } = await ask(broker.base, { method: 'GET', path: '/api/connections' });
    return (body as unknown[]).length === 0;
  });
  const client = await busyClient(broker.amqpPort);
  try {
    transcripts.set('what runs', await play(broker, RUNNING_CALLS));
  } finally {
    await client.close();
  }
  return transcripts;
}

async function play(broker: BrokerUnderTest, calls: readonly ApiCall[]): Promise<string[]> {
  const answers: string[] = [];
  for (const call of calls) answers.push(await playedCall(broker, call));
  return answers;
}
