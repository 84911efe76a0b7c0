/**
 * Every setting of a broker, declared once: its keys, its type, its default and what it is for. Files, environment variables and
 * the command line fill the same schema. Names are RabbitMQ's where RabbitMQ has the setting.
 */
import { LIMIT_SETTINGS } from './limit-settings.ts';
import { LISTENING_SETTINGS } from './listening-settings.ts';
import { LOG_SETTINGS } from './log-settings.ts';
import { LOGIN_SETTINGS } from './login-settings.ts';
import { MANAGEMENT_SETTINGS } from './management-settings.ts';
import { DEFAULT_NODE_NAME } from './node-name.ts';
import { PROMETHEUS_SETTINGS } from './prometheus-settings.ts';
import { named, type Setting, setting } from './setting.ts';
import { FILE, FLAG, NODE_NAME, PATH_OR_NONE, TEXT } from './setting-types.ts';
import { STATISTICS_SETTINGS } from './statistics-settings.ts';
import { STORAGE_SETTINGS } from './storage-settings.ts';

export const SETTINGS = {
  ...LISTENING_SETTINGS,
  ...MANAGEMENT_SETTINGS,
  ...PROMETHEUS_SETTINGS,
  controlSocket: setting({
    key: 'control_socket',
    type: PATH_OR_NONE,
    text: 'Path of the Unix socket that leveretctl talks to, in a directory of its own; `none`: there is no such socket.',
  }),
  ...LOGIN_SETTINGS,
  dataDir: setting({
    key: 'data_dir',
    type: TEXT,
    default: 'data',
    text: 'Directory of messages and definitions.',
  }),
  nodeName: setting({
    key: 'node_name',
    type: NODE_NAME,
    default: DEFAULT_NODE_NAME,
    text: 'What the node is called: NAME@HOST, or NAME for one on this host.',
  }),
  clusterName: setting({
    key: 'cluster_name',
    classic: 'rabbit.cluster_name',
    type: TEXT,
    text: 'Reported to clients; the name of the node when it is not set.',
  }),
  clusterNodes: named({
    key: 'cluster_formation.classic_config.nodes.$name',
    classic: ['rabbit.cluster_nodes.1.$name', 'rabbit.cluster_nodes.$name'],
    type: NODE_NAME,
    text: 'Members of the cluster. Clusters are not there yet: it may be this node alone.',
  }),
  loadDefinitions: setting({
    key: 'load_definitions',
    classic: ['rabbit.load_definitions', 'rabbitmq_management.load_definitions'],
    also: ['management.load_definitions', 'definitions.local.path'],
    type: FILE,
    text: 'A definitions file of RabbitMQ; read at every start.',
  }),
  ...LOG_SETTINGS,
  eventExchange: setting({
    key: 'event_exchange.enabled',
    type: FLAG,
    default: 'false',
    text: 'true: what comes and goes is published to the topic exchange `amq.rabbitmq.event`.',
  }),
  eventExchangeVhost: setting({
    key: 'event_exchange.vhost',
    classic: 'rabbitmq_event_exchange.vhost',
    type: TEXT,
    text: 'Where that exchange is; the default vhost when it is not set.',
  }),
  ...STORAGE_SETTINGS,
  ...STATISTICS_SETTINGS,
  ...LIMIT_SETTINGS,
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
