/**
 * Keys that RabbitMQ 3.10 has and that are no settings here. Most are about its insides: they are accepted, with a notice of what
 * happens instead. Those that promise something to a client or to an operator which would not be kept are refused.
 */

export interface Foreign {
  /** Told once, and that is all. */
  readonly notice?: string;
  /** Stops the start. */
  readonly refusal?: string;
}

interface Entry extends Foreign {
  /** Separated by spaces. `a.*` is `a` and all that begins with `a.`; `{a,b}.c` is `a.c` and `b.c`. */
  readonly keys: string;
  /** Values with which it says what is so anyway: nothing is told then. Separated by spaces. */
  readonly only?: string;
}

const SOCKETS = 'sockets have the system’s options, without delay, and 1024 may wait to be accepted';
const STORAGE = 'messages are kept in a journal of another kind; see journal_file_size and message_memory_limit';
const ERLANG = 'it is about the Erlang runtime, which there is not';
const NO_CLUSTER = 'it is about clusters, which are not there yet';
const QUORUM = 'quorum queues are kept in the same journal as all others';
const HTTP_SERVER = 'the HTTP server decides about it';
/** Wherever there is a certificate, under its names in `rabbitmq.conf` and in Erlang terms. */
const TLS = '{ssl_options,management.ssl,management.ssl_config,prometheus.ssl,prometheus.ssl_config.ssl_opts}';
const WITHOUT_TLS = 'it counts with management.listener.ssl = true only';
const NO_PROTOCOL = 'this protocol is not spoken: its clients could not connect';
const NO_BACKEND = 'users are kept by the broker alone: whoever is known elsewhere could not log in';

const ENTRIES: readonly Entry[] = [
  // Listeners and sockets
  { keys: 'num_acceptors.* num_tcp_acceptors num_ssl_acceptors', notice: 'one process accepts on all listeners' },
  { keys: 'tcp_listen_options.nodelay', only: 'true', notice: SOCKETS },
  { keys: 'tcp_listen_options.*', only: 'none', notice: SOCKETS },
  { keys: 'socket_writer.* writer_gc_threshold', notice: 'Node decides when memory is collected' },
  { keys: 'reverse_dns_lookups', only: 'false', notice: 'connections are called by the addresses that they come from' },
  { keys: 'initial_frame_max', notice: 'frames of the handshake have a limit of their own' },
  {
    keys: 'proxy_protocol',
    only: 'false',
    refusal: 'the header of the PROXY protocol is not read: no client could connect',
  },

  // TLS
  { keys: 'ssl_options', only: 'none', refusal: 'expected none, or ssl_options.NAME in front of it' },
  {
    keys: `${TLS}.{cacerts,cert,key,psk_identity}.*`,
    refusal: 'certificates and keys are taken from files: certfile, keyfile and cacertfile',
  },
  {
    keys: `${TLS}.crl_check`,
    only: 'false',
    refusal: 'revocation lists are not read: a certificate that was revoked would be taken',
  },
  {
    keys: `${TLS}.{client_renegotiation,secure_renegotiate,reuse_sessions,honor_ecc_order,dh,dhfile,bypass_pem_cache,eccs,server_name_indication}`,
    notice: 'OpenSSL decides about it',
  },
  { keys: `${TLS}.{log_level,log_alert}`, notice: 'handshakes that fail are in the log of connections' },
  { keys: 'ssl_allow_poodle_attack', only: 'false', notice: 'SSL 3.0 is not spoken' },
  { keys: 'ssl_apps', notice: ERLANG },

  // Users
  {
    keys: 'auth_backends.*',
    only: 'internal rabbit_auth_backend_internal',
    refusal: NO_BACKEND,
  },
  { keys: 'auth_ldap.* auth_http.* auth_oauth2.* auth_cache.* oauth2.*', refusal: NO_BACKEND },
  {
    keys: 'trust_store.*',
    refusal:
      'certificates of clients are verified against ssl_options.cacertfile alone: whom a store trusts could not connect',
  },
  {
    keys: 'password_hashing_module',
    only: 'rabbit_password_hashing_sha256',
    notice: 'new passwords are hashed with SHA-256; hashes of other kinds that are imported go on working',
  },
  {
    keys: 'credential_validator.validation_backend',
    only: 'rabbit_credential_validator_accept_everything',
    refusal: 'passwords are not validated: those that it means to refuse would be taken',
  },
  { keys: 'credential_validator.*', notice: 'it counts together with a validation_backend only' },
  {
    keys: 'track_auth_attempt_source',
    only: 'false',
    notice: 'logins that fail are counted for all addresses together',
  },
  { keys: 'credentials_obfuscation_fallback_secret credentials_obfuscation.*', notice: ERLANG },

  // Definitions
  {
    keys: 'definitions.import_backend',
    only: 'local_filesystem rabbit_definitions_import_local_filesystem',
    refusal: 'definitions are read from a file: load_definitions',
  },
  {
    keys: 'definitions.https.* definitions.url definitions.tls.*',
    refusal: 'definitions are read from a file: load_definitions',
  },
  {
    keys: 'definitions.skip_if_unchanged definitions.hashing.*',
    notice: 'definitions are read at every start; what is there already is left as it is',
  },

  // Memory, disk, queues
  {
    keys: 'queue_index_embed_msgs_below queue_index_max_journal_entries message_store_shutdown_timeout msg_store_shutdown_timeout msg_store_index_module msg_store_file_size_limit msg_store_credit_disc_bound msg_store_io_batch_size backing_queue_module fhc_write_buffering fhc_read_buffering classic_queue.* classic_queue_default_version',
    notice: STORAGE,
  },
  {
    keys: 'background_gc_enabled background_gc_target_interval queue_explicit_gc_run_operation_threshold lazy_queue_explicit_gc_run_operation_threshold',
    notice: 'Node decides when memory is collected',
  },
  { keys: 'hipe_compile', only: 'false', notice: 'what is run often is always compiled, by Node’s JIT' },
  {
    keys: 'disk_monitor_failure_retries disk_monitor_failure_retry_interval',
    notice: 'a disk that does not tell what is free is asked again at the next look',
  },
  {
    keys: 'vhost_restart_strategy',
    notice: 'a vhost does not end by itself; a fault ends the process, and a supervisor starts it again',
  },
  { keys: 'mirroring_sync_batch_size mirroring_sync_max_throughput mirroring_flow_control', notice: NO_CLUSTER },
  { keys: 'queue_master_locator queue_leader_locator', notice: 'all queues are on this node' },
  {
    keys: 'default_consumer_prefetch',
    only: 'false 0',
    refusal: 'consumers that set no prefetch have none: deliveries would not be held back',
  },
  { keys: 'credit_flow_default_credit', notice: 'publishers are slowed by how far the journal is behind' },
  {
    keys: 'raft.* quorum_queue.* quorum_cluster_size quorum_commands_soft_limit quorum_compute_checksums',
    notice: QUORUM,
  },
  { keys: 'dead_letter_worker_consumer_prefetch dead_letter_worker_publisher_confirm_timeout', notice: QUORUM },
  { keys: 'stream_messages_soft_limit osiris.*', notice: 'streams are not there' },

  // The node and its cluster
  { keys: 'cluster_partition_handling', only: 'ignore', notice: NO_CLUSTER },
  {
    keys: 'cluster_partition_handling.* cluster_keepalive_interval autoheal_state_transition_timeout',
    notice: NO_CLUSTER,
  },
  {
    keys: 'cluster_formation.peer_discovery_backend autocluster.peer_discovery_backend',
    only: 'classic_config rabbit_peer_discovery_classic_config',
    refusal: 'clusters are not there yet: this node would stand alone',
  },
  { keys: 'cluster_formation.node_type', only: 'disc disk', notice: 'a node that stands alone keeps messages on disk' },
  { keys: 'cluster_nodes.2', only: 'disc disk', notice: 'a node that stands alone keeps messages on disk' },
  {
    keys: 'cluster_formation.dns.* cluster_formation.k8s.* cluster_formation.consul.* cluster_formation.etcd.* cluster_formation.aws.* aws.* aws_prefer_imdsv2',
    refusal: 'clusters are not there yet: this node would stand alone',
  },
  {
    keys: 'cluster_formation.{internal_lock_retries,lock_retry_limit,lock_retry_timeout,discovery_retry_limit,discovery_retry_interval,randomized_startup_delay_range.*,target_cluster_size_hint,node_cleanup.*,proxy.*} autocluster.*',
    notice: NO_CLUSTER,
  },
  { keys: 'mnesia.dir', refusal: 'the directory of all data is data_dir' },
  {
    keys: 'mnesia_table_loading_retry_timeout mnesia_table_loading_retry_limit mnesia.*',
    notice: 'definitions are read from one file in one go: there is nothing to wait for',
  },
  {
    keys: 'net_ticktime distribution.* distributed_cookie kernel.*',
    notice: 'nodes do not speak Erlang’s protocol with each other',
  },
  {
    keys: 'erlang.* vm_args.* sysmon_handler.* sasl.* lager.* ssl.* os_mon.* inets.* crypto.* aten.* rabbit_common.* rabbitmq_web_dispatch.* cuttlefish.* delegate_count default_worker_pool_size halt_on_upgrade_failure channel_operation_timeout tracking_execution_timeout config_entry_decoder.* release_series_eol_date',
    notice: ERLANG,
  },
  { keys: 'nodename', refusal: 'the key is node_name' },
  {
    keys: 'channel_tick_interval',
    notice: 'time limits are looked at twice a second, or more often where one is short',
  },
  {
    keys: 'product.* product_name product_version server_properties.* motd_file',
    notice: 'the broker shows its own name and version',
  },
  { keys: 'trace_vhosts', notice: 'tracing is turned on for a vhost while the broker runs' },

  // The log
  {
    keys: 'log.console.{use_colors,color_esc_seqs,formatter}.* log.{file,exchange}.formatter.* log.prelaunch.* log_levels.* error_logger sasl_error_logger',
    notice: 'lines of the log have one form, and the levels of log.file, log.console and log.NAME',
  },
  {
    keys: 'log.journald.*',
    notice: 'lines are not sent there; systemd takes the console’s, with log.console = true',
  },
  {
    keys: 'log.syslog.formatter.*',
    notice: 'lines of the log have one form',
  },
  {
    keys: 'log.syslog.ssl_options.{fail_if_no_peer_cert,honor_cipher_order,honor_ecc_order,client_renegotiation,dh,dhfile}',
    notice: 'that is for servers; to the syslog server this is a client',
  },
  {
    keys: 'log.syslog.ssl_options.{crl_check,depth,log_alert,reuse_sessions,secure_renegotiate,versions.*}',
    notice: 'Node’s own TLS decides that: TLS 1.3 or 1.2',
  },
  {
    keys: 'log.syslog.ssl_options.{cert,cacerts.*,key.*,psk_identity}',
    refusal: 'certificates and keys are read from files: certfile, keyfile, cacertfile',
  },
  { keys: 'syslog.*', notice: 'what is sent to syslog is what log.syslog says' },
  {
    keys: 'log.ra.* log.{connection,channel,mirroring,queue,federation,upgrade,default}.rotation.* log.default.file log.categories.*',
    notice: 'files of the log are rotated as log.file.rotation says',
  },

  // The HTTP API and what is measured
  { keys: 'management.listener.ssl', only: 'true false', refusal: 'expected true or false' },
  { keys: 'management.listener.ssl_opts', only: 'none', notice: WITHOUT_TLS },
  { keys: 'management.listener.ssl_opts.*', notice: WITHOUT_TLS },
  {
    keys: 'management.disable_basic_auth',
    only: 'false',
    refusal: 'users log in with name and password: they still could',
  },
  {
    keys: 'management.enable_uaa management.oauth_enabled',
    only: 'false',
    refusal: NO_BACKEND,
  },
  { keys: 'management.uaa_client_id management.uaa_location', refusal: NO_BACKEND },
  {
    keys: 'management.tcp.{inactivity_timeout,request_timeout,shutdown_timeout,max_keepalive,backlog} management.ssl.{compress,idle_timeout,inactivity_timeout,request_timeout,shutdown_timeout,max_keepalive,backlog} management.{tcp_config,ssl_config}.{cowboy_opts,backlog}.*',
    notice: HTTP_SERVER,
  },
  {
    keys: 'management.cors.allow_origins',
    only: 'none',
    refusal: 'expected none, or management.cors.allow_origins.NAME',
  },
  { keys: 'management.login_session_timeout', notice: 'every request carries name and password' },
  {
    keys: 'management_agent.disable_metrics_collector',
    notice: 'figures and rates are always there',
  },
  {
    keys: 'management.db_cache_multiplier management.management_db_cache_multiplier management.process_stats_gc_timeout management.stats_event_max_backlog management_agent.filter_aggregated_queue_metrics_pattern',
    notice: 'figures are read where they are counted',
  },
  {
    keys: 'prometheus.{tcp,ssl}.{compress,idle_timeout,inactivity_timeout,request_timeout,shutdown_timeout,max_keepalive,backlog} prometheus.{tcp_config,ssl_config}.{cowboy_opts,backlog}.*',
    notice: HTTP_SERVER,
  },

  // Other plugins
  { keys: 'mqtt.* web_mqtt.* stomp.* web_stomp.* stream.* amqp1_0.*', refusal: NO_PROTOCOL },
  { keys: 'rabbitmq_shovel.shovels', only: '', refusal: 'shovels are not there yet: nothing would be moved' },
  {
    keys: 'rabbitmq_shovel.* rabbitmq_federation.* rabbitmq_tracing.* rabbitmq_top.*',
    notice: 'it is about a plugin that is not there yet',
  },
];

/** What Erlang calls the application of keys that begin otherwise in `rabbitmq.conf`. */
const APPLICATIONS: Readonly<Record<string, string>> = {
  rabbit: '',
  ra: 'raft.',
  rabbitmq_management: 'management.',
  rabbitmq_management_agent: 'management_agent.',
  rabbitmq_prometheus: 'prometheus.',
  rabbitmq_mqtt: 'mqtt.',
  rabbitmq_web_mqtt: 'web_mqtt.',
  rabbitmq_stomp: 'stomp.',
  rabbitmq_web_stomp: 'web_stomp.',
  rabbitmq_stream: 'stream.',
  rabbitmq_amqp1_0: 'amqp1_0.',
  rabbitmq_auth_backend_ldap: 'auth_ldap.',
  rabbitmq_auth_backend_http: 'auth_http.',
  rabbitmq_auth_backend_oauth2: 'auth_oauth2.',
  rabbitmq_auth_backend_cache: 'auth_cache.',
  rabbitmq_trust_store: 'trust_store.',
  rabbitmq_event_exchange: 'event_exchange.',
};

const BY_KEY = new Map(
  ENTRIES.flatMap((entry) => entry.keys.split(' ').flatMap((key) => expanded(key).map((one) => [one, entry] as const))),
);

/** As a shell expands braces. */
function expanded(pattern: string): string[] {
  const [all, before, words, behind] = /^(.*?)\{(.*?)\}(.*)$/.exec(pattern) ?? [];
  return all === undefined ? [pattern] : words!.split(',').flatMap((word) => expanded(before! + word + behind!));
}

/** Those that are written out. */
export const FOREIGN_KEYS: readonly string[] = [...BY_KEY.keys()].filter((key) => !key.endsWith('.*'));

/** @param values all that it is set to. @returns undefined for a key that RabbitMQ has not either, or that is a setting */
export function foreignKey(key: string, values: readonly string[]): Foreign | undefined {
  const entry = entryOf(key);
  if (entry === undefined) return undefined;
  const { only } = entry;
  if (only !== undefined && values.every((value) => only.split(' ').includes(value))) return {};
  return entry;
}

/** The same for the path of a term. */
export function foreignTerm(path: string, values: readonly string[]): Foreign | undefined {
  return foreignKey(keyOfPath(path), values);
}

/** Whether something lies below a path that foreignTerm() knows by a name of its own. */
export function hasForeignBelow(path: string): boolean {
  const start = `${keyOfPath(path)}.`;
  return [...BY_KEY.keys()].some((key) => key.startsWith(start));
}

function keyOfPath(path: string): string {
  const [, application = '', rest = ''] = /^([^.]*)\.?(.*)$/.exec(path) ?? [];
  const prefix = APPLICATIONS[application];
  return prefix === undefined ? path : prefix + rest;
}

/** The entry for the key itself, or for the longest beginning of it. */
function entryOf(key: string): Entry | undefined {
  const parts = key.split('.');
  for (let length = parts.length; length > 0; length--) {
    const found = BY_KEY.get(`${parts.slice(0, length).join('.')}.*`);
    if (length === parts.length && BY_KEY.has(key)) return BY_KEY.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
