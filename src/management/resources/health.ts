/** /api/health/checks and /api/aliveness-test: 200 while all is well, 503 with the reason when it is not. */
import { badRequest, objectNotFound } from '../api-error.ts';
import { one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, namedRefusal, ok, onChannel, type Resource, vhostOf } from '../resource.ts';
import { listeners } from './overview.ts';

const TEST_QUEUE = 'aliveness-test';
/** RabbitMQ's words for what is low. */
const ALARMED = { memory: 'memory', disk: 'disk space' } as const;
const DAY_MS = 24 * 3600 * 1000;
const UNITS_MS: Readonly<Record<string, number>> = {
  days: DAY_MS,
  weeks: 7 * DAY_MS,
  months: 30 * DAY_MS,
  years: 365 * DAY_MS,
};
/** Names that RabbitMQ takes for the protocol of AMQP clients. */
const AMQP_NAMES = ['amqp091', 'amqp0.9.1', 'amqp0.9', 'amqp'];

export const healthResources: readonly Resource[] = [
  check('alarms', 'No alarm of memory or disk is in effect.', (request) => alarms(request, 'in the cluster')),
  check('local-alarms', 'The same of this node.', (request) => alarms(request, 'on the node')),
  check('virtual-hosts', 'All vhosts run.', virtualHosts),
  // One node has no mirrors and no majority to lose.
  check('node-is-mirror-sync-critical', 'No queue would be without a synchronised mirror if this node stopped.', () =>
    ok({ status: 'ok', reason: 'single node cluster' }),
  ),
  check('node-is-quorum-critical', 'No queue would lose its majority if this node stopped.', () =>
    ok({ status: 'ok', reason: 'single node cluster' }),
  ),
  check('port-listener/:port', 'Something listens on a port.', portListener),
  check('protocol-listener/:protocol', 'Something listens for a protocol, such as amqp091.', protocolListener),
  check(
    'certificate-expiration/:within/:unit',
    'No certificate expires within so many days, weeks, months or years.',
    certificateExpiration,
  ),
  // What there was before the checks above. Whoever is answered at all is told that the node runs.
  {
    path: '/api/healthchecks/node',
    docs: {
      GET: { text: 'Whether the node runs; whoever asks may as well ask `health/checks`.', gives: one('Health') },
    },
    requires: 'management',
    GET: () => ok({ status: 'ok' }),
  },
  {
    path: '/api/healthchecks/node/:node',
    docs: { GET: { text: 'The same of a node by its name.', gives: one('Health') } },
    requires: 'management',
    GET: nodeCheck,
  },
  {
    path: '/api/aliveness-test/:vhost',
    docs: {
      GET: {
        text: 'Declares the queue `aliveness-test`, publishes a message to it and takes it out again.',
        gives: one('Health'),
        mayFail: true,
      },
    },
    requires: 'management',
    inVhost: true,
    GET: alivenessTest,
  },
];

/** @param text what is well while it is answered with 200 */
function check(path: string, text: string, GET: (request: ApiRequest) => Answer): Resource {
  const docs = { GET: { text, gives: one('Health'), mayFail: true } };
  return { path: `/api/health/checks/${path}`, docs, requires: 'management', GET };
}

function failed(view: object): Answer {
  return { status: 503, json: JSON.stringify({ status: 'failed', ...view }) };
}

function alarms({ sources }: ApiRequest, where: string): Answer {
  const resources = new Set(sources.resources().alarms.map(({ resource }) => resource));
  if (resources.size === 0) return ok({ status: 'ok' });
  const found = [...resources].map((name) => ({ node: sources.nodeName, resource: ALARMED[name] }));
  return failed({ reason: `There are alarms in effect ${where}`, alarms: found });
}

function virtualHosts({ sources }: ApiRequest): Answer {
  const { vhosts } = sources.context.metadata.snapshot();
  const down = vhosts.map(({ name }) => name).filter((name) => sources.vhosts.get(name) === undefined);
  if (down.length === 0) return ok({ status: 'ok' });
  return failed({ reason: 'Some virtual hosts are down', 'virtual-hosts': down });
}

function portListener(request: ApiRequest): Answer {
  const text = request.param('port');
  if (!/^\d+$/.test(text)) throw badRequest('Invalid port');
  const port = Number(text);
  const ports = listeners(request.sources).map((listener) => listener.port);
  if (ports.includes(port)) return ok({ status: 'ok', port });
  return failed({ reason: 'No active listener', missing: port, ports });
}

function protocolListener(request: ApiRequest): Answer {
  const asked = request.param('protocol');
  const protocol = AMQP_NAMES.includes(asked) ? 'amqp' : asked;
  const protocols = listeners(request.sources).map((listener) => listener.protocol);
  if (protocols.includes(protocol)) return ok({ status: 'ok', protocol });
  return failed({ reason: 'No active listener', missing: asked, protocols });
}

function certificateExpiration(request: ApiRequest): Answer {
  const unitMs = UNITS_MS[request.param('unit')];
  if (unitMs === undefined) {
    throw badRequest(`Time unit not recognised. Supported units: ${Object.keys(UNITS_MS).join(', ')}.`);
  }
  if (!/^\d+$/.test(request.param('within'))) throw badRequest('Invalid expiration value.');
  const { sources } = request;
  const untilMs = sources.context.clock.nowMs() + Number(request.param('within')) * unitMs;
  const expired = [...sources.otherListeners(), ...sources.httpListeners()].flatMap((listener) => {
    const { protocol, host, port, certificateExpiresAtMs: expiresAtMs } = listener;
    if (expiresAtMs === null || expiresAtMs > untilMs) return [];
    const not_after = new Date(expiresAtMs).toISOString();
    return [{ node: sources.nodeName, protocol, interface: host, port, not_after }];
  });
  if (expired.length === 0) return ok({ status: 'ok' });
  return failed({ reason: 'Certificates expiring', expired });
}

function nodeCheck({ sources, param }: ApiRequest): Answer {
  if (param('node') !== sources.nodeName) throw objectNotFound();
  return ok({ status: 'ok' });
}

/** Declares a queue, publishes a message to it and takes it out again, as the caller. */
async function alivenessTest(request: ApiRequest): Promise<Answer> {
  const vhost = vhostOf(request).name;
  const flags = { passive: false, durable: false, exclusive: false, autoDelete: false, noWait: false };
  return onChannel(request, vhost, async (channel) => {
    await channel.call(
      { name: 'queue.declare', queue: TEST_QUEUE, ...flags, arguments: new Map() },
      'queue.declare-ok',
    );
    channel.publish('', TEST_QUEUE, { properties: {}, body: Buffer.from('test_message') }, false);
    const get = { name: 'basic.get', queue: TEST_QUEUE, noAck: true } as const;
    const { method } = await channel.call(get, 'basic.get-ok', 'basic.get-empty');
    if (method.name === 'basic.get-ok') return ok({ status: 'ok' });
    return failed({ reason: 'the message that was published was not there' });
  }).catch(namedRefusal);
}
