/** What is shown of the certificate of a listener. */
import type { TlsCredentials } from './tls-files.ts';

export interface ShownCertificate {
  /** Until when it holds; null without TLS. */
  readonly certificateExpiresAtMs: number | null;
  /** It, and those behind it; null without TLS. */
  readonly certificatePem: string | null;
}

export function shownCertificate(credentials: TlsCredentials | undefined): ShownCertificate {
  if (credentials === undefined) return { certificateExpiresAtMs: null, certificatePem: null };
  return { certificateExpiresAtMs: credentials.expiresAtMs, certificatePem: String(credentials.context.cert) };
}
