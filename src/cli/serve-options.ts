/** The flags of a broker: each fills a setting of the schema, and goes before what anybody else says of it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FileKind } from '../config/environment.ts';
import type { Setting } from '../config/setting.ts';
import { readHost, readPort } from '../config/setting-values.ts';
import { SETTINGS, type SettingName } from '../config/settings.ts';

type SettingFlags = { readonly [Name in SettingName]?: string };
type FileFlags = { readonly [Kind in FileKind]?: string };

/** Texts, as they were typed; each has been found to be one that its setting can have. */
export interface ServeFlags extends SettingFlags, FileFlags {
  readonly port?: string;
  readonly host?: string;
  readonly memory?: boolean;
  readonly withoutManagement?: boolean;
  readonly withoutPrometheus?: boolean;
}

/** Settings that have a flag of their own; what has none is set in a file. */
export const SETTING_FLAGS: readonly (readonly [flag: string, name: SettingName])[] = [
  ['--management-port <port>', 'managementPort'],
  ['--management-host <address>', 'managementHost'],
  ['--control-socket <path>', 'controlSocket'],
  ['--prometheus-port <port>', 'prometheusPort'],
  ['--prometheus-host <address>', 'prometheusHost'],
  ['--data-dir <directory>', 'dataDir'],
  ['--default-user <name>', 'defaultUser'],
  ['--default-password <password>', 'defaultPassword'],
  ['-n, --node-name <name>', 'nodeName'],
  ['--cluster-name <name>', 'clusterName'],
  ['--load-definitions <file>', 'loadDefinitions'],
  ['--log-level <level>', 'logLevel'],
  ['--confirm-when <when>', 'confirmWhen'],
  ['--message-memory-bytes <bytes>', 'messageMemoryBytes'],
];

/** Flags that name files. */
export const FILE_FLAGS = [
  ['--config', 'config'],
  ['--advanced-config', 'advancedConfig'],
  ['--enabled-plugins', 'enabledPlugins'],
] as const satisfies readonly (readonly [flag: string, kind: FileKind])[];

export function addServeOptions(command: Command): Command {
  command
    .option('--config <file>', 'Settings as in rabbitmq.conf, or in Erlang terms as in rabbitmq.config.')
    .option('--advanced-config <file>', 'Settings in Erlang terms, which go before those of --config.')
    .option(
      '--enabled-plugins <file>',
      'A list of RabbitMQ’s plugins: without rabbitmq_management there is no HTTP API.',
    )
    .option('--port <port>', 'TCP port; 0 takes a free one. (default: 5672)', checked(readPort))
    .option('--host <address>', 'Address to listen on. (default: 127.0.0.1)', checked(readHost))
    .addOption(new Option('--without-management', 'No HTTP API.').conflicts('managementPort'))
    .addOption(new Option('--without-prometheus', 'No metrics for Prometheus.').conflicts('prometheusPort'))
    .addOption(new Option('--memory', 'Keep everything in memory, leave nothing behind.').conflicts('dataDir'));
  for (const [flag, name] of SETTING_FLAGS) {
    const { text, default: fallback, read } = SETTINGS[name] as Setting<unknown>;
    command.option(flag, fallback === undefined ? text : `${text} (default: ${fallback})`, checked(read));
  }
  return command;
}

/** The text itself, if it can be read. */
function checked(read: (text: string) => unknown): (text: string) => string {
  const readArgument = argument(read);
  return (text) => {
    readArgument(text);
    return text;
  };
}

/** Lets the command line name the flag in front of what `read` says is wrong. */
export function argument<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
