/** The certificate that a client has shown with TLS, and that was verified. */
import { X509Certificate } from 'node:crypto';
import { type CertificateNames, certificateNames } from './certificate-names.ts';

/** For who runs the broker. */
export interface CertificateDescription {
  readonly subject: string;
  readonly issuer: string;
  /** `2026-11-26T00:00:11Z - 2027-11-26T00:00:11Z`. */
  readonly validity: string;
}

export class ClientCertificate {
  readonly der: Buffer;
  #description: CertificateDescription | null = null;

  constructor(der: Buffer) {
    this.der = der;
  }

  /** Read when it is first asked for. */
  get description(): CertificateDescription {
    this.#description ??= describe(this.der);
    return this.#description;
  }
}

function describe(der: Buffer): CertificateDescription {
  const { validFromDate, validToDate } = new X509Certificate(der);
  return { ...namesOf(der), validity: [validFromDate, validToDate].map(toSeconds).join(' - ') };
}

/** Names that OpenSSL takes and that cannot be read are no reason to show nothing at all. */
function namesOf(der: Buffer): CertificateNames {
  try {
    return certificateNames(der);
  } catch (error) {
    const text = `cannot be read: ${(error as Error).message}`;
    return { subject: text, issuer: text };
  }
}

function toSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
