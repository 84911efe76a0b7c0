/** What is done to queues. */
import { found, path } from '../asking.ts';
import { ApiRefusal } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, failed } from '../failure.ts';

export const queueCommands: readonly Command[] = [
  {
    name: 'delete_queue',
    group: 'Queues',
    text: 'Deletes a queue',
    usage: '<queue_name> [--if-empty|-e] [--if-unused|-u] [--timeout <timeout>]',
    positionals: [1, 1],
    options: { 'if-empty': 'flag', 'if-unused': 'flag' },
    letters: { e: 'if-empty', u: 'if-unused' },
    explained: [
      ['<queue_name>', 'The name of the queue.'],
      ['--if-empty', 'Only if no message is ready in it.'],
      ['--if-unused', 'Only if it has no consumer.'],
    ],
    check: ({ positionals: [name] }) => {
      if (name === '') throw badArgument('queue name cannot be an empty string');
    },
    banner: ({ vhost, positionals: [name], options }) => {
      const conditions = [
        ...(options['if-empty'] === true ? ['if queue is empty'] : []),
        ...(options['if-unused'] === true ? ['if queue is unused'] : []),
      ];
      const only = conditions.length === 0 ? '' : ` ${conditions.join(' and ')}`;
      return `Deleting queue '${name}' on vhost '${vhost}'${only} ...`;
    },
    run: deleteQueue,
  },
  {
    name: 'purge_queue',
    group: 'Queues',
    text: 'Throws away the messages that are ready in a queue',
    usage: '<queue> [--timeout <timeout>]',
    positionals: [1, 1],
    explained: [['<queue>', 'The name of the queue.']],
    banner: ({ vhost, positionals: [name] }) => `Purging queue '${name}' in vhost '${vhost}' ...`,
    run: async ({ broker, vhost, positionals: [name] }) => {
      await found(broker.delete(path('queues', vhost, name!, 'contents')), failed(EXIT.unavailable, 'not_found'));
      return DONE;
    },
  },
];

async function deleteQueue({ broker, vhost, positionals: [name], options }: RunningCall): Promise<Output> {
  const queue = path('queues', vhost, name!);
  const notFound = failed(EXIT.usage, 'Queue not found');
  const { messages_ready: readyCount } = await found(broker.get(`${queue}?columns=messages_ready`), notFound);
  const conditions = ['if-empty', 'if-unused'].filter((each) => options[each] === true);
  try {
    await found(broker.delete(`${queue}?${conditions.map((each) => `${each}=true`).join('&')}`), notFound);
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    throw failed(EXIT.usage, whyNot(error.reason));
  }
  return { kind: 'text', text: `Queue was successfully deleted with ${readyCount} ready messages` };
}

function whyNot(reason: string): string {
  if (/ in use$/.test(reason)) return 'Queue is in use';
  return / not empty$/.test(reason) ? 'Queue is not empty' : reason;
}
