/** The plugins of RabbitMQ's distribution, and what is here of them: whoever moves over knows features by these names. */

/** Those that are part of the broker, whether anybody enables them or not. */
export const BUILT_IN_PLUGINS: ReadonlySet<string> = new Set([
  'rabbitmq_auth_mechanism_ssl',
  'rabbitmq_consistent_hash_exchange',
  'rabbitmq_event_exchange',
  'rabbitmq_management',
  'rabbitmq_management_agent',
  'rabbitmq_prometheus',
  'rabbitmq_random_exchange',
  'rabbitmq_web_dispatch',
]);

/** Those that a broker may be started without, and what listens where it is not: its protocol. */
export const LISTENING_PLUGINS: Readonly<Record<string, RegExp>> = {
  rabbitmq_management: /^https?$/,
  rabbitmq_prometheus: /^https?\/prometheus$/,
  rabbitmq_web_dispatch: /^http/,
};

const MISSING_PLUGINS = [
  'rabbitmq_amqp1_0',
  'rabbitmq_auth_backend_cache',
  'rabbitmq_auth_backend_http',
  'rabbitmq_auth_backend_ldap',
  'rabbitmq_auth_backend_oauth2',
  'rabbitmq_federation',
  'rabbitmq_federation_management',
  'rabbitmq_jms_topic_exchange',
  'rabbitmq_mqtt',
  'rabbitmq_peer_discovery_aws',
  'rabbitmq_peer_discovery_common',
  'rabbitmq_peer_discovery_consul',
  'rabbitmq_peer_discovery_etcd',
  'rabbitmq_peer_discovery_k8s',
  'rabbitmq_recent_history_exchange',
  'rabbitmq_sharding',
  'rabbitmq_shovel',
  'rabbitmq_shovel_management',
  'rabbitmq_stomp',
  'rabbitmq_stream',
  'rabbitmq_stream_management',
  'rabbitmq_top',
  'rabbitmq_tracing',
  'rabbitmq_trust_store',
  'rabbitmq_web_mqtt',
  'rabbitmq_web_mqtt_examples',
  'rabbitmq_web_stomp',
  'rabbitmq_web_stomp_examples',
];

/** By name. */
export const RABBITMQ_PLUGINS: readonly string[] = [...BUILT_IN_PLUGINS, ...MISSING_PLUGINS].sort();
