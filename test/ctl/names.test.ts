/** Whoever moves over may call any command of RabbitMQ's: each is there, or is refused with a sentence that says what to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../src/ctl/commands/all.ts';
import { leveretctl } from './leveretctl.ts';

/** Of rabbitmqctl, rabbitmq-diagnostics, -queues, -plugins and -upgrade 3.10.8, as their help lists them. */
const RABBITMQ_COMMANDS = `
  add_member add_user add_vhost alarms authenticate_user autocomplete await_online_nodes await_online_quorum_plus_one
  await_online_synchronized_mirror await_startup cancel_sync_queue certificates change_cluster_node_type
  change_password check_alarms check_certificate_expiration check_if_node_is_mirror_sync_critical
  check_if_node_is_quorum_critical check_local_alarms check_port_connectivity check_port_listener
  check_protocol_listener check_running check_virtual_hosts cipher_suites clear_global_parameter clear_operator_policy
  clear_parameter clear_password clear_permissions clear_policy clear_topic_permissions clear_user_limits
  clear_vhost_limits close_all_connections close_all_user_connections close_connection cluster_status
  command_line_arguments consume_event_stream decode delete_member delete_queue delete_user delete_vhost directories
  disable disable_auth_attempt_source_tracking discover_peers drain enable enable_auth_attempt_source_tracking
  enable_feature_flag encode environment erlang_cookie_hash erlang_cookie_sources erlang_version eval eval_file exec
  export_definitions force_boot force_gc force_reset forget_cluster_node grow help hipe_compile import_definitions
  is_booting is_enabled is_running join_cluster list list_bindings list_channels list_ciphers list_connections
  list_consumers list_exchanges list_feature_flags list_global_parameters list_hashes list_network_interfaces
  list_node_auth_attempt_stats list_operator_policies list_parameters list_permissions list_policies list_queues
  list_topic_permissions list_unresponsive_queues list_user_limits list_user_permissions list_user_topic_permissions
  list_users list_vhost_limits list_vhosts listeners log_location log_tail log_tail_stream maybe_stuck
  memory_breakdown node_health_check observer os_env peek ping post_upgrade purge_queue quorum_status rebalance
  reclaim_quorum_memory remote_shell rename_cluster_node report reset reset_node_auth_attempt_metrics resolve_hostname
  resolver_info restart_vhost resume_listeners revive rotate_logs runtime_thread_stats schema_info server_version set
  set_cluster_name set_disk_free_limit set_global_parameter set_log_level set_operator_policy set_parameter
  set_permissions set_policy set_topic_permissions set_user_limits set_user_tags set_vhost_limits set_vhost_tags
  set_vm_memory_high_watermark shrink shutdown start_app status stop stop_app stream_status suspend_listeners
  sync_queue tls_versions trace_off trace_on update_cluster_nodes version wait
`;
/** Of later versions of RabbitMQ, and what its plugin for delayed messages has no commands for. */
const OURS = [
  'completion',
  'hash_password',
  ...['cancel', 'get', 'list', 'purge', 'release'].map((what) => `${what}_delayed`),
  'delayed_status',
];

const names = RABBITMQ_COMMANDS.trim().split(/\s+/);

test('every command of RabbitMQ is declared, and nothing that RabbitMQ does not know', () => {
  assert.deepEqual(
    COMMANDS.map(({ name }) => name).filter((name) => !OURS.includes(name)),
    names,
  );
});

test('one that is refused says so whatever its arguments are, before it looks for a broker', async () => {
  const refused = COMMANDS.filter(({ refusal }) => refusal !== undefined);
  assert.ok(refused.length > 20);
  for (const { name, refusal } of refused) {
    const { exitCode, stdout, stderr } = await leveretctl('none@localhost', '/none/x.sock').run([name, 'a', '--b'], '');
    assert.deepEqual([exitCode, stdout, stderr], [69, '', `Error:\n${name} is not here: ${refusal}\n`]);
  }
});
