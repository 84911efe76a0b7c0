/** /api/operate: what the process of the broker sees, for whoever looks for the cause of something. */
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as passed } from 'node:timers/promises';
import { DEFAULT_CIPHERS, getCiphers } from 'node:tls';
import { TLS_VERSIONS } from '../../config/tls-options.ts';
import { badRequest, objectNotFound } from '../api-error.ts';
import type { JsonView } from '../listing.ts';
import { listOf, one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, NO_CONTENT, ok, type Resource } from '../resource.ts';
import type { ShownListener } from '../sources.ts';

const FAMILIES: Readonly<Record<string, 4 | 6>> = { ipv4: 4, ipv6: 6 };
/** Of event loops; the longest that somebody may wait for. */
const SECONDS_MAX = 60;
/** Names of variables and flags whose values are nobody else's business. */
const SECRET = /pass|secret|cookie|_url$/i;
const HIDDEN = '(hidden)';
/** How often it is looked how late the event loop is. */
const RESOLUTION_MS = 10;

export const operateDiagnosticResources: readonly Resource[] = [
  {
    path: '/api/operate/process',
    docs: { GET: { text: 'How the broker was started, and what of the machine it sees.', gives: one('NodeProcess') } },
    requires: 'administrator',
    whileStopped: true,
    GET: () => ok(processView()),
  },
  {
    path: '/api/operate/certificates',
    docs: { GET: { text: 'The certificates of the listeners with TLS.', gives: listOf('ListenerCertificate') } },
    requires: 'administrator',
    GET: ({ sources }) => ok([...sources.otherListeners(), ...sources.httpListeners()].flatMap(certificateView)),
  },
  {
    path: '/api/operate/event-loop/:seconds',
    docs: { GET: { text: 'How busy the broker’s one thread is during so many seconds.', gives: one('EventLoop') } },
    requires: 'administrator',
    GET: watchEventLoop,
  },
  {
    path: '/api/operate/addresses/:family/:hostname',
    docs: {
      GET: { text: 'What the broker’s machine takes a host name for, in IPv4 or IPv6.', gives: one('HostAddresses') },
    },
    requires: 'administrator',
    GET: resolve,
  },
  {
    path: '/api/operate/collect-garbage',
    docs: { POST: { text: 'Gives memory back that nothing refers to.', takes: 'Nothing' } },
    requires: 'administrator',
    POST: async () => {
      await collectGarbage();
      return NO_CONTENT;
    },
  },
];

function processView(): JsonView {
  const variables = Object.entries(process.env).filter(([name]) => /^(LEVERET|RABBITMQ)_/.test(name));
  const names = (families: JsonView) => Object.entries(families);
  return {
    command_line: shownArguments([process.execPath, ...process.execArgv, ...process.argv.slice(1)]),
    variables: Object.fromEntries(variables.sort().map(([name, value]) => [name, SECRET.test(name) ? HIDDEN : value])),
    network_interfaces: Object.fromEntries(names(networkInterfaces() as JsonView)),
    tls_versions: [...TLS_VERSIONS],
    cipher_suites: DEFAULT_CIPHERS.split(':').filter((name) => !/^!|^HIGH$/.test(name)),
    all_cipher_suites: getCiphers().map((name) => name.toUpperCase()),
  };
}

/** `--default-password x` and `--default-password=x` alike. */
function shownArguments(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const [flag, value] = word.split('=', 2) as [string, string?];
    if (word.startsWith('--')) return value !== undefined && SECRET.test(flag) ? `${flag}=${HIDDEN}` : word;
    const before = words[index - 1] ?? '';
    return before.startsWith('--') && !before.includes('=') && SECRET.test(before) ? HIDDEN : word;
  });
}

/** The first of the file, which is the listener's own. */
function certificateView({ protocol, host, port, certificatePem }: ShownListener): JsonView[] {
  if (certificatePem === null) return [];
  const own = new X509Certificate(certificatePem);
  return [
    {
      protocol,
      interface: host,
      port,
      subject: own.subject.replaceAll('\n', ', '),
      issuer: own.issuer.replaceAll('\n', ', '),
      not_before: own.validFromDate.toISOString(),
      not_after: own.validToDate.toISOString(),
      serial_number: own.serialNumber,
      alternative_names: own.subjectAltName ?? '',
      fingerprint_sha256: own.fingerprint256,
    },
  ];
}

/** @throws ApiError 400 */
async function watchEventLoop({ sources, param }: ApiRequest): Promise<Answer> {
  const seconds = Number(param('seconds'));
  if (!(seconds > 0 && seconds <= SECONDS_MAX)) throw badRequest(`expected seconds up to ${SECONDS_MAX}`);
  const { monitorEventLoopDelay } = await import('node:perf_hooks');
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const before = performance.eventLoopUtilization();
  const cpuBefore = process.cpuUsage();
  await passed(seconds * 1000, undefined, { signal: sources.stopping }).catch(() => {});
  const { utilization } = performance.eventLoopUtilization(before);
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  return ok({
    seconds,
    busy: utilization,
    cpu_user: user / 1e6 / seconds,
    cpu_system: system / 1e6 / seconds,
    delay_ms: { mean: lateMs(delay.mean), p99: lateMs(delay.percentile(99)), max: lateMs(delay.max) },
  });
}

/** What is measured is the time from one look to the next; without any it is no number. */
function lateMs(nanoseconds: number): number {
  return Math.max(0, (nanoseconds || 0) / 1e6 - RESOLUTION_MS);
}

/** @throws ApiError 400, 404 for a name without such an address */
async function resolve({ param }: ApiRequest): Promise<Answer> {
  const family = FAMILIES[param('family').toLowerCase()];
  if (family === undefined) throw badRequest(`expected one of ${Object.keys(FAMILIES).join(', ')}`);
  const found = await lookup(param('hostname'), { family, all: true }).catch(() => []);
  if (found.length === 0) throw objectNotFound();
  return ok({ addresses: found.map(({ address }) => address) });
}

/** The runtime hides it unless it is asked for. */
async function collectGarbage(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
