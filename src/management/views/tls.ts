/** What the API shows of a connection's TLS, in the words of RabbitMQ, which are those of Erlang. */
import type { TlsPeer } from '../../auth/access.ts';
import { suiteOf } from '../../auth/cipher-suite.ts';
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
