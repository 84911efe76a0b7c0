/** Settings of where clients connect, with TLS or without, and of the HTTP API. */
import { DEFAULT_LIMITS } from './limits.ts';
import { named, setting } from './setting.ts';
import { COUNT, choice, FILE, FLAG, HOST, LISTENER, MILLISECONDS, PORT, SECONDS, TEXT } from './setting-types.ts';
import { DEFAULT_TLS_DEPTH, PEER_VERIFICATIONS, TLS_VERSIONS } from './tls-options.ts';

export const LISTENING_SETTINGS = {
  tcpListeners: named({
    key: 'listeners.tcp.$name',
    classic: 'rabbit.tcp_listeners.$name',
    type: LISTENER,
    default: '127.0.0.1:5672',
    mayBeNone: true,
    text: 'Where clients connect: a port, or ADDRESS:PORT.',
  }),
  tlsListeners: named({
    key: 'listeners.ssl.$name',
    classic: 'rabbit.ssl_listeners.$name',
    type: LISTENER,
    mayBeNone: true,
    text: 'Where clients connect with TLS.',
  }),
  tlsCertFile: setting({
    key: 'ssl_options.certfile',
    classic: 'rabbit.ssl_options.certfile',
    type: FILE,
    text: 'The certificate, in PEM, with those above it behind it.',
  }),
  tlsKeyFile: setting({
    key: 'ssl_options.keyfile',
    classic: 'rabbit.ssl_options.keyfile',
    type: FILE,
    text: 'Its key, in PEM; in the certificate’s file when it is not set.',
  }),
  tlsPassword: setting({
    key: 'ssl_options.password',
    classic: 'rabbit.ssl_options.password',
    type: TEXT,
    secret: true,
    text: 'Opens the key.',
  }),
  tlsCaCertFile: setting({
    key: 'ssl_options.cacertfile',
    classic: 'rabbit.ssl_options.cacertfile',
    type: FILE,
    text: 'Authorities that certificates of clients are signed by.',
  }),
  tlsVerify: setting({
    key: 'ssl_options.verify',
    classic: 'rabbit.ssl_options.verify',
    type: choice(PEER_VERIFICATIONS),
    default: 'verify_none',
    text: 'verify_peer: clients are asked for a certificate, and one that is not good is turned away.',
  }),
  tlsFailIfNoPeerCert: setting({
    key: 'ssl_options.fail_if_no_peer_cert',
    classic: 'rabbit.ssl_options.fail_if_no_peer_cert',
    type: FLAG,
    default: 'false',
    text: 'true: clients without a certificate are turned away, too.',
  }),
  tlsDepth: setting({
    key: 'ssl_options.depth',
    classic: 'rabbit.ssl_options.depth',
    type: COUNT,
    default: DEFAULT_TLS_DEPTH,
    text: 'How many certificates may stand between a client’s and an authority’s.',
  }),
  tlsVersions: named({
    key: 'ssl_options.versions.$name',
    classic: 'rabbit.ssl_options.versions.$name',
    type: choice(TLS_VERSIONS),
    text: `Versions that are spoken: ${TLS_VERSIONS.join(', ')}; tlsv1.3 and tlsv1.2 when none is set.`,
  }),
  tlsCiphers: named({
    key: 'ssl_options.ciphers.$name',
    classic: 'rabbit.ssl_options.ciphers.$name',
    type: TEXT,
    text: 'Ciphers that are used, by OpenSSL’s names.',
  }),
  tlsHonorCipherOrder: setting({
    key: 'ssl_options.honor_cipher_order',
    classic: 'rabbit.ssl_options.honor_cipher_order',
    type: FLAG,
    default: 'true',
    text: 'Whether the order of the ciphers here goes before the client’s.',
  }),
  managementPort: setting({
    key: 'management.tcp.port',
    also: ['management.listener.port'],
    classic: ['rabbitmq_management.tcp_config.port', 'rabbitmq_management.listener.port'],
    type: PORT,
    default: 15_672,
    text: 'TCP port of the HTTP API; 0 takes a free one.',
  }),
  managementHost: setting({
    key: 'management.tcp.ip',
    also: ['management.listener.ip'],
    classic: ['rabbitmq_management.tcp_config.ip', 'rabbitmq_management.listener.ip'],
    type: HOST,
    text: 'Address that the HTTP API listens on; 127.0.0.1 when neither this nor, in a file or a variable, its port is set.',
  }),
  corsAllowOrigins: named({
    key: 'management.cors.allow_origins.$name',
    classic: 'rabbitmq_management.cors_allow_origins.$name',
    type: TEXT,
    text: 'Origins whose pages may use the HTTP API from a browser, such as `https://console.example`; `*` is any.',
  }),
  corsMaxAgeSeconds: setting({
    key: 'management.cors.max_age',
    classic: 'rabbitmq_management.cors_max_age',
    type: SECONDS,
    text: 'Seconds for which a browser need not ask again whether it may.',
  }),
  tlsHandshakeTimeoutMs: setting({
    key: 'ssl_handshake_timeout',
    classic: 'rabbit.ssl_handshake_timeout',
    type: MILLISECONDS,
    default: DEFAULT_LIMITS.tlsHandshakeTimeoutMs,
    text: 'Milliseconds from accepting a connection to the end of the TLS handshake.',
  }),
} as const;
