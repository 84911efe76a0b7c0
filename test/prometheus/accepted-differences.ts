/** Where the metrics of Leveret are not those of RabbitMQ 3.10.8, and why. docs/metrics.md says the same to users. */

export interface AcceptedDifference {
  /** Names, whole. */
  readonly metrics: RegExp;
  /** Of `/metrics` alone. */
  readonly isOfSums?: boolean;
  readonly reason: string;
}

/** What RabbitMQ has and Leveret has not. */
export const NOT_THERE: readonly AcceptedDifference[] = [
  { metrics: /erlang_\w+/, reason: 'There is no Erlang in Leveret; what Node tells is in nodejs_*.' },
  {
    metrics: /rabbitmq_(erlang_(?!uptime)\w+|\w+_process_(reductions_total|memory_bytes))/,
    reason: 'Queues, channels and connections are no processes with memory and work of their own.',
  },
  { metrics: /rabbitmq_raft_\w+/, reason: 'There is no Raft: a quorum queue is a durable queue of this node.' },
  {
    metrics: /telemetry_scrape_\w+/,
    reason: 'Of the library that writes the text; Prometheus itself measures scrapes.',
  },
  {
    metrics: /rabbitmq_alarms_file_descriptor_limit/,
    reason: 'There is no such alarm: connections are limited instead.',
  },
  {
    metrics: /rabbitmq_(io_(?!write_)|msg_store_|queue_index_|schema_db_)\w+|rabbitmq_queue_disk_(reads|writes)_total/,
    reason: 'Of RabbitMQ’s store. The journal syncs with its writes, for all queues at once; reads are not counted.',
  },
  {
    metrics: /rabbitmq_queue_messages_(ram|ready_ram|unacked_ram|persistent|paged_out)(_bytes)?/,
    reason: 'Whether a message is in memory or on the disk belongs to its page, and is not counted for queues.',
  },
  {
    metrics: /rabbitmq_queue_messages(_unacked)?_bytes/,
    reason: 'Octets are counted of what is ready, not of what is unacknowledged.',
  },
  {
    metrics: /rabbitmq_queue_(consumer_capacity|consumer_utilisation|head_message_timestamp)/,
    reason: 'Not measured.',
  },
  {
    metrics: /rabbitmq_connection_(incoming|outgoing|pending)_packets(_total)?/,
    reason: 'Octets are counted, not what was read and written at once.',
  },
  {
    metrics: /rabbitmq_auth_attempts_detailed_\w+/,
    reason: 'Who tried to log in, and from where, is told to whoever logs in: GET /api/auth/attempts/NODE/source.',
  },
  {
    metrics: /rabbitmq_global_messages_dead_lettered_confirmed_total/,
    reason: 'There is no dead-lettering with confirms (at-least-once).',
  },
];

/** What both have, with other values. */
export const OTHER_VALUES: readonly AcceptedDifference[] = [
  { metrics: /rabbitmq_io_write_\w+/, reason: 'Other stores write otherwise.' },
  {
    metrics: /rabbitmq_queue_messages_published_total/,
    reason:
      'RabbitMQ’s sum falls when a channel is closed, and has what no queue took of the default exchange; it is told by channel, exchange and queue, and here by exchange and queue, with rates_mode detailed.',
  },
  {
    metrics: /process_start_time_seconds|rabbitmq_(process|resident|disk)_\w+|rabbitmq_erlang_uptime_seconds/,
    reason: 'Of the machine and the moment.',
  },
  { metrics: /rabbitmq_(build|identity)_info/, reason: 'They say who answers.' },
  {
    metrics: /rabbitmq_connection_(incoming|outgoing)_bytes_total/,
    reason: 'What the broker says of itself in a handshake is of another length.',
  },
  {
    metrics: /rabbitmq_connections_closed_total/,
    reason: 'RabbitMQ counts sockets that were never a connection among those that are closed, but not as opened.',
  },
  {
    metrics: /rabbitmq_global_publishers/,
    reason: 'RabbitMQ 3.10.8 does not count those down that are closed.',
  },
  {
    metrics: /rabbitmq_channel_(get(_ack|_empty)?|messages_\w+)_total/,
    isOfSums: true,
    reason: 'RabbitMQ’s sums fall when a channel is closed or a queue is deleted; those of Leveret do not.',
  },
  {
    metrics: /rabbitmq_queue_consumers/,
    reason: 'RabbitMQ counts whoever holds a message that basic.get took from a quorum queue as its consumer.',
  },
];
