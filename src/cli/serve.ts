/** Running a broker in the foreground: settings from wherever they are, a few lines on what it is, a clean end. */
import { type Broker, type BrokerOptions, type Listener, startBroker, VERSION } from '../broker.ts';
import type { Environment } from '../config/environment.ts';
import { brokerOptions } from './broker-options.ts';
import { type EffectiveConfiguration, effectiveConfiguration } from './effective-configuration.ts';
import { HangUp } from './hang-up.ts';
import type { ServeFlags } from './serve-options.ts';
import { StopSignals } from './stop-signals.ts';

/** What the shell sees when one of these signals ends the process at once: 128 and the signal's number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** Users that are named when the broker starts. */
const NAMED_USERS = 3;

/** Resolves when the broker has stopped. @throws Error that says what to do */
export async function serve(flags: ServeFlags, environment: Environment): Promise<void> {
  const configuration = await effectiveConfiguration(flags, environment);
  configuration.findings.assertNone();
  for (const notice of configuration.findings.notices) console.error(`leveret: ${notice}`);
  const options = brokerOptions(configuration, flags);
  const broker = await startBroker(options);
  const stopped = untilSignal(broker);
  describe(broker, options, configuration);
  await Promise.race([stopped, broker.stopped]);
}

function describe(broker: Broker, { loopbackUsers }: BrokerOptions, { hasFile, given }: EffectiveConfiguration): void {
  // Who brings RabbitMQ's file along expects what RabbitMQ does: to listen on all interfaces.
  const isUnsaid = hasFile && !given.has('tcpListeners');
  const lines = [
    `Leveret ${VERSION}`,
    ...broker.listeners.map(describeListener),
    ...(isUnsaid ? ['               from this machine only: no listeners.tcp.NAME is set'] : []),
    ...(broker.managementUrl === null ? [] : [`  HTTP API     ${broker.managementUrl}/api/`]),
    ...(broker.prometheusUrl === null ? [] : [`  metrics      ${broker.prometheusUrl}`]),
    ...(broker.controlSocket === null ? [] : [`  control      ${broker.controlSocket}`]),
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
  if (!broker.hasCertificates) return false;
  const fault = broker.reloadCertificates();
  if (fault === null) console.log('Leveret: SIGHUP, new connections get the certificate that the files hold now');
  return true;
}
