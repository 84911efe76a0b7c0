/** What answers Prometheus: which path, in which form, piece by piece as it is made and taken. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pattern } from '../auth/pattern.ts';
import type { Slices } from '../runtime/slices.ts';
import { allTables, detailedTables } from './endpoints.ts';
import { exposition, type Table } from './exposition.ts';
import type { PrometheusSources } from './family.ts';
import { RuntimeMetrics } from './runtime-metrics.ts';

export interface HttpServerOptions {
  readonly sources: PrometheusSources;
  readonly slices: Slices;
  readonly path: string;
  readonly returnPerObjectMetrics: boolean;
  readonly leftOut: Pattern | null;
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

const TEXT_TYPE = 'text/plain; version=0.0.4';
/** Of compression: what is sent many times a minute and thrown away is not worth more. */
const FAST = 1;
const ALLOWED = 'HEAD, GET, OPTIONS';
const NOTHING_THERE = JSON.stringify({ error: 'Object Not Found', reason: 'Not Found' });

/** It listens nowhere: sockets are handed to it as its event `connection`. */
export function httpServer(options: HttpServerOptions): Server {
  const runtime = new RuntimeMetrics();
  options.stopping.addEventListener('abort', () => runtime.stop());
  return createServer((request, response) => {
    answer(request, response, options, runtime).catch((error: Error) => {
      // A scraper that goes in the midst of an answer is no fault.
      if (!response.destroyed) options.sources.context.log.error('prometheus', error.stack ?? error.message);
      response.destroy();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  runtime: RuntimeMetrics,
): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  const endpoint = url === null ? undefined : endpointOf(url.pathname, options.path);
  if (url === null || endpoint === undefined) return refuse(response, 404, 'application/json', NOTHING_THERE);
  const { method, headers } = request;
  if (method === 'OPTIONS') return finish(response, 200);
  if (method !== 'GET' && method !== 'HEAD') return finish(response, 405);
  const tables = tablesOf(endpoint, url.searchParams, options, runtime);
  if (tables === undefined) return refuse(response, 404, 'text/plain', 'Unknown Registry');
  if (!accepts(headers.accept ?? '*/*', 'text/plain')) return refuse(response, 406);
  const encoding = accepts(headers['accept-encoding'] ?? '', 'gzip') ? 'gzip' : 'identity';
  response.writeHead(200, { 'content-type': TEXT_TYPE, 'content-encoding': encoding, vary: 'accept, accept-encoding' });
  if (method === 'HEAD') return void response.end();
  const pieces = inSlices(exposition(tables), options.slices);
  if (encoding === 'gzip') await pipeline(pieces, createGzip({ level: FAST }), response);
  else await pipeline(pieces, response);
}

/** What is behind the path: ``, `per-object`, `detailed` or whatever else; undefined: it is not below the path. */
function endpointOf(pathname: string, path: string): string | undefined {
  const asked = pathname.replace(/(?<=.)\/$/, '');
  if (asked === path) return '';
  return asked.startsWith(`${path}/`) ? asked.slice(path.length + 1) : undefined;
}

/** Undefined for one that there is not; RabbitMQ's for the memory of Erlang is among these. */
function tablesOf(
  endpoint: string,
  query: URLSearchParams,
  { sources, leftOut, returnPerObjectMetrics }: HttpServerOptions,
  runtime: RuntimeMetrics,
): Iterable<Table> | undefined {
  switch (endpoint) {
    case '':
    case 'default':
      return allTables({ sources, runtime, leftOut }, returnPerObjectMetrics);
    case 'per-object':
      return allTables({ sources, runtime, leftOut }, true);
    case 'detailed':
      return detailedTables(sources, query.getAll('family'), query.getAll('vhost'));
    default:
      return undefined;
  }
}

/** Whether a header with preferences names it, or all of its kind, and does not rule it out. */
function accepts(header: string, wanted: string): boolean {
  const [kind] = wanted.split('/');
  for (const one of header.toLowerCase().split(',')) {
    const [name, ...parameters] = one.split(';').map((part) => part.trim());
    if (name !== wanted && name !== `${kind}/*` && name !== '*/*' && name !== '*') continue;
    return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  }
  return false;
}

async function* inSlices(pieces: Generator<string>, slices: Slices): AsyncGenerator<string> {
  for (;;) {
    if (slices.isOver) await slices.next();
    const { value, done = false } = pieces.next();
    if (done) return;
    if (value !== '') yield value;
  }
}

function refuse(response: ServerResponse, status: number, type?: string, text = ''): void {
  response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(text);
}

function finish(response: ServerResponse, status: number): void {
  response.writeHead(status, { allow: ALLOWED }).end();
}
