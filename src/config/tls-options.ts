/** What TLS listeners need. The settings are RabbitMQ's `ssl_options`, under their names; docs/tls.md has them for users. */
export const TLS_VERSIONS = ['tlsv1.3', 'tlsv1.2', 'tlsv1.1', 'tlsv1'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export const PEER_VERIFICATIONS = ['verify_none', 'verify_peer'] as const;

export interface TlsOptions {
  /** PEM: the certificate, and behind it those between it and an authority that clients know. */
  readonly certFile: string;
  /** PEM. Default: in `certFile`, too. */
  readonly keyFile?: string;
  /** Opens the key. */
  readonly password?: string;
  /** PEM: the authorities that certificates of clients are verified against. */
  readonly caCertFile?: string;
  /** Whether clients are asked for a certificate, and turned away with one that is not good. Default `verify_none`. */
  readonly verify?: (typeof PEER_VERIFICATIONS)[number];
  /** Whether clients without a certificate are turned away, too. Default false. */
  readonly failIfNoPeerCert?: boolean;
  /** How many certificates may stand between a client's and an authority. Default 10. */
  readonly depth?: number;
  /** Default TLS 1.3 and 1.2. */
  readonly versions?: readonly TlsVersion[];
  /** OpenSSL's names. Default: those of the runtime. */
  readonly ciphers?: readonly string[];
  /** Whether the order of the ciphers here goes before the client's. Default true. */
  readonly honorCipherOrder?: boolean;
}

export const DEFAULT_TLS_VERSIONS: readonly TlsVersion[] = ['tlsv1.3', 'tlsv1.2'];
export const DEFAULT_TLS_DEPTH = 10;
