/** Which pages of other origins a browser lets use the API: RabbitMQ's `management.cors.*`. */

export interface Cors {
  /** Origins, or `*` for all; empty: none, and no header is sent. */
  readonly allowOrigins: readonly string[];
  /** How long a browser may keep the answer to its preflight; undefined: it is not told. */
  readonly maxAgeSeconds?: number;
}

/** What is added to the answer of a request with these headers. */
export function corsHeaders(cors: Cors, header: (name: string) => string | undefined): Record<string, string> {
  const headers: Record<string, string> = { vary: 'accept, accept-encoding, origin' };
  const origin = header('origin');
  const isAllowed = origin !== undefined && [origin, '*'].some((each) => cors.allowOrigins.includes(each));
  if (origin === undefined || !isAllowed) return headers;
  headers['access-control-allow-origin'] = origin;
  headers['access-control-allow-credentials'] = 'true';
  headers['access-control-expose-headers'] = 'Location';
  const asksMethod = header('access-control-request-method') !== undefined;
  if (!asksMethod) return headers;
  headers['access-control-allow-methods'] = 'HEAD, GET, PUT, POST, DELETE, OPTIONS';
  const { maxAgeSeconds = Number.POSITIVE_INFINITY } = cors;
  if (Number.isFinite(maxAgeSeconds)) headers['access-control-max-age'] = String(maxAgeSeconds);
  const asked = header('access-control-request-headers');
  if (asked !== undefined) headers['access-control-allow-headers'] = asked;
  return headers;
}
