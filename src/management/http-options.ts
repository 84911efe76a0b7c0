/** What is set of how the API speaks HTTP. */
import type { Cors } from './cors.ts';

/** Headers that are sent with every answer, for browsers; left out where they are not set. */
export interface SecurityHeaders {
  /** RabbitMQ's `management.csp.policy`. */
  readonly contentSecurityPolicy?: string;
  /** `management.hsts.policy`. */
  readonly strictTransportSecurity?: string;
  /** `management.headers.content_type_options`, `frame_options` and `xss_protection`. */
  readonly contentTypeOptions?: string;
  readonly frameOptions?: string;
  readonly xssProtection?: string;
}

export interface HttpOptions {
  readonly cors: Cors;
  /** In front of every path, such as `/rabbit`; empty: nothing is. */
  readonly pathPrefix: string;
  readonly headers: SecurityHeaders;
  readonly bodyBytesMax: number;
  /** Whether callers that take gzip are given it. */
  readonly compress: boolean;
}

const CONTENT_SECURITY_POLICY = "script-src 'self'; object-src 'self'";

/** By their names in HTTP. */
export function headerFields(headers: SecurityHeaders): readonly (readonly [name: string, value: string])[] {
  const { contentSecurityPolicy = CONTENT_SECURITY_POLICY, strictTransportSecurity } = headers;
  const fields = [
    ['content-security-policy', contentSecurityPolicy],
    ['strict-transport-security', strictTransportSecurity],
    ['x-content-type-options', headers.contentTypeOptions],
    ['x-frame-options', headers.frameOptions],
    ['x-xss-protection', headers.xssProtection],
  ] as const;
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** As it was set, with one slash in front and none behind. */
export function pathPrefixOf(given = ''): string {
  const path = given.replace(/^\/+|\/+$/g, '');
  return path === '' ? '' : `/${path}`;
}
