/**
 * Every limit has a name, a unit, a default and a reason; docs/limits.md has them for users. How deep field tables nest is the
 * one that cannot be set, MAX_TABLE_DEPTH: what one node has taken, every other and every later one must be able to read.
 */
export interface Limits {
  /** Connections to all listeners; Infinity: as many as the system has file descriptors for. */
  readonly maxConnections: number;
  /** Channels of one connection, as offered in connection.tune. */
  readonly channelMax: number;
  /** Octets of a frame, as offered in connection.tune; 0 is no limit. */
  readonly frameMaxBytes: number;
  /** Offered in connection.tune; 0 turns heartbeats off. */
  readonly heartbeatSeconds: number;
  /** From accepting a connection to connection.open. */
  readonly handshakeTimeoutMs: number;
  /** From accepting a connection on a TLS port to the end of the TLS handshake. */
  readonly tlsHandshakeTimeoutMs: number;
  /** Body octets of a message; a larger one is refused with 406. */
  readonly maxMessageBytes: number;
  /** Octets of the buffers in which one connection's channels put messages together that come in many frames; then 506. */
  readonly maxAssemblyBytes: number;
  /** Deliveries of one channel that wait for their ack; at the limit its consumers get nothing more, and basic.get a 406. */
  readonly maxUnackedPerChannel: number;
  /** How long a delivery may wait for its ack before its channel is closed with 406. */
  readonly consumerTimeoutMs: number;
  /** Octets that wait for a slow reader before its consumers get nothing more; with as many of answers, its requests wait too. */
  readonly maxSendBufferBytes: number;
  /** A reader that takes nothing at all for this long, while as much waits, is cut off. */
  readonly sendTimeoutMs: number;
  /** Octets that a connection which consumes may send while its publishes are stopped, before it is not read any more. */
  readonly maxBlockedBytes: number;
  /** Octets that wait for a requester that does not read before replies to it (direct reply-to) are dropped. */
  readonly maxReplyBufferBytes: number;
  /** Octets of one open transaction, with what each held publish costs. */
  readonly maxTransactionBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxConnections: Number.POSITIVE_INFINITY,
  channelMax: 2047,
  frameMaxBytes: 131072,
  heartbeatSeconds: 60,
  handshakeTimeoutMs: 10_000,
  tlsHandshakeTimeoutMs: 5_000,
  maxMessageBytes: 134_217_728,
  maxAssemblyBytes: 536_870_912,
  maxUnackedPerChannel: 1_000_000,
  consumerTimeoutMs: 1_800_000,
  maxSendBufferBytes: 1_048_576,
  sendTimeoutMs: 300_000,
  maxBlockedBytes: 4_194_304,
  maxReplyBufferBytes: 67_108_864,
  maxTransactionBytes: 134_217_728,
};
