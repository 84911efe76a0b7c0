/** Policies, and those of operators. */
import { checkVhost, found, noSuchVhost, objectIn, path, sortedJson } from '../asking.ts';
import { ApiRefusal, type Json } from '../broker-client.ts';
import { type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { EXIT, failed } from '../failure.ts';
import { noSuchParameter } from './parameters.ts';

interface Kind {
  /** In names of commands: `set_policy`, `set_operator_policy`. */
  readonly name: string;
  readonly plural: string;
  /** In the API. */
  readonly path: string;
  /** In texts of RabbitMQ. */
  readonly called: string;
  readonly whenSet: string;
  readonly whenListed: string;
  readonly text: string;
}

const KINDS: readonly Kind[] = [
  {
    name: 'policy',
    plural: 'policies',
    path: 'policies',
    called: 'policy',
    whenSet: 'policy',
    whenListed: 'policies',
    text: 'a policy',
  },
  {
    name: 'operator_policy',
    plural: 'operator_policies',
    path: 'operator-policies',
    called: 'operator policy',
    whenSet: 'operator policy override',
    whenListed: 'operator policy overrides',
    text: 'an operator policy, which goes before the policies of users where it is stricter',
  },
];

const COLUMNS = ['vhost', 'name', 'pattern', 'apply-to', 'definition', 'priority'];
const NAME = ['<name>', 'The name of the policy.'] as const;

export const policyCommands: readonly Command[] = KINDS.flatMap(commandsOf);

function commandsOf(kind: Kind): Command[] {
  return [
    {
      name: `clear_${kind.name}`,
      group: 'Policies',
      text: `Deletes ${kind.name === 'policy' ? 'a policy' : 'an operator policy'}`,
      usage: '[--vhost <vhost>] <name>',
      positionals: [1, 1],
      explained: [NAME],
      banner: ({ vhost, positionals: [name] }) => `Clearing ${kind.called} "${name}" on vhost "${vhost}" ...`,
      run: async ({ broker, vhost, positionals: [name] }) => {
        await found(broker.delete(path(kind.path, vhost, name!)), noSuchParameter());
        return DONE;
      },
    },
    {
      name: `list_${kind.plural}`,
      group: 'Policies',
      text: `Lists the ${kind.name === 'policy' ? 'policies' : 'operator policies'} of a vhost`,
      usage: '[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]',
      positionals: [0, 0],
      banner: ({ vhost }) => `Listing ${kind.whenListed} for vhost "${vhost}" ...`,
      run: (call) => list(call, kind),
    },
    {
      name: `set_${kind.name}`,
      group: 'Policies',
      text: `Makes or changes ${kind.text}`,
      usage: '[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>',
      positionals: [3, 3],
      options: { priority: 'integer', 'apply-to': 'text' },
      explained: [
        NAME,
        ['<pattern>', 'A regular expression over names.'],
        ['<definition>', 'JSON: keys and values, such as {"max-length":1000}.'],
        ['--priority', 'Of several that fit, the one with the highest applies. Without it: 0'],
        ['--apply-to', 'queues, exchanges, or all, which is what it is without it.'],
      ],
      banner: ({ vhost, positionals: [name, pattern, definition], options: { priority = 0 } }) => {
        const what = `${kind.whenSet} "${name}" for pattern "${pattern}"`;
        return `Setting ${what} to "${definition}" with priority "${priority}" for vhost "${vhost}" ...`;
      },
      run: (call) => set(call, kind),
    },
  ];
}

async function list({ broker, vhost }: RunningCall, kind: Kind): Promise<Output> {
  await checkVhost(broker, vhost);
  const policies: Json[] = await broker.get(path(kind.path, vhost));
  const rows = policies.map((policy) => ({ ...policy, definition: sortedJson(policy.definition) }));
  return { kind: 'rows', columns: COLUMNS, rows, isWhole: true };
}

async function set({ broker, vhost, positionals, options }: RunningCall, kind: Kind): Promise<Output> {
  const [name, pattern, definition] = positionals;
  const { priority = 0, 'apply-to': applyTo = 'all' } = options;
  const policy = { pattern, definition: objectIn(definition!), priority, 'apply-to': applyTo };
  try {
    await found(broker.put(path(kind.path, vhost, name!), policy), noSuchVhost(vhost));
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 400) throw error;
    // What the API says may be shown by a browser.
    throw failed(EXIT.unavailable, error.reason.replaceAll('&lt;', '<').replaceAll('&gt;', '>'));
  }
  return DONE;
}
