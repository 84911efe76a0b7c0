/**
 * All sources of settings in their order: the command line goes before `LEVERET_` variables, these before RabbitMQ's, then
 * `advanced.config`, then the configuration file. Where to listen is RabbitMQ's exception: its variables count where no file says
 * it.
 */
import { type Assignment, Findings } from '../config/assignment.ts';
import { besideAdvanced, type Configuration, layered, readLayer } from '../config/configuration.ts';
import {
  dataDirectoryOf,
  type Environment,
  type FilesGiven,
  filesIn,
  leveretVariables,
  listenerVariables,
  rabbitMqVariables,
} from '../config/environment.ts';
import { DEFAULT_NODE_NAME, readNodeName } from '../config/node-name.ts';
import type { Listener } from '../config/setting-values.ts';
import { SETTINGS, type SettingName } from '../config/settings.ts';
import type { FileContents } from './configuration-files.ts';
import type { EnabledPlugins } from './plugins.ts';
import { FILE_FLAGS, SETTING_FLAGS, type ServeFlags } from './serve-options.ts';

export interface EffectiveConfiguration extends Configuration {
  /** Undefined: no file says which plugins there are. */
  readonly plugins: EnabledPlugins | undefined;
  readonly hasFile: boolean;
  /** Paths of all that were read. */
  readonly files: readonly string[];
  /** What is wrong, and what is to be told. */
  readonly findings: Findings;
}

const NO_FILES: FileContents = { main: [], advanced: [], plugins: undefined, paths: [] };

const DEFAULT_LISTENER: Listener = { host: '127.0.0.1', port: 5672 };

export async function effectiveConfiguration(
  flags: ServeFlags,
  environment: Environment,
): Promise<EffectiveConfiguration> {
  const findings = new Findings();
  const read = (assignments: readonly Assignment[]) => readLayer(assignments, findings);
  const files = { ...filesIn(environment), ...filesOf(flags) };
  const contents = Object.keys(files).length === 0 ? NO_FILES : await readFiles(files, findings);
  const [main, advanced] = [read(contents.main), read(contents.advanced)];
  const lower = [read(listenerVariables(environment)), besideAdvanced(main, advanced), advanced];
  const upper = [
    rabbitMqVariables(environment, findings),
    leveretVariables(environment, findings),
    flagAssignments(flags),
  ].map(read);
  const { nodeName = readNodeName(DEFAULT_NODE_NAME) } = layered([...lower, ...upper]).settings;
  const below = [...lower, read(dataDirectoryOf(nodeName, environment)), ...upper];
  const listening = read(listenerFlags(flags, layered(below).settings.tcpListeners?.entries().next().value));
  const { plugins, paths } = contents;
  return { ...layered([...below, listening]), plugins, hasFile: Object.keys(files).length > 0, files: paths, findings };
}

/** What reads files is loaded by a start that has any. */
async function readFiles(files: FilesGiven, findings: Findings): Promise<FileContents> {
  const { readConfigurationFiles } = await import('./configuration-files.ts');
  return readConfigurationFiles(files, findings);
}

function filesOf(flags: ServeFlags): FilesGiven {
  const files: FilesGiven = {};
  for (const [origin, kind] of FILE_FLAGS) {
    const path = flags[kind];
    if (path !== undefined) files[kind] = { path, origin };
  }
  return files;
}

function flagAssignments(flags: ServeFlags): Assignment[] {
  return SETTING_FLAGS.flatMap(([flag, name]) => {
    const value = flags[name];
    return value === undefined ? [] : [{ key: SETTINGS[name as SettingName].key, value, origin: flagName(flag) }];
  });
}

/** `--port` and `--host` take the place of all that is said of listeners without TLS; the first says what they leave out. */
function listenerFlags({ port, host }: ServeFlags, first: [name: string, Listener] | undefined): Assignment[] {
  if (port === undefined && host === undefined) return [];
  const [name, given] = first ?? ['default', DEFAULT_LISTENER];
  const address = host ?? given.host;
  const value = `${address === undefined ? '' : `${address}:`}${port ?? given.port}`;
  return [{ key: `listeners.tcp.${name}`, value, origin: port === undefined ? '--host' : '--port' }];
}

/** `-n, --node-name <name>` is `--node-name`. */
export function flagName(flag: string): string {
  return /--[\w-]+/.exec(flag)![0];
}
