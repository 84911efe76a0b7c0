/** Settings of what the HTTP API answers, and how; those of where it listens are in listening-settings.ts. */
import { setting } from './setting.ts';
import { BYTES, FLAG, MILLISECONDS, TEXT } from './setting-types.ts';

export const MANAGEMENT_SETTINGS = {
  managementPathPrefix: setting({
    key: 'management.path_prefix',
    classic: 'rabbitmq_management.path_prefix',
    type: TEXT,
    text: 'In front of every path of the HTTP API, such as `/broker`, for what stands behind a reverse proxy.',
  }),
  managementBodyBytes: setting({
    key: 'management.http.max_body_size',
    classic: 'rabbitmq_management.max_http_body_size',
    type: BYTES,
    default: 20_000_000,
    text: 'Bytes of a request’s body.',
  }),
  managementCompress: setting({
    key: 'management.tcp.compress',
    classic: 'rabbitmq_management.tcp_config.cowboy_opts.compress',
    type: FLAG,
    default: 'true',
    text: 'Whether callers that take gzip are given it.',
  }),
  managementIdleTimeoutMs: setting({
    key: 'management.tcp.idle_timeout',
    classic: 'rabbitmq_management.tcp_config.cowboy_opts.idle_timeout',
    type: MILLISECONDS,
    default: 60_000,
    text: 'Milliseconds after which a caller who says nothing is cut off.',
  }),
  httpLogDir: setting({
    key: 'management.http_log_dir',
    classic: 'rabbitmq_management.http_log_dir',
    type: TEXT,
    text: 'Directory where a file an hour, `access.log.YYYY_MM_DD_HH`, is given a line for every request.',
  }),
  contentSecurityPolicy: setting({
    key: 'management.csp.policy',
    classic: 'rabbitmq_management.content_security_policy',
    type: TEXT,
    default: "script-src 'self'; object-src 'self'",
    text: 'The header `Content-Security-Policy` of answers.',
  }),
  strictTransportSecurity: setting({
    key: 'management.hsts.policy',
    classic: 'rabbitmq_management.strict_transport_security',
    type: TEXT,
    text: 'The header `Strict-Transport-Security` of answers, such as `max-age=31536000`.',
  }),
  contentTypeOptions: setting({
    key: 'management.headers.content_type_options',
    classic: 'rabbitmq_management.headers.content_type_options',
    type: TEXT,
    text: 'The header `X-Content-Type-Options` of answers.',
  }),
  frameOptions: setting({
    key: 'management.headers.frame_options',
    classic: 'rabbitmq_management.headers.frame_options',
    type: TEXT,
    text: 'The header `X-Frame-Options` of answers.',
  }),
  xssProtection: setting({
    key: 'management.headers.xss_protection',
    classic: 'rabbitmq_management.headers.xss_protection',
    type: TEXT,
    text: 'The header `X-XSS-Protection` of answers.',
  }),
  disableStats: setting({
    key: 'management.disable_stats',
    classic: 'rabbitmq_management.disable_management_stats',
    type: FLAG,
    default: 'false',
    text: 'Lists show what things are, and not what is counted of them; lists of channels and consumers are refused.',
  }),
  enableQueueTotals: setting({
    key: 'management.enable_queue_totals',
    classic: 'rabbitmq_management.enable_queue_totals',
    type: FLAG,
    default: 'false',
    text: 'With `management.disable_stats`: how many messages are in each queue is shown all the same.',
  }),
} as const;
