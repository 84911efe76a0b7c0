/** Running a broker in the foreground: settings from a file and the command line, a few lines on what it is, a clean end. */
import { readFileSync } from 'node:fs';
import { type Broker, type BrokerOptions, startBroker, VERSION } from '../broker.ts';
import type { Settings } from '../config/settings.ts';
import { readSettingsFile } from '../config/settings-file.ts';
import type { ServeFlags } from './serve-options.ts';
import { StopSignals } from './stop-signals.ts';

/** What the shell sees when one of these signals ends the process at once: 128 and the signal's number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** Users that are named when the broker starts. */
const NAMED_USERS = 3;

/** Resolves when the broker has stopped. @throws Error that says what to do. */
export async function serve(flags: ServeFlags): Promise<void> {
  const broker = await startBroker(brokerOptions(flags));
  const stopped = untilSignal(broker);
  describe(broker);
  await stopped;
}

function brokerOptions({ config, port, host, memory = false, ...given }: ServeFlags): BrokerOptions {
  const inFile = config === undefined ? {} : readSettingsFile(config, readConfigurationFile(config));
  const { listener, loadDefinitions, dataDir, ...settings }: Settings = { ...inFile, ...given };
  const { defaultUser, defaultPassword, clusterName, logLevel, confirmWhen, ...others } = settings;
  const { messageMemoryBytes, journalFileBytes, ...limits } = others;
  return withoutUndefined({
    ...listener,
    ...withoutUndefined({ port, host }),
    ...(memory ? { memory } : { dataDir }),
    defaultUser,
    defaultPassword,
    clusterName,
    definitions: loadDefinitions === undefined ? undefined : readDefinitionsFile(loadDefinitions),
    logLevel,
    confirmWhen,
    messageMemoryBytes,
    journalFileBytes,
    limits,
  });
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function readConfigurationFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`--config ${path} cannot be read: ${(error as Error).message}`);
  }
}

function readDefinitionsFile(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`load_definitions = ${path}: ${(error as Error).message}`);
  }
}

function describe(broker: Broker): void {
  const host = broker.host.includes(':') ? `[${broker.host}]` : broker.host;
  const lines = [
    `Leveret ${VERSION}`,
    `  listens on   amqp://${host}:${broker.port}`,
    `  data         ${broker.dataDir ?? 'in memory, gone when it stops'}`,
    `  users        ${describeUsers(broker.users)}`,
    `  ready in ${Math.round(performance.now())} ms; Ctrl-C stops it`,
  ];
  console.log(lines.join('\n'));
  for (const text of broker.damage) console.error(`leveret: ${text}`);
}

function describeUsers(users: readonly string[]): string {
  const named = users.slice(0, NAMED_USERS).map((user) => {
    return user === 'guest' ? 'guest (from this machine only; password guest unless it was changed)' : user;
  });
  if (users.length > NAMED_USERS) named.push(`${users.length - NAMED_USERS} more`);
  return named.length === 0 ? 'none: nobody can log in' : named.join(', ');
}

function untilSignal(broker: Broker): Promise<void> {
  return new Promise((done, failed) => {
    const signals = new StopSignals();
    for (const signal of Object.keys(EXIT_CODES) as StopSignal[]) {
      process.on(signal, () => {
        const meaning = signals.take(performance.now());
        if (meaning === 'echo') return;
        if (meaning === 'end-at-once') process.exit(EXIT_CODES[signal]);
        console.log(`Leveret: ${signal}, stopping`);
        broker.stop().then(done, failed);
      });
    }
  });
}
