/** Users: their passwords, tags and limits. */
import { hashPassword } from '../../auth/passwords.ts';
import { found, objectIn, path, sortedJson } from '../asking.ts';
import { ApiRefusal, type BrokerClient, type Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, type Failure, failed } from '../failure.ts';
import { readPassword } from '../password.ts';

const USERNAME = ['<username>', 'The name of the user.'] as const;
const PASSWORD = ['<password>', 'Asked for, or read from standard input, when it is left out.'] as const;
const LIMITS = ['max-connections', 'max-channels'] as const;

export const userCommands: readonly Command[] = [
  {
    name: 'add_user',
    group: 'Users',
    text: 'Creates a user, who has no permissions yet',
    usage: '<username> <password>',
    positionals: [1, 2],
    options: { 'pre-hashed-password': 'flag' },
    explained: [
      USERNAME,
      [
        '<password>',
        'Asked for, or read from standard input, when it is left out. An empty one cannot be logged in with.',
      ],
      ['--pre-hashed-password', 'The password is a hash, as in definitions and from hash_password.'],
    ],
    check: ({ positionals: [name] }) => {
      if (name === '') throw badArgument('user cannot be an empty string');
    },
    banner: ({ positionals: [name] }) => `Adding user "${name}" ...`,
    run: addUser,
  },
  {
    name: 'authenticate_user',
    group: 'Users',
    text: 'Tries a name and a password, and fails unless they fit',
    usage: '<username> <password>',
    positionals: [1, 2],
    explained: [USERNAME, PASSWORD],
    banner: ({ positionals: [name] }) => `Authenticating user "${name}" ...`,
    run: authenticate,
  },
  {
    name: 'change_password',
    group: 'Users',
    text: 'Gives a user another password',
    usage: '<username> <password>',
    positionals: [1, 2],
    explained: [USERNAME, PASSWORD],
    banner: ({ positionals: [name] }) => `Changing password for user "${name}" ...`,
    run: async (call) => {
      const [name, given] = call.positionals;
      const password = given ?? (await readPassword(call));
      return changed(call.broker, name!, noSuchUser(name!), () => credentialsOf(password));
    },
  },
  {
    name: 'clear_password',
    group: 'Users',
    text: 'Takes a user’s password away, so that no password fits',
    usage: '<username>',
    positionals: [1, 1],
    explained: [USERNAME],
    banner: ({ positionals: [name] }) => `Clearing password for user "${name}" ...`,
    run: ({ broker, positionals: [name] }) => changed(broker, name!, noSuchUserTerm(name!), () => NO_PASSWORD),
  },
  {
    name: 'clear_user_limits',
    group: 'Users',
    text: 'Takes limits of a user away',
    usage: '<username> <limit_type> | all',
    positionals: [2, 2],
    explained: [USERNAME, ['<limit_type>', `One of ${LIMITS.join(', ')}.`]],
    banner: ({ positionals: [name, limit] }) =>
      `Clearing ${limit === 'all' ? 'all limits' : `"${limit}" limit`} for user "${name}" ...`,
    run: async ({ broker, positionals: [name, limit] }) => {
      const limits = limit === 'all' ? LIMITS : [limit!];
      for (const each of limits) await found(broker.delete(path('user-limits', name!, each)), noSuchUserTerm(name!));
      return DONE;
    },
  },
  {
    name: 'delete_user',
    group: 'Users',
    text: 'Deletes a user, and closes its connections',
    usage: '<username>',
    positionals: [1, 1],
    explained: [USERNAME],
    banner: ({ positionals: [name] }) => `Deleting user "${name}" ...`,
    run: async ({ broker, positionals: [name] }) => {
      if (name === '') throw noSuchUser('');
      await found(broker.delete(path('users', name!)), noSuchUser(name!));
      return DONE;
    },
  },
  {
    name: 'hash_password',
    group: 'Users',
    text: 'Prints the hash of a password, for definitions and --pre-hashed-password',
    usage: '<password>',
    positionals: [0, 1],
    explained: [PASSWORD],
    needsNoBroker: true,
    run: async (call) => ({ kind: 'text', text: hashPassword(call.positionals[0] ?? (await readPassword(call))) }),
  },
  {
    name: 'list_user_limits',
    group: 'Users',
    text: 'Lists the limits of a user, or of all that have any',
    usage: '[--user <username>] [--global]',
    positionals: [0, 0],
    options: { user: 'text', global: 'flag' },
    explained: [
      ['<username>', 'The user; guest when it is left out.'],
      ['--global', 'Of all users.'],
    ],
    banner: ({ options }) =>
      `Listing limits for ${options.global === true ? 'all users' : `user "${options.user ?? 'guest'}"`} ...`,
    run: listUserLimits,
  },
  {
    name: 'list_users',
    group: 'Users',
    text: 'Lists users and their tags',
    usage: '[--no-table-headers] [--timeout <timeout>]',
    positionals: [0, 0],
    banner: () => 'Listing users ...',
    run: async ({ broker }) => {
      const users: Json[] = await broker.get('users');
      const rows = users.map(({ name, tags }) => ({ user: name, tags }));
      return { kind: 'rows', columns: ['user', 'tags'], rows, isWhole: true };
    },
  },
  {
    name: 'set_user_limits',
    group: 'Users',
    text: 'Limits the connections and channels of a user',
    usage: '<username> <definition>',
    positionals: [2, 2],
    explained: [USERNAME, ['<definition>', `JSON with ${LIMITS.join(' or ')} in it; below zero is no limit.`]],
    banner: ({ positionals: [name, limits] }) => `Setting user limits to "${limits}" for user "${name}" ...`,
    run: async ({ broker, positionals: [name, definition] }) => {
      const limits = Object.entries(objectIn(definition!));
      await userNamed(broker, name!, noSuchUserTerm(name!));
      for (const [limit, value] of limits) await broker.put(path('user-limits', name!, limit), { value });
      return DONE;
    },
  },
  {
    name: 'set_user_tags',
    group: 'Users',
    text: 'Gives a user these tags and no others',
    usage: '<username> <tag> [...]',
    positionals: [1, Number.POSITIVE_INFINITY],
    explained: [USERNAME, ['<tag>', 'Such as administrator, monitoring, policymaker, management.']],
    banner: ({ positionals: [name, ...tags] }) => `Setting tags for user "${name}" to [${tags.join(', ')}] ...`,
    run: ({ broker, positionals: [name, ...tags] }) => {
      return changed(broker, name!, noSuchUser(name!), () => ({ tags: tags.filter((tag) => tag !== '') }));
    },
  },
];

/** What the API takes for no password at all. */
const NO_PASSWORD = { password_hash: '' };

function credentialsOf(password: string): object {
  return password === '' ? NO_PASSWORD : { password };
}

function noSuchUser(name: string): Failure {
  return failed(EXIT.noUser, `User "${name}" does not exist`);
}

/** Some of RabbitMQ's commands print what Erlang calls it. */
export function noSuchUserTerm(name: string): Failure {
  return failed(EXIT.unavailable, `{:no_such_user, "${name}"}`);
}

function userNamed(broker: BrokerClient, name: string, otherwise: Failure): Promise<Json> {
  return found(broker.get(path('users', name)), otherwise);
}

async function addUser(call: RunningCall): Promise<Output> {
  const { broker, options, program } = call;
  const [name, given] = call.positionals;
  const password = given ?? (await readPassword(call));
  const isThere = await userNamed(broker, name!, noSuchUser(name!)).then(
    () => true,
    (error) => {
      if (error.exitCode === EXIT.noUser) return false;
      throw error;
    },
  );
  if (isThere) throw failed(EXIT.software, `User "${name}" already exists`);
  const credentials = options['pre-hashed-password'] === true ? { password_hash: password } : credentialsOf(password);
  await broker.put(path('users', name!), { ...credentials, tags: [] });
  const advice = `Don't forget to grant the user permissions to some virtual hosts!`;
  const text = `Done. ${advice} See '${program} help set_permissions' to learn more.`;
  return { kind: 'message', text };
}

/** The API takes a user as a whole: what is not changed is sent back as it was. */
async function changed(broker: BrokerClient, name: string, otherwise: Failure, change: () => object): Promise<Output> {
  const { password_hash, hashing_algorithm, tags } = await userNamed(broker, name, otherwise);
  const changes = change();
  const kept = 'password' in changes ? { tags } : { password_hash, hashing_algorithm, tags };
  await broker.put(path('users', name), { ...kept, ...changes });
  return DONE;
}

async function authenticate(call: RunningCall): Promise<Output> {
  const [username, given] = call.positionals;
  const password = given ?? (await readPassword(call));
  try {
    await call.broker.post('operate/authenticate', { username, password });
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 400) throw error;
    throw failed(EXIT.data, `Error: failed to authenticate user "${username}"\n${error.reason}`);
  }
  return { kind: 'text', text: 'Success' };
}

async function listUserLimits({ broker, options }: RunningCall): Promise<Output> {
  if (options.global === true) {
    const limited: Json[] = await broker.get('user-limits');
    const rows = limited.map(({ user, value }) => ({ user, limits: sortedJson(value) }));
    return { kind: 'rows', columns: ['user', 'limits'], rows, isWhole: true };
  }
  const name = String(options.user ?? 'guest');
  const [limited] = await found(broker.get(path('user-limits', name)), noSuchUserTerm(name));
  return { kind: 'text', text: sortedJson(limited?.value ?? {}) };
}
