/** Settings of the limits of limits.ts. */
import { DEFAULT_LIMITS } from './limits.ts';
import { setting } from './setting.ts';
import { BYTES, COUNT, MILLISECONDS, SECONDS, type SettingType, TIMEOUT } from './setting-types.ts';

/** Where RabbitMQ takes a unit, it means another one than in all other sizes: `KB` is of 1024. */
const FRAME_SIZE: SettingType<number> = {
  ...BYTES,
  read: (text) => BYTES.read(text.replace(/(?<=\d)(kb|KB|mb|MB|gb|GB)$/, (unit) => `${unit[0]}iB`)),
};

export const LIMIT_SETTINGS = {
  maxConnections: setting({
    key: 'connection_max',
    classic: 'rabbit.connection_max',
    type: COUNT,
    default: 'infinity',
    text: 'Connections; `infinity` is no limit.',
  }),
  channelMax: setting({
    key: 'channel_max',
    classic: 'rabbit.channel_max',
    type: COUNT,
    default: DEFAULT_LIMITS.channelMax,
    text: 'Channels of a connection; 0 is no limit.',
  }),
  frameMaxBytes: setting({
    key: 'frame_max',
    classic: 'rabbit.frame_max',
    type: FRAME_SIZE,
    default: DEFAULT_LIMITS.frameMaxBytes,
    text: 'Bytes of a frame; 0 is no limit.',
  }),
  heartbeatSeconds: setting({
    key: 'heartbeat',
    classic: 'rabbit.heartbeat',
    type: SECONDS,
    default: DEFAULT_LIMITS.heartbeatSeconds,
    text: 'Seconds; 0 turns heartbeats off.',
  }),
  handshakeTimeoutMs: setting({
    key: 'handshake_timeout',
    classic: 'rabbit.handshake_timeout',
    type: TIMEOUT,
    default: DEFAULT_LIMITS.handshakeTimeoutMs,
    text: 'Milliseconds from accepting a connection to connection.open.',
  }),
  maxMessageBytes: setting({
    key: 'max_message_size',
    classic: 'rabbit.max_message_size',
    type: BYTES,
    default: DEFAULT_LIMITS.maxMessageBytes,
    text: 'Bytes of a body.',
  }),
  maxAssemblyBytes: setting({
    key: 'unfinished_messages_max',
    type: BYTES,
    default: DEFAULT_LIMITS.maxAssemblyBytes,
    text: 'Bytes of messages that came in part, on all channels of a connection.',
  }),
  consumerTimeoutMs: setting({
    key: 'consumer_timeout',
    classic: 'rabbit.consumer_timeout',
    type: TIMEOUT,
    default: DEFAULT_LIMITS.consumerTimeoutMs,
    text: 'Milliseconds that a delivery may wait for its ack.',
  }),
  maxUnackedPerChannel: setting({
    key: 'channel_unacked_max',
    type: COUNT,
    default: DEFAULT_LIMITS.maxUnackedPerChannel,
    text: 'Deliveries of a channel that wait for their ack.',
  }),
  maxSendBufferBytes: setting({
    key: 'send_buffer_max',
    type: BYTES,
    default: DEFAULT_LIMITS.maxSendBufferBytes,
    text: 'Bytes that wait for a slow reader before its consumers get nothing more.',
  }),
  sendTimeoutMs: setting({
    key: 'send_timeout',
    type: MILLISECONDS,
    default: DEFAULT_LIMITS.sendTimeoutMs,
    text: 'Milliseconds after which a reader that takes nothing is cut off.',
  }),
  maxBlockedBytes: setting({
    key: 'blocked_buffer_max',
    type: BYTES,
    default: DEFAULT_LIMITS.maxBlockedBytes,
    text: 'Bytes that a connection which consumes may send while its publishes are stopped, before it is not read any more.',
  }),
  maxReplyBufferBytes: setting({
    key: 'reply_buffer_max',
    type: BYTES,
    default: DEFAULT_LIMITS.maxReplyBufferBytes,
    text: 'Bytes that wait for a requester that does not read before replies to it (direct reply-to) are dropped.',
  }),
  maxTransactionBytes: setting({
    key: 'transaction_size_max',
    type: BYTES,
    default: DEFAULT_LIMITS.maxTransactionBytes,
    text: 'Bytes of an open transaction.',
  }),
} as const;
