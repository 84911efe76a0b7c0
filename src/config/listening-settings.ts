/** Settings of where clients connect, with TLS or without, and of the HTTP API. */
import { DEFAULT_LIMITS } from './limits.ts';
import { named, setting } from './setting.ts';
import { HOST, LISTENER, MILLISECONDS, PORT, SECONDS, TEXT } from './setting-types.ts';
import { tlsSettings } from './tls-settings.ts';

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
  ...tlsSettings('tls', 'ssl_options', 'rabbit.ssl_options'),
  managementPort: setting({
    key: 'management.tcp.port',
    classic: 'rabbitmq_management.tcp_config.port',
    type: PORT,
    default: 15_672,
    text: 'TCP port of the HTTP API; 0 takes a free one.',
  }),
  managementHost: setting({
    key: 'management.tcp.ip',
    classic: 'rabbitmq_management.tcp_config.ip',
    type: HOST,
    text: 'Address that the HTTP API listens on; 127.0.0.1 when neither this nor, in a file or a variable, its port is set.',
  }),
  ...tlsSettings('managementTls', 'management.ssl', 'rabbitmq_management.ssl_config'),
  managementTlsPort: setting({
    key: 'management.ssl.port',
    classic: 'rabbitmq_management.ssl_config.port',
    type: PORT,
    default: 15_671,
    text: 'TCP port of the HTTP API with TLS; 0 takes a free one.',
  }),
  managementTlsHost: setting({
    key: 'management.ssl.ip',
    classic: 'rabbitmq_management.ssl_config.ip',
    type: HOST,
    text: 'Address that the HTTP API listens on with TLS; 127.0.0.1 when neither this nor, in a file or a variable, its port is set.',
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
