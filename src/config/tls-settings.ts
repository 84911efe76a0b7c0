/** The settings of a certificate and of what is asked of clients: the same wherever there is TLS. */
import { named, setting } from './setting.ts';
import { COUNT, choice, FILE, FLAG, TEXT } from './setting-types.ts';
import { DEFAULT_TLS_DEPTH, PEER_VERIFICATIONS, TLS_VERSIONS } from './tls-options.ts';

const under = (key: string, classic: string) => ({
  CertFile: setting({
    key: `${key}.certfile`,
    classic: `${classic}.certfile`,
    type: FILE,
    text: 'The certificate, in PEM, with those above it behind it.',
  }),
  KeyFile: setting({
    key: `${key}.keyfile`,
    classic: `${classic}.keyfile`,
    type: FILE,
    text: 'Its key, in PEM; in the certificate’s file when it is not set.',
  }),
  Password: setting({
    key: `${key}.password`,
    classic: `${classic}.password`,
    type: TEXT,
    secret: true,
    text: 'Opens the key.',
  }),
  CaCertFile: setting({
    key: `${key}.cacertfile`,
    classic: `${classic}.cacertfile`,
    type: FILE,
    text: 'Authorities that certificates of clients are signed by.',
  }),
  Verify: setting({
    key: `${key}.verify`,
    classic: `${classic}.verify`,
    type: choice(PEER_VERIFICATIONS),
    default: 'verify_none',
    text: 'verify_peer: clients are asked for a certificate, and one that is not good is turned away.',
  }),
  FailIfNoPeerCert: setting({
    key: `${key}.fail_if_no_peer_cert`,
    classic: `${classic}.fail_if_no_peer_cert`,
    type: FLAG,
    default: 'false',
    text: 'true: clients without a certificate are turned away, too.',
  }),
  Depth: setting({
    key: `${key}.depth`,
    classic: `${classic}.depth`,
    type: COUNT,
    default: DEFAULT_TLS_DEPTH,
    text: 'How many certificates may stand between a client’s and an authority’s.',
  }),
  Versions: named({
    key: `${key}.versions.$name`,
    classic: `${classic}.versions.$name`,
    type: choice(TLS_VERSIONS),
    text: `Versions that are spoken: ${TLS_VERSIONS.join(', ')}; tlsv1.3 and tlsv1.2 when none is set.`,
  }),
  Ciphers: named({
    key: `${key}.ciphers.$name`,
    classic: `${classic}.ciphers.$name`,
    type: TEXT,
    text: 'Ciphers that are used, by OpenSSL’s names.',
  }),
  HonorCipherOrder: setting({
    key: `${key}.honor_cipher_order`,
    classic: `${classic}.honor_cipher_order`,
    type: FLAG,
    default: 'true',
    text: 'Whether the order of the ciphers here goes before the client’s.',
  }),
});

/** What they are called in the schema: `tlsCertFile`. */
type Prefixed<Prefix extends string> = {
  [Name in keyof ReturnType<typeof under> as `${Prefix}${Name}`]: ReturnType<typeof under>[Name];
};

/** @param key what their keys begin with. @param classic the same in Erlang's terms */
export function tlsSettings<Prefix extends string>(prefix: Prefix, key: string, classic: string): Prefixed<Prefix> {
  const settings = Object.entries(under(key, classic));
  return Object.fromEntries(settings.map(([name, setting]) => [`${prefix}${name}`, setting])) as Prefixed<Prefix>;
}
