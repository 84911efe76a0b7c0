/** The flags of a broker: each fills a setting of the schema, and goes before what the configuration file says of it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { readHost, readPort } from '../config/setting-values.ts';
import { SETTINGS, type SettingName, type Settings } from '../config/settings.ts';

export interface ServeFlags extends Settings {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly memory?: boolean;
  readonly withoutManagement?: boolean;
}

/** Settings that have a flag of their own; what has none is set in a file. */
export const SETTING_FLAGS: readonly (readonly [flag: string, name: SettingName])[] = [
  ['--management-port <port>', 'managementPort'],
  ['--management-host <address>', 'managementHost'],
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

export function addServeOptions(command: Command): Command {
  command
    .option('--config <file>', 'Settings in the form of rabbitmq.conf; flags go before them.')
    .option('--port <port>', 'TCP port; 0 takes a free one. (default: 5672)', argument(readPort))
    .option('--host <address>', 'Address to listen on. (default: 127.0.0.1)', argument(readHost))
    .addOption(new Option('--without-management', 'No HTTP API.').conflicts('managementPort'))
    .addOption(new Option('--memory', 'Keep everything in memory, leave nothing behind.').conflicts('dataDir'));
  for (const [flag, name] of SETTING_FLAGS) {
    const {
      text,
      default: fallback,
      read,
    } = SETTINGS[name] as { text: string; default?: string; read(text: string): unknown };
    command.option(flag, fallback === undefined ? text : `${text} (default: ${fallback})`, argument(read));
  }
  return command;
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
