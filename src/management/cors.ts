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
  if (origin === undefined || !isAllowed(cors, origin)) return headers;
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

/**
 * Whether a browser wants to change something for a page of another site. It knows the user's password and sends it along with
 * whatever a form posts, and asks first only about what no form could send; but it says where the page came from.
 */
export function isForeignChange(cors: Cors, method: string, header: (name: string) => string | undefined): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return false;
  const isForeign = ['cross-site', 'same-site'].includes(header('sec-fetch-site') ?? 'none');
  return isForeign && !isAllowed(cors, header('origin') ?? '');
}

function isAllowed({ allowOrigins }: Cors, origin: string): boolean {
  return allowOrigins.includes(origin) || allowOrigins.includes('*');
}
