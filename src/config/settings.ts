/**
 * Every setting of a broker, declared once: its name in a configuration file, its unit, its default and what it is for. The
 * file and the command line fill the same schema. Names are RabbitMQ's where RabbitMQ has the setting.
 */
import { DEFAULT_ALARMS } from './alarm-options.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { ALTERNATIVE_NAME_TYPES, AUTH_MECHANISMS, CERTIFICATE_LOGINS } from './login-options.ts';
import { DEFAULT_NODE_NAME, readNodeName } from './node-name.ts';
import {
  readBytes,
  readChoice,
  readCount,
  readFlag,
  readHost,
  readListed,
  readListener,
  readMilliseconds,
  readPattern,
  readPort,
  readShare,
  readText,
} from './setting-values.ts';
import { DEFAULT_TLS_DEPTH, PEER_VERIFICATIONS, TLS_VERSIONS } from './tls-options.ts';

export interface Setting<T> {
  /** As it stands in a configuration file. `$name` is the user's to choose: there may be several. */
  readonly key: string;
  /** One line for the documentation. */
  readonly text: string;
  /** As it would be written in a file; undefined where there is none. */
  readonly default?: string;
  /** With `$name`: whether the key without it may be set to `none`, which leaves not even the default. */
  readonly mayBeNone?: boolean;
  /**
   * @param name what stands for `$name`; left out for `none`
   * @param before what came to it before
   * @throws Error that says what is expected
   */
  read(text: string, name?: string, before?: T): T;
}

const setting = <T>(key: string, text: string, read: Setting<T>['read'], fallback?: string | number): Setting<T> => ({
  key,
  text,
  read,
  ...(fallback === undefined ? {} : { default: String(fallback) }),
});

/** By the names that the user chose, in the order of the file. */
export type Named<T> = ReadonlyMap<string, T>;

/** Whatever else is said of it, `none` is none. */
const NONE: Named<never> = new Map<string, never>();

const named = <T>(key: string, text: string, read: (text: string) => T, fallback?: string): Setting<Named<T>> => {
  const readOne = (value: string, name?: string, before: Named<T> = new Map()): Named<T> => {
    const none: Named<T> = NONE;
    return name === undefined || before === none ? none : new Map([...before, [name, read(value)]]);
  };
  return setting(key, text, readOne, fallback);
};

const orNone = <T>(declared: Setting<T>): Setting<T> => ({ ...declared, mayBeNone: true });

const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'none'] as const;
const CALCULATION_STRATEGIES = ['rss', 'allocated', 'legacy', 'erlang'] as const;
const CONFIRM_WHEN = ['fdatasync', 'operating-system'] as const;

export const SETTINGS = {
  tcpListeners: orNone(
    named('listeners.tcp.$name', 'Where clients connect: a port, or ADDRESS:PORT.', readListener, '127.0.0.1:5672'),
  ),
  tlsListeners: orNone(named('listeners.ssl.$name', 'Where clients connect with TLS.', readListener)),
  tlsCertFile: setting('ssl_options.certfile', 'The certificate, in PEM, with those above it behind it.', readText),
  tlsKeyFile: setting(
    'ssl_options.keyfile',
    'Its key, in PEM; in the certificate’s file when it is not set.',
    readText,
  ),
  tlsPassword: setting('ssl_options.password', 'Opens the key.', readText),
  tlsCaCertFile: setting('ssl_options.cacertfile', 'Authorities that certificates of clients are signed by.', readText),
  tlsVerify: setting(
    'ssl_options.verify',
    'verify_peer: clients are asked for a certificate, and one that is not good is turned away.',
    readChoice(PEER_VERIFICATIONS),
    'verify_none',
  ),
  tlsFailIfNoPeerCert: setting(
    'ssl_options.fail_if_no_peer_cert',
    'true: clients without a certificate are turned away, too.',
    readFlag,
    'false',
  ),
  tlsDepth: setting(
    'ssl_options.depth',
    'How many certificates may stand between a client’s and an authority’s.',
    readCount,
    DEFAULT_TLS_DEPTH,
  ),
  tlsVersions: named(
    'ssl_options.versions.$name',
    `Versions that are spoken: ${TLS_VERSIONS.join(', ')}; tlsv1.3 and tlsv1.2 when none is set.`,
    readChoice(TLS_VERSIONS),
  ),
  tlsCiphers: named('ssl_options.ciphers.$name', 'Ciphers that are used, by OpenSSL’s names.', readText),
  tlsHonorCipherOrder: setting(
    'ssl_options.honor_cipher_order',
    'Whether the order of the ciphers here goes before the client’s.',
    readFlag,
    'true',
  ),
  authMechanisms: named(
    'auth_mechanisms.$name',
    'SASL mechanisms that clients are offered: EXTERNAL, AMQPLAIN, PLAIN; the last two when none is set.',
    readChoice(AUTH_MECHANISMS),
  ),
  certificateLoginFrom: setting(
    'ssl_cert_login_from',
    'Where a client’s certificate has the name of its user, for EXTERNAL.',
    // RabbitMQ has two words for the last of them.
    (text) => readChoice(CERTIFICATE_LOGINS)(text.replace(/^subject_alt_name$/, 'subject_alternative_name')),
    'distinguished_name',
  ),
  certificateNameType: setting(
    'ssl_cert_login_san_type',
    `Of the alternative names, those of this type: ${ALTERNATIVE_NAME_TYPES.join(', ')}.`,
    readChoice(ALTERNATIVE_NAME_TYPES),
    'dns',
  ),
  certificateNameIndex: setting('ssl_cert_login_san_index', 'And of these, which one, from 0.', readCount, 0),
  loopbackUsers: orNone(
    setting(
      'loopback_users.$name',
      'Users that may log in from this machine only: true or false.',
      readListed,
      'guest',
    ),
  ),
  managementPort: setting('management.tcp.port', 'TCP port of the HTTP API; 0 takes a free one.', readPort, 15_672),
  managementHost: setting('management.tcp.ip', 'Address that the HTTP API listens on.', readHost, '127.0.0.1'),
  corsAllowOrigins: named(
    'management.cors.allow_origins.$name',
    'Origins whose pages may use the HTTP API from a browser, such as `https://console.example`; `*` is any.',
    readText,
  ),
  corsMaxAgeSeconds: setting(
    'management.cors.max_age',
    'Seconds for which a browser need not ask again whether it may.',
    readCount,
  ),
  dataDir: setting('data_dir', 'Directory of messages and definitions.', readText, 'data'),
  nodeName: setting(
    'node_name',
    'What the node is called: NAME@HOST, or NAME for one on this host.',
    readNodeName,
    DEFAULT_NODE_NAME,
  ),
  clusterName: setting('cluster_name', 'Reported to clients; the name of the node when it is not set.', readText),
  defaultUser: setting('default_user', 'The user that an empty broker is given.', readText, 'guest'),
  defaultPassword: setting('default_pass', 'Its password.', readText, 'guest'),
  defaultUserTags: setting('default_user_tags.$name', 'Its tags: true or false.', readListed, 'administrator'),
  defaultVhost: setting('default_vhost', 'The vhost that an empty broker is given.', readText, '/'),
  defaultConfigure: setting(
    'default_permissions.configure',
    'What the user may configure there: a regular expression over names.',
    readPattern,
    '.*',
  ),
  defaultWrite: setting('default_permissions.write', 'What it may write.', readPattern, '.*'),
  defaultRead: setting('default_permissions.read', 'What it may read.', readPattern, '.*'),
  loadDefinitions: setting('load_definitions', 'A definitions file of RabbitMQ; read at every start.', readText),
  logLevel: setting('log.console.level', `One of ${LOG_LEVELS.join(', ')}.`, readChoice(LOG_LEVELS), 'warning'),
  confirmWhen: setting(
    'confirm_when',
    'fdatasync: the disk has what is confirmed. operating-system: the kernel has it, and a power failure may lose it.',
    readChoice(CONFIRM_WHEN),
    'fdatasync',
  ),
  messageMemoryBytes: setting(
    'message_memory_limit',
    'Messages beyond this are moved to disk. A number of bytes, or with kB, MB, GB, KiB, MiB, GiB.',
    readBytes,
    '128MiB',
  ),
  journalFileBytes: setting(
    'journal_file_size',
    'Size of a journal file, from 1MiB up; 64MiB, or a sixteenth of a small disk, when it is not set.',
    readBytes,
  ),
  memoryWatermarkRelative: setting(
    'vm_memory_high_watermark.relative',
    'Publishers are blocked while the broker takes more than this share of the machine’s memory.',
    readShare,
    '0.4',
  ),
  memoryWatermarkAbsolute: setting(
    'vm_memory_high_watermark.absolute',
    'The same as a number of bytes, where no share is set.',
    readBytes,
  ),
  memoryPagingRatio: setting(
    'vm_memory_high_watermark_paging_ratio',
    'Messages are moved to disk at this share of what the watermark leaves for them, where message_memory_limit is not set.',
    readShare,
    DEFAULT_ALARMS.memoryPagingRatio,
  ),
  longestMemoryCheckMs: setting(
    'memory_monitor_interval',
    'Milliseconds between two looks at the memory, at most: close to the watermark it is looked at more often.',
    readMilliseconds,
    DEFAULT_ALARMS.longestMemoryCheckMs,
  ),
  memoryCalculationStrategy: setting(
    'vm_memory_calculation_strategy',
    'Taken as it is in RabbitMQ; resident memory (rss) is what is measured with each of them.',
    readChoice(CALCULATION_STRATEGIES),
    'rss',
  ),
  diskFreeLimitAbsolute: setting(
    'disk_free_limit.absolute',
    'Publishers are blocked while less than this is free where the messages are.',
    readBytes,
    '50MB',
  ),
  diskFreeLimitRelative: setting(
    'disk_free_limit.relative',
    'The same as a multiple of the machine’s memory; goes before a number of bytes.',
    readShare,
  ),
  maxConnections: setting('connection_max', 'Connections; `infinity` is no limit.', readCount, 'infinity'),
  channelMax: setting('channel_max', 'Channels of a connection; 0 is no limit.', readCount, DEFAULT_LIMITS.channelMax),
  frameMaxBytes: setting('frame_max', 'Bytes of a frame; 0 is no limit.', readBytes, DEFAULT_LIMITS.frameMaxBytes),
  heartbeatSeconds: setting(
    'heartbeat',
    'Seconds; 0 turns heartbeats off.',
    readCount,
    DEFAULT_LIMITS.heartbeatSeconds,
  ),
  handshakeTimeoutMs: setting(
    'handshake_timeout',
    'Milliseconds from accepting a connection to connection.open.',
    readMilliseconds,
    DEFAULT_LIMITS.handshakeTimeoutMs,
  ),
  tlsHandshakeTimeoutMs: setting(
    'ssl_handshake_timeout',
    'Milliseconds from accepting a connection to the end of the TLS handshake.',
    readMilliseconds,
    DEFAULT_LIMITS.tlsHandshakeTimeoutMs,
  ),
  maxMessageBytes: setting('max_message_size', 'Bytes of a body.', readBytes, DEFAULT_LIMITS.maxMessageBytes),
  maxAssemblyBytes: setting(
    'unfinished_messages_max',
    'Bytes of messages that came in part, on all channels of a connection.',
    readBytes,
    DEFAULT_LIMITS.maxAssemblyBytes,
  ),
  consumerTimeoutMs: setting(
    'consumer_timeout',
    'Milliseconds that a delivery may wait for its ack.',
    readMilliseconds,
    DEFAULT_LIMITS.consumerTimeoutMs,
  ),
  maxUnackedPerChannel: setting(
    'channel_unacked_max',
    'Deliveries of a channel that wait for their ack.',
    readCount,
    DEFAULT_LIMITS.maxUnackedPerChannel,
  ),
  maxSendBufferBytes: setting(
    'send_buffer_max',
    'Bytes that wait for a slow reader before its consumers get nothing more.',
    readBytes,
    DEFAULT_LIMITS.maxSendBufferBytes,
  ),
  sendTimeoutMs: setting(
    'send_timeout',
    'Milliseconds after which a reader that takes nothing is cut off.',
    readMilliseconds,
    DEFAULT_LIMITS.sendTimeoutMs,
  ),
  maxBlockedBytes: setting(
    'blocked_buffer_max',
    'Bytes that a connection which consumes may send while its publishes are stopped, before it is not read any more.',
    readBytes,
    DEFAULT_LIMITS.maxBlockedBytes,
  ),
  maxReplyBufferBytes: setting(
    'reply_buffer_max',
    'Bytes that wait for a requester that does not read before replies to it (direct reply-to) are dropped.',
    readBytes,
    DEFAULT_LIMITS.maxReplyBufferBytes,
  ),
  maxTransactionBytes: setting(
    'transaction_size_max',
    'Bytes of an open transaction.',
    readBytes,
    DEFAULT_LIMITS.maxTransactionBytes,
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;

/** What was set; what was not is left out. */
export type Settings = { -readonly [Name in SettingName]?: ReturnType<(typeof SETTINGS)[Name]['read']> };

/** @throws Error naming the key, and what is expected of its value. */
export function setSetting<Name extends SettingName>(
  settings: Settings,
  name: Name,
  text: string,
  part?: string,
): void {
  const declared = SETTINGS[name] as Setting<Settings[Name]>;
  try {
    settings[name] = declared.read(text, part, settings[name]);
  } catch (error) {
    throw new Error(`${declared.key.replace('$name', part ?? '')} = ${text}: ${(error as Error).message}`);
  }
}
