/** Running a broker in the foreground: settings from a file and the command line, a few lines on what it is, a clean end. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Broker, type BrokerOptions, startBroker, VERSION } from '../broker.ts';
import { SETTINGS, type SettingName, type Settings, setSetting } from '../config/settings.ts';
import { readSettingsFile } from '../config/settings-file.ts';

interface Flags extends Partial<Record<SettingName, string>> {
  readonly config?: string;
  readonly port?: string;
  readonly host?: string;
  readonly memory?: boolean;
}

/** Flags that fill a setting of the schema; what has no flag is set in a file. */
const FLAGS: readonly (readonly [flag: string, name: SettingName])[] = [
  ['--data-dir <directory>', 'dataDir'],
  ['--default-user <name>', 'defaultUser'],
  ['--default-password <password>', 'defaultPassword'],
  ['--cluster-name <name>', 'clusterName'],
  ['--load-definitions <file>', 'loadDefinitions'],
  ['--log-level <level>', 'logLevel'],
  ['--confirm-when <when>', 'confirmWhen'],
  ['--message-memory-bytes <bytes>', 'messageMemoryBytes'],
];

export function addServeOptions(command: Command): Command {
  command
    .option('--config <file>', 'settings in the form of rabbitmq.conf; flags go before them')
    .option('--port <port>', 'TCP port; 0 takes a free one (default: 5672)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .addOption(new Option('--memory', 'keep everything in memory, leave nothing behind').conflicts('dataDir'));
  for (const [flag, name] of FLAGS) {
    const { text, default: fallback } = SETTINGS[name] as { text: string; default?: string };
    command.option(flag, fallback === undefined ? text : `${text} (default: ${fallback})`);
  }
  return command;
}

/** Resolves when the broker has stopped. @throws Error that says what to do. */
export async function serve(flags: Flags): Promise<void> {
  const startedAt = performance.now();
  const settings = readSettings(flags);
  const broker = await startBroker(brokerOptions(settings, flags));
  const stopped = untilSignal(broker);
  describe(broker, settings, performance.now() - startedAt);
  await stopped;
}

function readSettings(flags: Flags): Settings {
  const settings = flags.config === undefined ? {} : readSettingsFile(flags.config, readFileSync(flags.config, 'utf8'));
  for (const [, name] of FLAGS) {
    const text = flags[name];
    if (text !== undefined) setSetting(settings, name, text);
  }
  if (flags.port !== undefined)
    setSetting(settings, 'listener', `${settings.listener?.host ?? '127.0.0.1'}:${flags.port}`);
  if (flags.host !== undefined) settings.listener = { host: flags.host, port: settings.listener?.port ?? 5672 };
  return settings;
}

function brokerOptions(settings: Settings, { memory }: Flags): BrokerOptions {
  const { listener, dataDir, defaultUser, defaultPassword, clusterName, logLevel, ...others } = settings;
  const { confirmWhen, messageMemoryBytes, loadDefinitions, ...limits } = others;
  const given = {
    dataDir,
    defaultUser,
    defaultPassword,
    clusterName,
    logLevel,
    confirmWhen,
    messageMemoryBytes,
    definitions: loadDefinitions === undefined ? undefined : readDefinitionsFile(loadDefinitions),
    memory,
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...listener, ...present, limits };
}

function readDefinitionsFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`load_definitions = ${path}: ${(error as Error).message}`);
  }
}

function describe(broker: Broker, settings: Settings, tookMs: number): void {
  const lines = [
    `Leveret ${VERSION}`,
    `  listens on   amqp://${broker.host}:${broker.port}`,
    `  data         ${broker.dataDir ?? 'in memory, gone when it stops'}`,
    firstUserLine(settings),
    `  ready in ${Math.round(tookMs)} ms; Ctrl-C stops it`,
  ];
  console.log(lines.join('\n'));
  for (const text of broker.damage) console.error(`leveret: ${text}`);
}

function firstUserLine({ loadDefinitions, defaultUser: user = 'guest' }: Settings): string {
  if (loadDefinitions !== undefined) return `  users        from ${loadDefinitions}`;
  return `  first user   ${user}${user === 'guest' ? ' (password guest unless it was changed; from this machine only)' : ''}`;
}

/** The first SIGTERM or SIGINT stops the broker in order, a second one ends the process at once. */
function untilSignal(broker: Broker): Promise<void> {
  return new Promise((done, failed) => {
    const stop = (signal: NodeJS.Signals): void => {
      process.once('SIGTERM', () => process.exit(143));
      process.once('SIGINT', () => process.exit(130));
      console.log(`Leveret: ${signal}, stopping`);
      broker.stop().then(done, failed);
    };
    const onTerm = (): void => end('SIGTERM');
    const onInt = (): void => end('SIGINT');
    const end = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', onTerm);
      process.off('SIGINT', onInt);
      stop(signal);
    };
    process.on('SIGTERM', onTerm);
    process.on('SIGINT', onInt);
  });
}
