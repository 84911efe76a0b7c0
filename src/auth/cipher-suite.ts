/** The parts of a cipher suite, in the words of Erlang. */
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
