/**
 * Every setting of a broker, declared once: its name in a configuration file, its unit, its default and what it is for. The
 * file and the command line fill the same schema. Names are RabbitMQ's where RabbitMQ has the setting.
 */
import { DEFAULT_LIMITS } from './limits.ts';
import { readBytes, readChoice, readCount, readListener, readMilliseconds, readText } from './setting-values.ts';

export interface Setting<T> {
  /** As it stands in a configuration file. */
  readonly key: string;
  /** One line for the documentation. */
  readonly text: string;
  /** As it would be written in a file; undefined where there is none. */
  readonly default?: string;
  /** @throws Error that says what is expected. */
  read(text: string): T;
}

const setting = <T>(key: string, text: string, read: (text: string) => T, fallback?: string | number): Setting<T> => ({
  key,
  text,
  read,
  ...(fallback === undefined ? {} : { default: String(fallback) }),
});

const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'none'] as const;
const CONFIRM_WHEN = ['fdatasync', 'operating-system'] as const;

export const SETTINGS = {
  listener: setting(
    'listeners.tcp.default',
    'Where clients connect: a port, or ADDRESS:PORT.',
    readListener,
    '127.0.0.1:5672',
  ),
  dataDir: setting('data_dir', 'Directory of messages and definitions.', readText, 'data'),
  clusterName: setting('cluster_name', 'Reported to clients; the host name when it is not set.', readText),
  defaultUser: setting('default_user', 'The user that an empty broker is given.', readText, 'guest'),
  defaultPassword: setting('default_pass', 'Its password.', readText, 'guest'),
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
export function setSetting<Name extends SettingName>(settings: Settings, name: Name, text: string): void {
  const declared = SETTINGS[name] as Setting<Settings[Name]>;
  try {
    settings[name] = declared.read(text);
  } catch (error) {
    throw new Error(`${declared.key} = ${text}: ${(error as Error).message}`);
  }
}
