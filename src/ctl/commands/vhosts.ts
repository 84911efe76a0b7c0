/** Vhosts, and what they are limited to. */
import { checkVhost, found, noSuchVhost, objectIn, path, sortedJson } from '../asking.ts';
import { ApiRefusal, type BrokerClient, type Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { EXIT, failed } from '../failure.ts';
import { noSuchParameter } from './parameters.ts';

const VHOST = ['<vhost>', 'The name of the vhost.'] as const;
const COLUMNS = ['name', 'description', 'tags', 'default_queue_type', 'tracing', 'cluster_state'];
const QUEUE_TYPES = ['classic', 'quorum'];

export const vhostCommands: readonly Command[] = [
  {
    name: 'add_vhost',
    group: 'Virtual hosts',
    text: 'Makes a vhost; one that is there stays as it is',
    usage:
      '<vhost> [--description <description> --tags "<tag1>,<tag2>,<...>" --default-queue-type <quorum|classic|stream>]',
    positionals: [1, 1],
    options: { description: 'text', tags: 'text', 'default-queue-type': 'text' },
    explained: [
      VHOST,
      ['--default-queue-type', 'What queues become that are declared without a type: classic or quorum.'],
    ],
    banner: ({ positionals: [name] }) => `Adding vhost "${name}" ...`,
    run: addVhost,
  },
  {
    name: 'clear_vhost_limits',
    group: 'Virtual hosts',
    text: 'Takes the limits of a vhost away',
    usage: '[--vhost <vhost>]',
    positionals: [0, 0],
    banner: ({ vhost }) => `Clearing vhost "${vhost}" limits ...`,
    run: async ({ broker, vhost }) => {
      await found(broker.delete(limitsPath(vhost)), noSuchParameter());
      return DONE;
    },
  },
  {
    name: 'delete_vhost',
    group: 'Virtual hosts',
    text: 'Deletes a vhost with all that is in it, and closes the connections to it',
    usage: '<vhost>',
    positionals: [1, 1],
    explained: [VHOST],
    banner: ({ positionals: [name] }) => `Deleting vhost "${name}" ...`,
    run: async ({ broker, positionals: [name] }) => {
      if (name === '') throw noSuchVhost('');
      await found(broker.delete(path('vhosts', name!)), noSuchVhost(name!));
      return DONE;
    },
  },
  {
    name: 'list_vhost_limits',
    group: 'Virtual hosts',
    text: 'Lists the limits of a vhost, or of all that have any',
    usage: '[--vhost <vhost>] [--global] [--no-table-headers]',
    positionals: [0, 0],
    options: { global: 'flag' },
    explained: [['--global', 'Of all vhosts.']],
    banner: ({ vhost, options }) =>
      `Listing limits for ${options.global === true ? 'all vhosts' : `vhost "${vhost}"`} ...`,
    run: listLimits,
  },
  {
    name: 'list_vhosts',
    group: 'Access control',
    text: 'Lists vhosts',
    usage: '[--no-table-headers] [<column> ...] [--timeout <timeout>]',
    positionals: [0, Number.POSITIVE_INFINITY],
    columns: { byDefault: ['name'], all: COLUMNS },
    banner: () => 'Listing vhosts ...',
    run: ({ broker, columns }) => ({ kind: 'rows', columns, rows: broker.list(`vhosts?columns=${columns}`) as never }),
  },
  {
    name: 'restart_vhost',
    group: 'Virtual hosts',
    text: 'Starts a vhost that has failed; those of a broker start with it',
    usage: '[--vhost <vhost>] [--timeout <timeout>]',
    positionals: [0, 0],
    banner: ({ vhost, nodeName }) => `Trying to restart vhost '${vhost}' on node '${nodeName}' ...`,
    run: restart,
  },
  {
    name: 'set_vhost_limits',
    group: 'Virtual hosts',
    text: 'Limits the connections and queues of a vhost, and takes other limits away',
    usage: '[--vhost <vhost>] <definition>',
    positionals: [1, 1],
    explained: [['<definition>', 'JSON with max-connections or max-queues in it; below zero is no limit.']],
    banner: ({ vhost, positionals: [limits] }) => `Setting vhost limits to "${limits}" for vhost "${vhost}" ...`,
    run: async ({ broker, vhost, positionals: [definition] }) => {
      await found(broker.put(limitsPath(vhost), { value: objectIn(definition!) }), noSuchVhost(vhost));
      return DONE;
    },
  },
  {
    name: 'set_vhost_tags',
    group: 'Virtual hosts',
    text: 'Gives a vhost these tags and no others',
    usage: '<vhost> <tag> [...]',
    positionals: [1, Number.POSITIVE_INFINITY],
    explained: [VHOST],
    banner: ({ positionals: [name, ...tags] }) => `Setting tags for virtual host "${name}" to [${tags.join(', ')}] ...`,
    run: setTags,
  },
];

function limitsPath(vhost: string): string {
  return path('parameters', 'vhost-limits', vhost, 'limits');
}

async function addVhost({ broker, positionals: [name], options }: RunningCall): Promise<Output> {
  const { description = '', tags = '', 'default-queue-type': queueType } = options;
  if (queueType !== undefined && !QUEUE_TYPES.includes(String(queueType))) {
    throw failed(EXIT.unavailable, `invalid_queue_type`);
  }
  if (name === '') throw failed(EXIT.unavailable, 'a vhost needs a name');
  if ((await findVhost(broker, name!)) !== undefined) return DONE;
  const type = queueType === undefined ? {} : { default_queue_type: queueType };
  const list = String(tags)
    .split(',')
    .map((tag) => tag.trim());
  const vhost = { name, description, tags: list.filter((tag) => tag !== ''), ...type };
  await broker.post('definitions', { vhosts: [vhost] });
  return DONE;
}

async function findVhost(broker: BrokerClient, name: string): Promise<Json | undefined> {
  try {
    return await broker.get(path('vhosts', name));
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

/** The API takes description and tags of a new vhost only; a definitions file also those of one that is there. */
async function setTags({ broker, positionals: [name, ...tags] }: RunningCall): Promise<Output> {
  const vhost = await findVhost(broker, name!);
  if (vhost === undefined) throw failed(EXIT.data, `Virtual host "${name}" does not exist`);
  const { description, tracing, default_queue_type: type } = vhost;
  const kept = { name, description, tracing, ...(type === 'undefined' ? {} : { default_queue_type: type }) };
  await broker.post('definitions', { vhosts: [{ ...kept, tags }] });
  return DONE;
}

async function listLimits({ broker, vhost, options }: RunningCall): Promise<Output> {
  if (options.global === true) {
    const limited: Json[] = await broker.get('vhost-limits');
    const rows = limited.map(({ vhost, value }) => ({ vhost, limits: sortedJson(value) }));
    return { kind: 'rows', columns: ['vhost', 'limits'], rows, isWhole: true };
  }
  const [limited] = await found(broker.get(path('vhost-limits', vhost)), noSuchVhost(vhost));
  if (limited !== undefined) return { kind: 'value', value: sortedJson(limited.value) };
  return { kind: 'rows', columns: [], rows: [], isWhole: true };
}

async function restart({ broker, vhost, nodeName }: RunningCall): Promise<Output> {
  const { node } = await broker.get('overview?columns=node');
  const refusal = `Failed to start vhost '${vhost}' on node '${nodeName}'Reason: {:no_such_vhost, "${vhost}"}`;
  await checkVhost(broker, vhost, failed(EXIT.software, refusal));
  await broker.post(path('vhosts', vhost, 'start', node));
  return { kind: 'text', text: `Vhost '${vhost}' is already running on node '${nodeName}'` };
}
