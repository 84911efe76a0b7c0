/** From settings to what startBroker() is told. */
import { readFileSync } from 'node:fs';
import type { BrokerOptions, Limits } from '../broker.ts';
import { DEFAULT_LIMITS } from '../config/limits.ts';
import { DEFAULT_NODE_NAME, readNodeName } from '../config/node-name.ts';
import type { Settings } from '../config/settings.ts';
import { alarmOptions } from './alarm-settings.ts';
import { shownSettings } from './configuration-report.ts';
import type { EffectiveConfiguration } from './effective-configuration.ts';
import { listeningOptions, given as withoutUndefined } from './listening-options.ts';
import { logOptions } from './log-settings.ts';
import { managementOptions } from './management-options.ts';
import { prometheusOptions } from './prometheus-options.ts';
import type { ServeFlags } from './serve-options.ts';
import { statisticsOptions } from './statistics-options.ts';

/** @throws Error that says what to do */
export function brokerOptions(configuration: EffectiveConfiguration, flags: ServeFlags): BrokerOptions {
  const { settings } = configuration;
  const { loadDefinitions, dataDir, defaultUser, defaultPassword, defaultUserTags, defaultVhost, clusterName } =
    settings;
  const { nodeName, confirmWhen, messageMemoryBytes, journalFileBytes, delayedSegmentBytes } = settings;
  assertAlone(settings);
  return withoutUndefined({
    ...listeningOptions(settings),
    ...(flags.memory === true ? { memory: true } : { dataDir }),
    defaultUser,
    defaultPassword,
    defaultUserTags,
    defaultVhost,
    defaultPermissions: withoutUndefined({
      configure: settings.defaultConfigure,
      write: settings.defaultWrite,
      read: settings.defaultRead,
    }),
    nodeName,
    controlSocket: controlSocketIn(settings),
    clusterName,
    definitions: loadDefinitions === undefined ? undefined : readDefinitionsFile(loadDefinitions),
    logging: logOptions(settings, flags.memory === true ? undefined : (dataDir ?? 'data')),
    confirmWhen,
    messageMemoryBytes,
    journalFileBytes,
    compaction: withoutUndefined({
      ratio: settings.compactionRatio,
      bytesPerSecond: settings.compactionBytesPerSecond,
      intervalMs: settings.compactionIntervalMs,
    }),
    delayedSegmentBytes,
    management: hasManagement(configuration, flags) ? managementOptions(configuration, flags) : undefined,
    prometheus: hasPrometheus(configuration, flags) ? prometheusOptions(configuration, flags) : undefined,
    limits: limitsIn(settings),
    alarms: alarmOptions(settings),
    statistics: statisticsOptions(settings),
    events: eventsIn(configuration),
    configuration: {
      files: configuration.files,
      settings: Object.fromEntries(shownSettings(configuration).map(({ key, value }) => [key, value])),
    },
  });
}

/** In the usual place unless another is set. */
function controlSocketIn({ controlSocket: path }: Settings): BrokerOptions['controlSocket'] {
  if (path === null) return undefined;
  return path === undefined ? {} : { path };
}

/** The setting goes before the list of plugins. */
function eventsIn({ settings, plugins }: EffectiveConfiguration): BrokerOptions['events'] {
  const isEnabled = settings.eventExchange ?? plugins?.events ?? false;
  return isEnabled ? withoutUndefined({ vhost: settings.eventExchangeVhost }) : undefined;
}

/** A flag that says where the HTTP API is to be asks for one, too. */
function hasManagement({ plugins }: EffectiveConfiguration, flags: ServeFlags): boolean {
  if (flags.withoutManagement === true) return false;
  return flags.managementPort !== undefined || (plugins?.management ?? true);
}

function hasPrometheus({ plugins }: EffectiveConfiguration, flags: ServeFlags): boolean {
  if (flags.withoutPrometheus === true) return false;
  return flags.prometheusPort !== undefined || (plugins?.prometheus ?? true);
}

/** @throws Error when the settings name another node: this one would stand alone, and nobody would be told. */
export function assertAlone({ clusterNodes, nodeName }: Settings): void {
  const nodes = new Set(clusterNodes?.values());
  const self = nodeName ?? readNodeName(DEFAULT_NODE_NAME);
  const [only = self] = nodes;
  if (nodes.size <= 1 && hostOf(only) === hostOf(self)) return;
  const others = [...nodes].filter((node) => node !== self).join(', ');
  throw new Error(
    `cluster_formation.classic_config.nodes names ${others}: clusters are not there yet; leave out all but this node, ${self}`,
  );
}

/** RabbitMQ's node on this host is this one, whatever it was called. */
function hostOf(node: string): string {
  return node.slice(node.indexOf('@') + 1);
}

function limitsIn(settings: Settings): Partial<Limits> {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  return Object.fromEntries(names.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])));
}

export function readDefinitionsFile(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`load_definitions = ${path}: ${(error as Error).message}`);
  }
}
