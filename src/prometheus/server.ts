/** Where Prometheus is answered. Loaded only by a broker that is asked for it; what answers is loaded by the first scrape. */
import { compilePattern } from '../auth/pattern.ts';
import { HttpListeners, type HttpListening } from '../http/http-listeners.ts';
import type { Slices } from '../runtime/slices.ts';
import type { PrometheusSources } from './family.ts';

export interface PrometheusOptions extends HttpListening {
  /** Default `/metrics`; what else is served is below it. */
  readonly path?: string;
  /** Whether there, too, each queue, channel and connection is shown by itself. Default: sums. */
  readonly returnPerObjectMetrics?: boolean;
  /** A regular expression: queues whose names it matches are not in the sums of `queue_metrics`. */
  readonly filterAggregatedQueueMetricsPattern?: string;
}

const DEFAULT_PATH = '/metrics';
const DEFAULT_PORT = 15_692;
const DEFAULT_TLS_PORT = 15_691;

/** @returns what is open, until it is closed. @throws Error that says what to do */
export async function startPrometheus(
  sources: PrometheusSources,
  slices: Slices,
  options: PrometheusOptions,
): Promise<HttpListeners> {
  const { path = DEFAULT_PATH, returnPerObjectMetrics = false, filterAggregatedQueueMetricsPattern: pattern } = options;
  if (!/^\/./.test(path)) throw new Error(`prometheus.path = ${path}: expected a path that begins with a slash`);
  const leftOut = pattern === undefined ? null : compilePattern(pattern);
  const { clock, log, limits } = sources.context;
  const stopping = new AbortController();
  const answering = { sources, slices, path, returnPerObjectMetrics, leftOut, stopping: stopping.signal };
  const listeners = new HttpListeners({
    clock,
    log,
    tlsHandshakeTimeoutMs: limits.tlsHandshakeTimeoutMs,
    load: async () => (await import('./http-server.ts')).httpServer(answering),
    closed: () => stopping.abort(),
    title: 'Prometheus metrics',
    settings: 'prometheus',
    defaultPort: DEFAULT_PORT,
    defaultTlsPort: DEFAULT_TLS_PORT,
  });
  await listeners.listen(options);
  return listeners;
}
