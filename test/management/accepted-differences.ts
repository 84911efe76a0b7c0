/**
 * Where Leveret's HTTP API answers something else than RabbitMQ 3.10.8's on purpose, each with its reason. A difference that
 * replaces nothing any more fails its test, so that the list cannot grow stale.
 */

export interface LeftOut {
  /** Fields that RabbitMQ shows and Leveret does not. */
  readonly fields: readonly string[];
  readonly reason: string;
}

export const FIELDS_LEFT_OUT: readonly LeftOut[] = [
  {
    fields: ['garbage_collection', 'reductions', 'reductions_details', 'erlang_version', 'erlang_full_version'],
    reason: "They are about Erlang's processes, which Leveret does not have.",
  },
  {
    fields: ['run_queue', 'proc_used', 'proc_used_details', 'proc_total', 'net_ticktime', 'applications', 'gc_num'],
    reason: "They are about Erlang's virtual machine.",
  },
  {
    fields: ['gc_num_details', 'gc_bytes_reclaimed', 'gc_bytes_reclaimed_details', 'context_switches'],
    reason: "They are about Erlang's virtual machine.",
  },
  {
    fields: [
      'context_switches_details',
      'metrics_gc_queue_length',
      'ra_open_file_metrics',
      'log_files',
      'config_files',
    ],
    reason: 'They are about parts of RabbitMQ that Leveret does not have, or has otherwise.',
  },
  {
    fields: [
      ...[
        'io_read_count',
        'io_read_bytes',
        'io_read_avg_time',
        'io_write_count',
        'io_write_bytes',
        'io_write_avg_time',
      ],
      ...['io_sync_count', 'io_sync_avg_time', 'io_seek_count', 'io_seek_avg_time', 'io_reopen_count'],
      ...['mnesia_ram_tx_count', 'mnesia_disk_tx_count', 'msg_store_read_count', 'msg_store_write_count'],
      ...['queue_index_write_count', 'queue_index_read_count', 'disk_reads', 'disk_writes'],
    ].flatMap((name) => [name, `${name}_details`]),
    reason: "They are about RabbitMQ's message store; Leveret keeps one journal.",
  },
  {
    fields: ['backing_queue_status', 'memory', 'messages_ram', 'messages_paged_out', 'messages_persistent'],
    reason: 'Messages of all queues lie in the same pages: there is no share of one queue.',
  },
  {
    fields: ['messages_ready_ram', 'messages_unacknowledged_ram', 'message_bytes_ram', 'message_bytes_paged_out'],
    reason: 'Messages of all queues lie in the same pages: there is no share of one queue.',
  },
  {
    fields: ['message_bytes', 'message_bytes_persistent', 'message_bytes_unacknowledged', 'head_message_timestamp'],
    reason: 'Only what is ready is counted in octets.',
  },
  {
    fields: ['consumer_capacity', 'consumer_utilisation', 'idle_since', 'recoverable_slaves', 'consumer_timeout'],
    reason: 'Nobody measures it.',
  },
  {
    fields: ['recv_cnt', 'send_cnt', 'pending_raft_commands'],
    reason: 'Nobody counts it.',
  },
  {
    fields: ['contexts'],
    reason: 'The listeners say where the HTTP API is.',
  },
  {
    fields: ['user_who_performed_action'],
    reason: 'Leveret does not remember who declared something.',
  },
  {
    fields: ['statistics_db_event_queue', 'release_series_support_status'],
    reason: 'They are about how RabbitMQ keeps its figures, and how long it is supported.',
  },
];

export interface AcceptedAnswer {
  /** The calls as the transcript names them; a pattern for many. */
  readonly calls: RegExp;
  readonly reason: string;
  /** What RabbitMQ says. */
  readonly rabbitMq: string | RegExp;
  /** What Leveret says in its place. */
  readonly leveret: string;
}

export const ACCEPTED_ANSWERS: readonly AcceptedAnswer[] = [
  {
    calls: /^GET \/api\/vhosts(\/v1)?$/,
    reason:
      'Leveret knows from the start that nothing is in a queue; RabbitMQ leaves the figures out until it has some.',
    rabbitMq: /"metadata":/g,
    leveret:
      '"messages":0,"messages_details":{"rate":0},"messages_ready":0,"messages_ready_details":{"rate":0},' +
      '"messages_unacknowledged":0,"messages_unacknowledged_details":{"rate":0},"metadata":',
  },
  {
    calls: /^GET \/api\/vhosts\/%2F$/,
    reason: 'What went over connections is kept with them, not for the vhost once they are gone.',
    rabbitMq:
      '"recv_oct":"number","recv_oct_details":{"rate":"number"},"send_oct":"number","send_oct_details":{"rate":"number"},',
    leveret: '',
  },
  {
    calls: /^GET \/api\/nodes(\/NODE)?$/,
    reason: 'Leveret has no plugins: what it can do is there.',
    rabbitMq: '"enabled_plugins":["string"]',
    leveret: '"enabled_plugins":[]',
  },
  {
    calls: /^PUT \/api\/policies\/%2F\/p .*"pattern":"\("/,
    reason: 'Why a pattern is no regular expression is said by JavaScript here, not by PCRE.',
    rabbitMq: '{\\"missing )\\",1}',
    leveret: 'Unterminated group',
  },
  {
    calls: /^GET \/api\/policies\/%2F\/mirrored$/,
    reason: 'There is no mirroring yet: such keys are kept for later, and named as what does nothing.',
    rabbitMq: '"pattern":',
    leveret: '"not_active":["ha-mode"],"pattern":',
  },
  ...['classic_mirrored_queue_version', 'stream_queue'].map((name) => ({
    calls: /^GET \/api\/feature-flags\?columns=name/,
    reason: 'What a flag is about is not there, and enabling it would not bring it.',
    rabbitMq: `"${name}","stability":"stable","state":"enabled"`,
    leveret: `"${name}","stability":"stable","state":"unavailable"`,
  })),
  {
    calls: /^GET \/api\/connections\/username\/guest as (in|out)-(management|policymaker)$/,
    reason: 'RabbitMQ means to refuse it, and falls over that.',
    rabbitMq: '500',
    leveret: '401\n  {"error":"not_authorised","reason":"User not authorised to access object"}',
  },
  {
    calls: /^POST \/api\/definitions\/moved (\[1\]|\{bad)$/,
    reason: 'What is no JSON is told in the same words everywhere.',
    rabbitMq: 'failed_to_parse_json',
    leveret: 'not_json',
  },
  {
    calls: /^GET \/api\/nodes\/none$/,
    reason: 'A node that is not there is told as such.',
    rabbitMq: '500',
    leveret: '404\n  {"error":"Object Not Found","reason":"Not Found"}',
  },
  {
    calls: /^GET \/api\/whoami if-none-match/,
    reason: 'RabbitMQ takes a condition that holds for one that fails.',
    rabbitMq: '412',
    leveret: '200\n  {"name":"guest","tags":["administrator"]}',
  },
  {
    calls: /^(PUT \/api\/vhost-limits\/v1\/max-queues|POST \/api\/definitions) content-type: text/,
    reason: 'Any type is taken for JSON here, as it is for most of what RabbitMQ is sent, too.',
    rabbitMq: '415',
    leveret: '204',
  },
  {
    calls: /^POST .*publish .*"properties":\[\]/,
    reason: 'RabbitMQ itself writes properties so that are none; it falls over them when they come back.',
    rabbitMq: '500',
    leveret: '200\n  {"routed":false}',
  },
  {
    calls: /^POST \/api\/exchanges\/none\/amq.default\/publish/,
    reason: 'A vhost that is not there is told as such.',
    rabbitMq: '401\n  {"error":"not_authorised","reason":"Access refused."}',
    leveret: '404\n  {"error":"Object Not Found","reason":"Not Found"}',
  },
];
