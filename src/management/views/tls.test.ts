import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tlsView } from './tls.ts';

for (const [cipher, shown] of [
  ['TLS_AES_256_GCM_SHA384', ['any', 'aes_256_gcm', 'aead']],
  ['TLS_CHACHA20_POLY1305_SHA256', ['any', 'chacha20_poly1305', 'aead']],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', ['ecdhe_ecdsa', 'aes_128_gcm', 'aead']],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', ['ecdhe_ecdsa', 'chacha20_poly1305', 'aead']],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384', ['ecdhe_ecdsa', 'aes_256_cbc', 'sha384']],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', ['ecdhe_ecdsa', 'aes_128_cbc', 'sha']],
  ['something new', [null, null, null]],
] as const) {
  test(`${cipher} is shown as RabbitMQ 3.10.8 shows it`, () => {
    const view = tlsView({ certificate: null, protocol: 'TLSv1.3', cipher });
    assert.deepEqual([view.ssl_key_exchange, view.ssl_cipher, view.ssl_hash], shown);
    assert.equal(view.ssl_protocol, 'tlsv1.3');
  });
}

test('a connection without TLS has a place for all of it, and nothing there', () => {
  const { ssl, ...others } = tlsView(null);
  assert.equal(ssl, false);
  assert.ok(Object.values(others).every((value) => value === null));
});
