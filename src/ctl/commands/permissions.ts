/** What users may do in vhosts. */
import { checkVhost, found, noSuchVhost, path } from '../asking.ts';
import { ApiRefusal, type BrokerClient, type Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { EXIT, failed } from '../failure.ts';
import { noSuchUserTerm } from './users.ts';

const USERNAME = ['<username>', 'The name of the user.'] as const;
const PATTERNS = [
  ['<write>', 'A regular expression: what may be written to.'],
  ['<read>', 'A regular expression: what may be read from.'],
] as const;
const LISTED = '[--no-table-headers] <username> [--timeout <timeout>]';
const LISTED_IN_VHOST = '[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]';

export const permissionCommands: readonly Command[] = [
  {
    name: 'clear_permissions',
    group: 'Access control',
    text: 'Takes the permissions of a user in a vhost away',
    usage: '[--vhost <vhost>] <username>',
    positionals: [1, 1],
    explained: [USERNAME],
    banner: ({ vhost, positionals: [user] }) => `Clearing permissions for user "${user}" in vhost "${vhost}" ...`,
    run: async (call) => {
      const { broker, vhost, positionals } = call;
      await checkBoth(call);
      return cleared(broker, path('permissions', vhost, positionals[0]!));
    },
  },
  {
    name: 'clear_topic_permissions',
    group: 'Access control',
    text: 'Takes the topic permissions of a user in a vhost away, for one exchange or for all',
    usage: '[--vhost <vhost>] <username> [<exchange>]',
    positionals: [1, 2],
    explained: [USERNAME, ['<exchange>', 'The name of the exchange; without it all of them.']],
    banner: ({ vhost, positionals: [user, exchange] }) => {
      const on = exchange === undefined ? '' : ` on "${exchange}"`;
      return `Clearing topic permissions${on} for user "${user}" in vhost "${vhost}" ...`;
    },
    run: async (call) => {
      const [user, ...exchange] = call.positionals;
      await checkBoth(call);
      return cleared(call.broker, path('topic-permissions', call.vhost, user!, ...exchange));
    },
  },
  {
    name: 'list_permissions',
    group: 'Access control',
    text: 'Lists the permissions of all users in a vhost',
    usage: LISTED_IN_VHOST,
    positionals: [0, 0],
    banner: ({ vhost }) => `Listing permissions for vhost "${vhost}" ...`,
    run: ({ broker, vhost }) => {
      const asked = found(broker.get(path('vhosts', vhost, 'permissions')), noSuchVhost(vhost));
      return list(asked, ['user', 'configure', 'write', 'read']);
    },
  },
  {
    name: 'list_topic_permissions',
    group: 'Access control',
    text: 'Lists the topic permissions of all users in a vhost',
    usage: LISTED_IN_VHOST,
    positionals: [0, 0],
    banner: ({ vhost }) => `Listing topic permissions for vhost "${vhost}" ...`,
    run: ({ broker, vhost }) => {
      const asked = found(broker.get(path('vhosts', vhost, 'topic-permissions')), noSuchVhost(vhost));
      return list(asked, ['user', 'exchange', 'write', 'read']);
    },
  },
  {
    name: 'list_user_permissions',
    group: 'Access control',
    text: 'Lists the permissions of a user in all vhosts',
    usage: LISTED,
    positionals: [1, 1],
    explained: [USERNAME],
    banner: ({ positionals: [user] }) => `Listing permissions for user "${user}" ...`,
    run: ({ broker, positionals: [user] }) => {
      const asked = found(broker.get(path('users', user!, 'permissions')), noSuchUserTerm(user!));
      return list(asked, ['vhost', 'configure', 'write', 'read']);
    },
  },
  {
    name: 'list_user_topic_permissions',
    group: 'Access control',
    text: 'Lists the topic permissions of a user in all vhosts',
    usage: LISTED,
    positionals: [1, 1],
    explained: [USERNAME],
    banner: ({ positionals: [user] }) => `Listing topic permissions for user "${user}" ...`,
    run: async ({ broker, positionals: [user] }) => {
      const asked = found(broker.get(path('users', user!, 'topic-permissions')), noSuchUserTerm(user!));
      return { ...(await list(asked, ['vhost', 'exchange', 'write', 'read'])), isHeadless: true };
    },
  },
  {
    name: 'set_permissions',
    group: 'Access control',
    text: 'Lets a user into a vhost, and says what it may do there',
    usage: '[--vhost <vhost>] <username> <conf> <write> <read>',
    positionals: [4, 4],
    explained: [USERNAME, ['<conf>', 'A regular expression: what may be declared and deleted.'], ...PATTERNS],
    banner: ({ vhost, positionals: [user] }) => `Setting permissions for user "${user}" in vhost "${vhost}" ...`,
    run: async (call) => {
      const [user, configure, write, read] = call.positionals;
      await checkBoth(call);
      return granted(call.broker.put(path('permissions', call.vhost, user!), { configure, write, read }));
    },
  },
  {
    name: 'set_topic_permissions',
    group: 'Access control',
    text: 'Says which routing keys a user may use on a topic exchange',
    usage: '[--vhost <vhost>] <username> <exchange> <write> <read>',
    positionals: [4, 4],
    explained: [USERNAME, ['<exchange>', 'The name of the exchange.'], ...PATTERNS],
    banner: ({ vhost, positionals: [user, exchange] }) =>
      `Setting topic permissions on "${exchange}" for user "${user}" in vhost "${vhost}" ...`,
    run: async (call) => {
      const [user, exchange, write, read] = call.positionals;
      await checkBoth(call);
      return granted(call.broker.put(path('topic-permissions', call.vhost, user!), { exchange, write, read }));
    },
  },
];

/** @throws Failure unless there are such a user and such a vhost */
async function checkBoth({ broker, vhost, positionals: [user] }: RunningCall): Promise<void> {
  const noSuchUser = failed(EXIT.noUser, `User ${user} does not exist`);
  if (user === '') throw noSuchUser;
  await found(broker.get(path('users', user!)), noSuchUser);
  await checkVhost(broker, vhost, failed(EXIT.unavailable, `Virtual host ${vhost} does not exist`));
}

/** @throws Failure that says what is wrong with a pattern */
async function granted(asked: Promise<Json>): Promise<Output> {
  try {
    await asked;
  } catch (error) {
    if (!(error instanceof ApiRefusal) || !error.reason.startsWith('invalid_regexp')) throw error;
    throw failed(EXIT.unavailable, error.reason.replace(/^invalid_regexp: .*?: (?=invalid)/s, ''));
  }
  return DONE;
}

/** What was not there need not be taken away. */
async function cleared(broker: BrokerClient, permissions: string): Promise<Output> {
  try {
    await broker.delete(permissions);
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
  }
  return DONE;
}

async function list(asked: Promise<Json>, columns: readonly string[]) {
  return { kind: 'rows', columns, rows: await asked, isWhole: true } as const;
}
