/**
 * Commands of RabbitMQ's that are not here: each says why, and what to use instead, where a script or a habit calls it by its
 * name. Together with those that are here these are all that its tools have.
 */
import type { Command } from '../command.ts';

const NO_ERLANG = 'there is no Erlang in this broker';
const NO_CLUSTER = 'clusters are not there yet, a node stands alone';
const ONE_NODE = 'queues of the type quorum are kept on this one node, and have no members elsewhere';
const NO_MIRRORS = 'queues have no mirrors yet';
const NO_STREAMS = 'queues of the type stream are not there';
const ENCRYPTION =
  'values in files of settings cannot be encrypted: keep secrets in variables of the environment or in files that only the broker may read';
const COOKIE = `${NO_ERLANG}, and no cookie: whoever can open the control socket is the operator`;

const REFUSALS: Readonly<Record<string, string>> = {
  add_member: ONE_NODE,
  cancel_sync_queue: NO_MIRRORS,
  change_cluster_node_type: NO_CLUSTER,
  decode: ENCRYPTION,
  delete_member: ONE_NODE,
  directories: 'there are no plugin archives: what is here of RabbitMQ’s plugins is part of the broker; see list',
  disable_auth_attempt_source_tracking: 'sources of attempts to log in are always counted, the last 1000 of them',
  enable_auth_attempt_source_tracking: 'sources of attempts to log in are always counted, the last 1000 of them',
  encode: ENCRYPTION,
  erlang_cookie_hash: COOKIE,
  erlang_cookie_sources: COOKIE,
  erlang_version: `${NO_ERLANG}: status has the version of its runtime`,
  eval: `${NO_ERLANG}: use the other commands, or the HTTP API`,
  eval_file: `${NO_ERLANG}: use the other commands, or the HTTP API`,
  exec: `${NO_ERLANG}, and no Elixir: use the other commands, or the HTTP API`,
  force_boot: 'a node waits for no others when it starts',
  forget_cluster_node: NO_CLUSTER,
  grow: ONE_NODE,
  hipe_compile: NO_ERLANG,
  join_cluster: NO_CLUSTER,
  list_ciphers: ENCRYPTION,
  list_hashes: ENCRYPTION,
  list_unresponsive_queues: 'all queues are served by one thread: runtime_thread_stats tells how late it is',
  maybe_stuck: `${NO_ERLANG}: runtime_thread_stats tells whether the broker’s thread is stuck`,
  observer: `${NO_ERLANG}: use status, memory_breakdown, runtime_thread_stats, or metrics for Prometheus`,
  peek: 'messages are looked at through the HTTP API: POST /api/queues/VHOST/QUEUE/get with ackmode ack_requeue_true',
  reclaim_quorum_memory: 'queues of the type quorum have no log of their own; force_gc gives memory back',
  remote_shell: `${NO_ERLANG}: use the other commands, or the HTTP API`,
  rename_cluster_node: `${NO_CLUSTER}: a node is renamed by node_name, and keeps its data`,
  resolver_info: `${NO_ERLANG}: names are resolved by the system; resolve_hostname asks it`,
  schema_info: 'definitions are not kept in tables of Mnesia: export_definitions shows them',
  shrink: ONE_NODE,
  stream_status: NO_STREAMS,
  sync_queue: NO_MIRRORS,
  update_cluster_nodes: NO_CLUSTER,
};

export const refusedCommands: readonly Command[] = Object.entries(REFUSALS).map(([name, refusal]) => ({
  name,
  group: 'Not here',
  text: `${refusal[0]!.toUpperCase()}${refusal.slice(1)}`,
  usage: '',
  positionals: [0, Number.POSITIVE_INFINITY],
  refusal,
  run: () => {
    throw new Error(`${name} was run`);
  },
}));
