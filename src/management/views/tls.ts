/** What the API shows of a connection's TLS, in the words of RabbitMQ, which are those of Erlang. */
import type { TlsPeer } from '../../auth/access.ts';
import type { JsonView } from '../listing.ts';

export function tlsView(tls: TlsPeer | null): JsonView {
  const certificate = tls?.certificate?.description;
  const suite = tls === null ? undefined : suiteOf(tls.cipher);
  return {
    peer_cert_issuer: certificate?.issuer ?? null,
    peer_cert_subject: certificate?.subject ?? null,
    peer_cert_validity: certificate?.validity ?? null,
    ssl: tls !== null,
    ssl_cipher: suite?.cipher ?? null,
    ssl_hash: suite?.hash ?? null,
    ssl_key_exchange: suite?.keyExchange ?? null,
    ssl_protocol: tls?.protocol.toLowerCase() ?? null,
  };
}

interface Suite {
  readonly keyExchange: string;
  readonly cipher: string;
  readonly hash: string;
}

const AUTHENTICATED = /_(gcm|ccm|ccm_8|poly1305)$/;

/** `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`; those of TLS 1.3 name no key exchange: `TLS_AES_256_GCM_SHA384`. */
export function suiteOf(name: string): Suite | undefined {
  const found = /^tls_(?:(\w+)_with_)?(\w+)_(sha\d*|md5)$/.exec(name.toLowerCase());
  if (found === null) return undefined;
  const [, keyExchange = 'any', cipher, hash] = found as unknown as [string, string | undefined, string, string];
  return { keyExchange, cipher, hash: AUTHENTICATED.test(cipher) ? 'aead' : hash };
}
