/** Running a broker in the foreground: settings from a file and the command line, a few lines on what it is, a clean end. */
import { readFileSync } from 'node:fs';
import {
  type Broker,
  type BrokerOptions,
  type Limits,
  type Listener,
  type StatisticsOptions,
  startBroker,
  VERSION,
} from '../broker.ts';
import { DEFAULT_LIMITS } from '../config/limits.ts';
import type { Settings } from '../config/settings.ts';
import { readSettingsFile } from '../config/settings-file.ts';
import { alarmOptions } from './alarm-settings.ts';
import { HangUp } from './hang-up.ts';
import { listeningOptions, given as withoutUndefined } from './listening-options.ts';
import { logOptions } from './log-settings.ts';
import { managementOptions } from './management-options.ts';
import type { ServeFlags } from './serve-options.ts';
import { StopSignals } from './stop-signals.ts';

/** What the shell sees when one of these signals ends the process at once: 128 and the signal's number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** Users that are named when the broker starts. */
const NAMED_USERS = 3;

/** Resolves when the broker has stopped. @throws Error that says what to do. */
export async function serve(flags: ServeFlags): Promise<void> {
  const options = brokerOptions(flags);
  const broker = await startBroker(options);
  const stopped = untilSignal(broker);
  describe(broker, options);
  await stopped;
}

function brokerOptions({
  config,
  port,
  host,
  memory = false,
  withoutManagement = false,
  ...given
}: ServeFlags): BrokerOptions {
  const inFile = config === undefined ? {} : readSettingsFile(config, readConfigurationFile(config));
  const settings: Settings = { ...inFile, ...given };
  const { loadDefinitions, dataDir, defaultUser, defaultPassword, clusterName, confirmWhen } = settings;
  const { messageMemoryBytes, journalFileBytes } = settings;
  // Who leaves the choice of the port to the system starts several, and means this one, too.
  const freePort = port === 0 ? port : undefined;
  return withoutUndefined({
    ...listeningOptions(settings, { port, host }),
    ...(memory ? { memory } : { dataDir }),
    defaultUser,
    defaultPassword,
    defaultUserTags: settings.defaultUserTags,
    defaultVhost: settings.defaultVhost,
    defaultPermissions: withoutUndefined({
      configure: settings.defaultConfigure,
      write: settings.defaultWrite,
      read: settings.defaultRead,
    }),
    nodeName: settings.nodeName,
    clusterName,
    definitions: loadDefinitions === undefined ? undefined : readDefinitionsFile(loadDefinitions),
    logging: logOptions(settings, memory ? undefined : (dataDir ?? 'data')),
    confirmWhen,
    messageMemoryBytes,
    journalFileBytes,
    ...(withoutManagement ? {} : { management: managementOptions(settings, freePort) }),
    limits: limitsIn(settings),
    alarms: alarmOptions(settings),
    statistics: statisticsIn(settings),
  });
}

function limitsIn(settings: Settings): Partial<Limits> {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  return Object.fromEntries(names.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])));
}

function statisticsIn(settings: Settings): Partial<StatisticsOptions> {
  const { collectStatistics: collect, forceFineStatistics: force, ratesMode, statisticsIntervalMs } = settings;
  return withoutUndefined({ collect, force, ratesMode, intervalMs: statisticsIntervalMs });
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

function describe(broker: Broker, { loopbackUsers }: BrokerOptions): void {
  const lines = [
    `Leveret ${VERSION}`,
    ...broker.listeners.map(describeListener),
    ...(broker.managementUrl === null ? [] : [`  HTTP API     ${broker.managementUrl}/api/`]),
    `  data         ${broker.dataDir ?? 'in memory, gone when it stops'}`,
    `  users        ${describeUsers(broker.users, loopbackUsers)}`,
    `  ready in ${Math.round(performance.now())} ms; Ctrl-C stops it`,
  ];
  console.log(lines.join('\n'));
  for (const text of broker.damage) console.error(`leveret: ${text}`);
}

function describeListener({ protocol, host, port }: Listener, index: number): string {
  const heading = index === 0 ? 'listens on' : '';
  return `  ${heading.padEnd(10)}   ${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function describeUsers(users: readonly string[], loopbackUsers: readonly string[] = ['guest']): string {
  const named = users.slice(0, NAMED_USERS).map((user) => {
    const isLocal = loopbackUsers.includes(user);
    if (user === 'guest')
      return `guest (${isLocal ? 'from this machine only; ' : ''}password guest unless it was changed)`;
    return isLocal ? `${user} (from this machine only)` : user;
  });
  if (users.length > NAMED_USERS) named.push(`${users.length - NAMED_USERS} more`);
  return named.length === 0 ? 'none: nobody can log in' : named.join(', ');
}

function untilSignal(broker: Broker): Promise<void> {
  return new Promise((done, failed) => {
    const signals = new StopSignals();
    const hangUp = new HangUp();
    for (const signal of Object.keys(EXIT_CODES) as StopSignal[]) {
      process.on(signal, () => {
        if (signal === 'SIGHUP' && !hangUp.isTerminalGone && readCertificatesAgain(broker)) return;
        const meaning = signals.take(performance.now());
        if (meaning === 'echo') return;
        if (meaning === 'end-at-once') process.exit(EXIT_CODES[signal]);
        console.log(`Leveret: ${signal}, stopping`);
        broker.stop().then(done, failed);
      });
    }
  });
}

/** @returns false for a broker that has none */
function readCertificatesAgain(broker: Broker): boolean {
  if (broker.listeners.every(({ protocol }) => protocol !== 'amqps')) return false;
  const fault = broker.reloadCertificates();
  if (fault === null) console.log('Leveret: SIGHUP, new connections get the certificate that the files hold now');
  return true;
}
