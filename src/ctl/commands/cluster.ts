/** What is about several nodes, and has an answer for one. Whatever needs a second node is refused, in `not-here.ts`. */
import { found, path } from '../asking.ts';
import type { Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, failed } from '../failure.ts';
import { statusOf } from './node-status.ts';

const QUEUE_KINDS = ['all', 'classic', 'quorum'];
const UPGRADE_SECONDS = 120;

export const clusterCommands: readonly Command[] = [
  {
    name: 'await_online_nodes',
    group: 'Cluster',
    text: 'Waits for so many nodes to be there, of which there can be one',
    usage: '<count> [--timeout <timeout>]',
    positionals: [1, 1],
    timeoutSeconds: 300,
    check: ({ positionals: [count] }) => {
      if (!/^[1-9]\d*$/.test(count!)) throw badArgument('Argument must be a positive integer');
    },
    banner: ({ nodeName, positionals: [count], timeoutSeconds }) => {
      return `Will wait for at least ${count} nodes to join the cluster of ${nodeName}. Timeout: ${timeoutSeconds} seconds.`;
    },
    run: async (call) => {
      await statusOf(call);
      if (call.positionals[0] === '1') return DONE;
      const text = `Not enough nodes joined ${call.nodeName}'s cluster: there are no clusters yet.`;
      throw failed(EXIT.software, `Error: ${text}`);
    },
  },
  {
    name: 'rebalance',
    group: 'Queues',
    text: 'Spreads the leaders of queues over the nodes; on one node they are where they can be',
    usage: '< all | classic | quorum >',
    positionals: [1, 1],
    check: ({ positionals: [kind] }) => {
      if (QUEUE_KINDS.includes(kind!)) return;
      throw failed(EXIT.unavailable, `type ${kind} is not supported. Try one of ${QUEUE_KINDS.join(', ')}.`);
    },
    banner: ({ positionals: [kind] }) => `Re-balancing leaders of ${kind} queues...`,
    run: async ({ broker, nodeName: node }) => {
      await broker.post('rebalance/queues');
      return { kind: 'report', text: '[]', json: { node, result: 'ok', value: [] } };
    },
  },
  {
    name: 'quorum_status',
    group: 'Replication',
    text: 'Who leads a queue of the type quorum: this node, which is all of them',
    usage: '[--vhost <vhost>] <queue>',
    positionals: [1, 1],
    banner: ({ nodeName, positionals: [queue] }) => `Status of quorum queue ${queue} on node ${nodeName} ...`,
    run: quorumStatus,
  },
  {
    name: 'post_upgrade',
    group: 'Upgrades',
    text: 'What is to be done after an upgrade: nothing on one node',
    usage: '',
    positionals: [0, 0],
    banner: () => 'Executing post upgrade tasks...',
    run: async (call) => {
      await statusOf(call);
      return DONE;
    },
  },
  ...(
    [
      ['await_online_quorum_plus_one', 'a quorum + 1 of nodes to be online for all quorum queues'],
      ['await_online_synchronized_mirror', 'a synchronised mirror be online for all classic mirrored queues'],
    ] as const
  ).map(([name, what]): Command => {
    return {
      name,
      group: 'Upgrades',
      text: `Waits for ${what}, which a single node does not have to`,
      usage: '[--timeout <timeout>]',
      positionals: [0, 0],
      timeoutSeconds: UPGRADE_SECONDS,
      banner: ({ timeoutSeconds }) => `Will wait for ${what} for ${timeoutSeconds} seconds...`,
      run: async (call) => {
        await statusOf(call);
        const text = 'Target node seems to be the only one in a single node cluster, the command does not apply';
        return { kind: 'text', text };
      },
    };
  }),
];

async function quorumStatus({ broker, vhost, positionals: [name] }: RunningCall): Promise<Output> {
  const asked = broker.get(path('queues', vhost, name!));
  const queue: Json = await found(asked, failed(EXIT.unavailable, 'not_found'));
  if (queue.type !== 'quorum') throw failed(EXIT.unavailable, `queue '${name}' is not of the type quorum`);
  const row = { 'Node Name': queue.node, 'Raft State': 'leader' };
  return { kind: 'rows', columns: ['Node Name', 'Raft State'], rows: [row] };
}
