/** RabbitMQ's plugins: what is here of them is part of the broker, and cannot be turned on or off while it runs. */
import { RABBITMQ_PLUGINS } from '../../config/rabbitmq-plugins.ts';
import { RABBITMQ_VERSION } from '../../version.ts';
import { type Call, type Command, isSilent, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, Failure, failed } from '../failure.ts';
import { statusOf } from './node-status.ts';

const GROUP = 'Plugins';
const MANY = Number.POSITIVE_INFINITY;

export const pluginCommands: readonly Command[] = [
  {
    name: 'list',
    group: GROUP,
    text: 'Lists RabbitMQ’s plugins, and which of them are part of the broker',
    usage: '[pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]',
    positionals: [0, 1],
    options: { verbose: 'flag', minimal: 'flag', enabled: 'flag', 'implicitly-enabled': 'flag' },
    letters: { v: 'verbose', m: 'minimal', E: 'enabled', e: 'implicitly-enabled' },
    explained: [
      ['[pattern]', 'A regular expression: those alone whose names it matches.'],
      ['--verbose', 'With what is here of each.'],
      ['--minimal', 'Names alone.'],
      ['--enabled', 'Those alone that are here.'],
      ['--implicitly-enabled', 'The same: none needs another.'],
    ],
    check: ({ options, positionals: [pattern] }) => {
      if (options.verbose === true && options.minimal === true) {
        throw badArgument('Cannot set both verbose and minimal');
      }
      patternOf(pattern);
    },
    banner: ({ positionals: [pattern = '.*'] }) => `Listing plugins with pattern "${pattern}" ...`,
    run: list,
  },
  {
    name: 'is_enabled',
    group: GROUP,
    text: 'Whether plugins are part of the broker, and run',
    usage: '<plugin1> [ <plugin2>]',
    positionals: [1, MANY],
    banner: ({ nodeName, positionals: names }) => {
      return `Asking node ${nodeName} if ${named(names)} ${areOf(names)} enabled...`;
    },
    run: isEnabled,
  },
  {
    name: 'enable',
    group: GROUP,
    text: 'Makes sure that plugins are there; what is not part of the broker is refused',
    usage: '<plugin1> [ <plugin2>]',
    positionals: [1, MANY],
    banner: enablingText,
    run: enable,
  },
  {
    name: 'set',
    group: GROUP,
    text: 'The same as enable: what is part of the broker stays, named or not',
    usage: '<plugin1> [ <plugin2>]',
    positionals: [0, MANY],
    banner: enablingText,
    run: enable,
  },
  {
    name: 'disable',
    group: GROUP,
    text: 'Takes what is not there anyway; what is part of the broker is refused',
    usage: '<plugin1> [ <plugin2>]',
    positionals: [1, MANY],
    banner: ({ nodeName, positionals: names }) => [`Disabling plugins on node ${nodeName}:`, ...names].join('\n'),
    run: disable,
  },
];

/** @throws ArgumentFailure */
function patternOf(text = '.*'): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw badArgument((error as Error).message);
  }
}

async function list(call: RunningCall): Promise<Output> {
  const { nodeName, options, positionals, program } = call;
  const active = await activePlugins(call);
  const pattern = patternOf(positionals[0]);
  const onlyActive = options.enabled === true || options['implicitly-enabled'] === true;
  const names = RABBITMQ_PLUGINS.filter((name) => pattern.test(name) && (!onlyActive || active.has(name)));
  const format = options.minimal === true ? 'minimal' : options.verbose === true ? 'verbose' : 'normal';
  const plugins = names.map((name) => ({
    name,
    enabled: active.has(name) ? 'enabled' : 'not_enabled',
    running: active.has(name),
    version: RABBITMQ_VERSION,
  }));
  const lines =
    format === 'minimal' ? names : [...legendFor(call, nodeName), ...pluginLines(names, active, format, program)];
  return { kind: 'report', text: lines.join('\n'), json: { format, plugins } };
}

function legendFor({ options }: Call, nodeName: string): string[] {
  if (options.quiet === true || options.silent === true) return [];
  return [
    ' Configured: E = explicitly enabled; e = implicitly enabled',
    ` | Status: * = running on ${nodeName}`,
    ' |/',
  ];
}

function pluginLines(names: readonly string[], active: ReadonlySet<string>, format: string, program: string): string[] {
  const width = Math.max(0, ...names.map(({ length }) => length));
  return names.flatMap((name) => {
    const mark = active.has(name) ? '[E*]' : '[  ]';
    if (format !== 'verbose') return [`${mark} ${name.padEnd(width)} ${RABBITMQ_VERSION}`];
    const what = active.has(name) ? 'part of the broker' : `not running: see '${program} help enable'`;
    return [`${mark} ${name}`, `     Version:     \t${RABBITMQ_VERSION}`, `     Description: \t${what}`];
  });
}

async function activePlugins(call: RunningCall): Promise<ReadonlySet<string>> {
  const { active_plugins: names } = await statusOf(call);
  return new Set(names);
}

function named(names: readonly string[]): string {
  return `${names.length === 1 ? 'plugin' : 'plugins'} ${names.join(', ')}`;
}

function areOf({ length }: readonly string[]): string {
  return length === 1 ? 'is' : 'are';
}

async function isEnabled(call: RunningCall): Promise<Output> {
  const { nodeName, positionals: names } = call;
  const active = await activePlugins(call);
  const missing = names.filter((name) => !active.has(name));
  const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1);
  if (missing.length === 0) {
    const message = `${capital(named(names))} ${areOf(names)} enabled on node ${nodeName}`;
    return { kind: 'report', text: message, json: { message, result: 'ok' } };
  }
  const known = `Enabled plugins and dependencies: ${[...active].sort().join(', ')}`;
  const message = `${capital(named(missing))} ${areOf(missing)} not enabled on node ${nodeName}. ${known}`;
  const text = isSilent(call) ? '' : `Error:\n${message}`;
  throw new Failure(EXIT.unavailable, text, { json: { message, result: 'error' } });
}

function enablingText({ nodeName, positionals: names }: Call): string {
  return [`Enabling plugins on node ${nodeName}:`, ...names].join('\n');
}

/** @throws Failure for what is not part of the broker */
async function enable(call: RunningCall): Promise<Output> {
  const { positionals: names, nodeName } = call;
  const unknown = names.filter((name) => !RABBITMQ_PLUGINS.includes(name));
  if (unknown.length > 0) {
    throw failed(EXIT.software, `{:plugins_not_found, [${unknown.map((name) => `:${name}`).join(', ')}]}`);
  }
  const active = await activePlugins(call);
  const missing = names.filter((name) => !active.has(name));
  if (missing.length > 0) {
    const advice = 'what listens by itself is turned on by its settings, and other plugins are not there';
    throw failed(EXIT.unavailable, `${named(missing)} cannot be enabled while the broker runs: ${advice}`);
  }
  return unchanged(active, nodeName);
}

async function disable(call: RunningCall): Promise<Output> {
  const { positionals: names, nodeName } = call;
  const active = await activePlugins(call);
  const there = names.filter((name) => active.has(name));
  if (there.length > 0) {
    throw failed(
      EXIT.unavailable,
      `${named(there)} cannot be disabled: ${there.length === 1 ? 'it is' : 'they are'} part of the broker`,
    );
  }
  return unchanged(active, nodeName);
}

function unchanged(active: ReadonlySet<string>, nodeName: string): Output {
  const set = [...active].sort();
  const text = [
    'The following plugins have been configured:',
    ...set.map((name) => `  ${name}`),
    `Applying plugin configuration to ${nodeName}...`,
    'Plugin configuration unchanged.',
  ].join('\n');
  return { kind: 'report', text, json: { mode: 'online', set, started: [], stopped: [] } };
}
