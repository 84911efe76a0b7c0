/**
 * The HTTP API where there is much of everything: what its answers take, and what they do meanwhile to messages on their way.
 *
 *   definitions imported -> connections opened, some queues filled -> each request by itself -> a paced publisher and consumer
 *   -> the same, and lists of everything at the same time -> durable queues declared
 */

import http from 'node:http';
import { ReadBuffer } from '../src/perf/frame-scanner.ts';
import { FrameWriter } from '../src/perf/frame-writer.ts';
import { openConnections } from '../src/perf/idle-connections.ts';
import { channelNumber, type Endpoint, LoadConnection, methods } from '../src/perf/load-connection.ts';
import type { LatencySummary } from '../src/perf/load-report.ts';
import { runLoad } from '../src/perf/load-run.ts';
import { median } from './results-table.ts';
import type { ManagementCounts } from './scenarios.ts';
import type { RunningTarget } from './targets.ts';

export interface ManagementFigures {
  /** All definitions, from the first octet of the request to the answer. */
  readonly importSeconds: number | null;
  /** The longest that the event loop was held by the import. */
  readonly importHoldMs: number | null;
  /** A page of 100 queues. */
  readonly pageMs: number | null;
  readonly pageWorstMs: number | null;
  /** The same, sorted by the number of messages. */
  readonly sortedPageMs: number | null;
  readonly overviewMs: number | null;
  /** Whole lists. */
  readonly queuesMs: number | null;
  readonly bindingsMs: number | null;
  readonly connectionsMs: number | null;
  readonly usersMs: number | null;
  readonly exportMs: number | null;
  readonly exportMib: number | null;
  /** From publishing to receiving, at a fixed rate. */
  readonly quietP50Ms: number | null;
  readonly quietP99Ms: number | null;
  readonly listingP50Ms: number | null;
  readonly listingP99Ms: number | null;
  /** The longest that the event loop was held, without and with lists. */
  readonly quietHoldMs: number | null;
  readonly listingHoldMs: number | null;
  /** Durable queues, by a client that waits for each answer, and by many of these. */
  readonly declaredPerSecond: number | null;
  readonly declaredTogetherPerSecond: number | null;
}

const QUEUE = 'many';
const EXCHANGE = 'many-x';
const FILLED_QUEUES = 1000;
const FILLED_MESSAGES = 1500;
const PAGES_ASKED = 30;
const LISTS_ASKED = 5;
const PROBE_SECONDS = 5;
const PROBE_RATE = 1000;
const DECLARED_QUEUES = 1000;
const DECLARING_CLIENTS = 50;
const MIB = 1024 * 1024;

const PAGE = '/api/queues?page=1&page_size=100';
const SORTED_PAGE = `${PAGE}&sort=messages&sort_reverse=true`;
/** What is asked for while messages are on their way, one after the other. */
const EVERYTHING = [
  '/api/queues',
  SORTED_PAGE,
  '/api/bindings',
  '/api/connections',
  '/api/channels',
  '/api/users',
  '/api/exchanges',
  '/api/definitions',
  '/api/overview',
];

export async function measureManagement(
  endpoint: Endpoint,
  running: RunningTarget,
  counts: ManagementCounts,
): Promise<ManagementFigures> {
  const api = new Api(endpoint, running.managementPort!);
  try {
    // What speaks HTTP is loaded for the first caller.
    await api.timed('GET', '/api/overview');
    await running.loopHolds();
    const importSeconds = (await api.timed('POST', '/api/definitions', definitionsOf(counts))).ms / 1e3;
    const importHoldMs = await longestHoldMs(running);
    await fill(endpoint);
    const close = await openConnections(endpoint, counts.connections);
    try {
      const answered = { importSeconds, importHoldMs, ...(await answers(api)) };
      const besides = await latencies(endpoint, running, api);
      return { ...answered, ...besides, ...(await declarations(endpoint)) };
    } finally {
      await close();
    }
  } finally {
    api.close();
  }
}

/** Queues of which some have messages, each bound by its name, users and what the load generator's own has not. */
function definitionsOf({ queues, users }: ManagementCounts): string {
  const numbers = Array.from({ length: queues }, (_, index) => index);
  const place = { vhost: '/', durable: true, auto_delete: false, arguments: {} };
  const names = Array.from({ length: users }, (_, index) => `user-${index}`);
  return JSON.stringify({
    users: names.map((name) => ({ name, password_hash: '', tags: ['monitoring'] })),
    permissions: names.map((user) => ({ user, vhost: '/', configure: '', write: '.*', read: '.*' })),
    exchanges: [{ ...place, name: EXCHANGE, type: 'direct', internal: false }],
    queues: numbers.map((number) => ({ ...place, name: `${QUEUE}-${number}` })),
    bindings: numbers.map((number) => ({
      source: EXCHANGE,
      vhost: '/',
      destination: `${QUEUE}-${number}`,
      destination_type: 'queue',
      routing_key: `key-${number}`,
      arguments: {},
    })),
  });
}

async function fill(endpoint: Endpoint): Promise<void> {
  const queues = { queue: QUEUE, queues: FILLED_QUEUES, durable: true, keep: true };
  await runLoad({ ...endpoint, ...queues, mode: 'publish', bodySizeBytes: 16, count: FILLED_MESSAGES });
}

// --- one request after the other ---

type AnswerFigures =
  | 'pageMs'
  | 'pageWorstMs'
  | 'sortedPageMs'
  | 'overviewMs'
  | 'queuesMs'
  | 'bindingsMs'
  | 'connectionsMs'
  | 'usersMs'
  | 'exportMs'
  | 'exportMib';

async function answers(api: Api): Promise<Pick<ManagementFigures, AnswerFigures>> {
  await api.timed('GET', '/api/overview');
  const pages = await api.times(PAGE, PAGES_ASKED);
  const { size } = await api.timed('GET', '/api/definitions');
  return {
    pageMs: median(pages),
    pageWorstMs: Math.max(...pages),
    sortedPageMs: median(await api.times(SORTED_PAGE, LISTS_ASKED)),
    overviewMs: median(await api.times('/api/overview', PAGES_ASKED)),
    queuesMs: median(await api.times('/api/queues', LISTS_ASKED)),
    bindingsMs: median(await api.times('/api/bindings', LISTS_ASKED)),
    connectionsMs: median(await api.times('/api/connections', LISTS_ASKED)),
    usersMs: median(await api.times('/api/users', LISTS_ASKED)),
    exportMs: median(await api.times('/api/definitions', LISTS_ASKED)),
    exportMib: size / MIB,
  };
}

// --- beside messages ---

type LatencyFigures = 'quietP50Ms' | 'quietP99Ms' | 'listingP50Ms' | 'listingP99Ms' | 'quietHoldMs' | 'listingHoldMs';

async function latencies(
  endpoint: Endpoint,
  running: RunningTarget,
  api: Api,
): Promise<Pick<ManagementFigures, LatencyFigures>> {
  await running.loopHolds();
  const quiet = await probe(endpoint);
  const quietHoldMs = await longestHoldMs(running);
  let ended = false;
  const probing = probe(endpoint).finally(() => {
    ended = true;
  });
  while (!ended) for (const path of EVERYTHING) await api.timed('GET', path);
  const listing = await probing;
  return {
    quietP50Ms: quiet.p50Ms,
    quietP99Ms: quiet.p99Ms,
    listingP50Ms: listing.p50Ms,
    listingP99Ms: listing.p99Ms,
    quietHoldMs,
    listingHoldMs: await longestHoldMs(running),
  };
}

async function probe(endpoint: Endpoint): Promise<LatencySummary> {
  const pace = { ratePerSecond: PROBE_RATE, seconds: PROBE_SECONDS, warmUpSeconds: 1 };
  return (await runLoad({ ...endpoint, ...pace, queue: 'probe', durable: true })).latency;
}

async function longestHoldMs(running: RunningTarget): Promise<number | null> {
  return (await running.loopHolds())?.longestMs ?? null;
}

// --- declarations ---

const DURABLE_BIT = 2;

type DeclarationFigures = 'declaredPerSecond' | 'declaredTogetherPerSecond';

async function declarations(endpoint: Endpoint): Promise<Pick<ManagementFigures, DeclarationFigures>> {
  return {
    declaredPerSecond: await declaredPerSecond(endpoint, 1),
    declaredTogetherPerSecond: await declaredPerSecond(endpoint, DECLARING_CLIENTS),
  };
}

/** Each client waits for an answer before it asks again. */
async function declaredPerSecond(endpoint: Endpoint, clients: number): Promise<number> {
  const readBuffer = new ReadBuffer();
  const connections: LoadConnection[] = [];
  try {
    while (connections.length < clients) connections.push(await LoadConnection.open(endpoint, readBuffer));
    const numbers = Array.from({ length: DECLARED_QUEUES }, (_, index) => index).values();
    const beganMs = performance.now();
    const declareSome = async (connection: LoadConnection) => {
      for (const number of numbers) {
        await connection.request(queueDeclare(`declared-${clients}-${number}`), methods.queueDeclareOk);
      }
    };
    await Promise.all(connections.map(declareSome));
    return (DECLARED_QUEUES * 1e3) / (performance.now() - beganMs);
  } finally {
    for (const connection of connections) await connection.close();
  }
}

function queueDeclare(queue: string): Uint8Array {
  const frame = new FrameWriter().beginMethod(channelNumber, 50, 10).uint16(0);
  return frame.shortString(queue).uint8(DURABLE_BIT).uint32(0).endFrame().take();
}

// --- the API ---

class Api {
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #endpoint: Endpoint;
  readonly #port: number;

  constructor(endpoint: Endpoint, port: number) {
    this.#endpoint = endpoint;
    this.#port = port;
  }

  close(): void {
    this.#agent.destroy();
  }

  async times(path: string, count: number): Promise<number[]> {
    const times: number[] = [];
    while (times.length < count) times.push((await this.timed('GET', path)).ms);
    return times;
  }

  /** Milliseconds until all of the answer is there, and its size. @throws on a refusal */
  timed(method: string, path: string, body?: string): Promise<{ readonly ms: number; readonly size: number }> {
    const { host, user, password } = this.#endpoint;
    const beganMs = performance.now();
    const where = { host, port: this.#port, agent: this.#agent, auth: `${user}:${password}` };
    const headers = { 'content-type': 'application/json' };
    return new Promise((done, failed) => {
      const request = http.request({ ...where, method, path, headers }, (response) => {
        let size = 0;
        response.on('data', (chunk) => {
          size += chunk.length;
        });
        response.on('error', failed);
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 300) done({ ms: performance.now() - beganMs, size });
          else failed(new Error(`${method} ${path} is answered with ${statusCode}`));
        });
      });
      request.on('error', failed);
      request.end(body);
    });
  }
}

/** Of a run that got so far. */
export const noManagementFigures: ManagementFigures = {
  importSeconds: null,
  importHoldMs: null,
  pageMs: null,
  pageWorstMs: null,
  sortedPageMs: null,
  overviewMs: null,
  queuesMs: null,
  bindingsMs: null,
  connectionsMs: null,
  usersMs: null,
  exportMs: null,
  exportMib: null,
  quietP50Ms: null,
  quietP99Ms: null,
  listingP50Ms: null,
  listingP99Ms: null,
  quietHoldMs: null,
  listingHoldMs: null,
  declaredPerSecond: null,
  declaredTogetherPerSecond: null,
};
