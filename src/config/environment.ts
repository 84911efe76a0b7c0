/**
 * Settings from environment variables. `LEVERET_` and a key in capitals, with `_` for `.`, is that setting; of RabbitMQ's variables
 * those count that say something of a broker here. The rest of the environment is not looked at.
 */
import type { Assignment, Findings } from './assignment.ts';
import { DECLARED, nearest } from './setting-keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that name files, and the flag of each. Without the prefix: both `LEVERET_` and `RABBITMQ_` have them. */
const FILE_VARIABLES = {
  CONFIG_FILE: 'config',
  CONFIG_FILES: 'configFiles',
  ADVANCED_CONFIG_FILE: 'advancedConfig',
  ENABLED_PLUGINS_FILE: 'enabledPlugins',
} as const;

export type FileKind = (typeof FILE_VARIABLES)[keyof typeof FILE_VARIABLES];

/** Where a file is, and which variable or flag says so. */
export interface FileGiven {
  readonly path: string;
  readonly origin: string;
}

export type FilesGiven = { -readonly [Kind in FileKind]?: FileGiven };

const LEVERET = 'LEVERET_';
/** Those that say where control sockets are, and which broker `leveretctl` is for: no settings of a broker. */
const OF_LEVERETCTL: readonly string[] = ['LEVERET_RUN_DIR', 'LEVERET_URL'];
const RABBITMQ = 'RABBITMQ_';

/** What Kubernetes tells every container of a service that is called `leveret`, or begins so. */
const OF_A_SERVICE = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$/;
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/** RabbitMQ's variables that set one thing. */
const RABBITMQ_VARIABLES: Readonly<Record<string, string>> = {
  RABBITMQ_LOG_BASE: 'log.dir',
  RABBITMQ_NODENAME: 'node_name',
  RABBITMQ_MNESIA_DIR: 'data_dir',
  RABBITMQ_DEFAULT_USER: 'default_user',
  RABBITMQ_DEFAULT_PASS: 'default_pass',
  RABBITMQ_DEFAULT_VHOST: 'default_vhost',
};

/** `LEVERET_CONFIG_FILE` goes before `RABBITMQ_CONFIG_FILE`. An empty variable is none, here and below, as for RabbitMQ. */
export function filesIn(environment: Environment): FilesGiven {
  const files: FilesGiven = {};
  for (const prefix of [RABBITMQ, LEVERET]) {
    for (const [suffix, kind] of Object.entries(FILE_VARIABLES)) {
      const path = environment[prefix + suffix];
      if (path !== undefined && path !== '') files[kind] = { path, origin: prefix + suffix };
    }
  }
  return files;
}

/** What counts only where no file says it, as in RabbitMQ: where to listen. */
export function listenerVariables(environment: Environment): Assignment[] {
  const { RABBITMQ_NODE_PORT: port, RABBITMQ_NODE_IP_ADDRESS: host } = environment;
  if (!port && !host) return [];
  const origin = port ? 'RABBITMQ_NODE_PORT' : 'RABBITMQ_NODE_IP_ADDRESS';
  return [{ key: 'listeners.tcp.default', value: `${host ? `${host}:` : ''}${port || 5672}`, origin }];
}

export function rabbitMqVariables(environment: Environment, findings: Findings): Assignment[] {
  if (environment.RABBITMQ_CONF_ENV_FILE) {
    findings.notices.push(
      'RABBITMQ_CONF_ENV_FILE: shell files such as rabbitmq-env.conf are not run; set the variables',
    );
  }
  const each = Object.entries(RABBITMQ_VARIABLES).flatMap(([origin, key]) => {
    const value = environment[origin];
    return value ? [{ key, value, origin }] : [];
  });
  return [...each, ...logVariable(environment)];
}

/** `-` is the console and no file. */
function logVariable({ RABBITMQ_LOGS: path }: Environment): Assignment[] {
  const origin = 'RABBITMQ_LOGS';
  if (!path) return [];
  if (path !== '-') return [{ key: 'log.file', value: path, origin }];
  return [
    { key: 'log.console', value: 'true', origin },
    { key: 'log.file', value: 'false', origin },
  ];
}

/** `RABBITMQ_MNESIA_BASE` is where directories of several nodes are. */
export function dataDirectoryOf(nodeName: string, environment: Environment): Assignment[] {
  const { RABBITMQ_MNESIA_BASE: base } = environment;
  return base ? [{ key: 'data_dir', value: `${base}/${nodeName}`, origin: 'RABBITMQ_MNESIA_BASE' }] : [];
}

/** Every variable that begins with `LEVERET_` is meant for a broker: one that says nothing is a fault. */
export function leveretVariables(environment: Environment, findings: Findings): Assignment[] {
  return Object.entries(environment).flatMap(([variable, value]) => {
    if (!variable.startsWith(LEVERET) || variable.slice(LEVERET.length) in FILE_VARIABLES) return [];
    if (OF_LEVERETCTL.includes(variable)) return [];
    const key = keyOfVariable(variable);
    if (key !== undefined) return value ? [{ key, value, origin: variable }] : [];
    if (OF_A_SERVICE.test(variable) || SERVICE_ADDRESS.test(value ?? '')) return [];
    findings.faults.push(`there is no variable ${variable}; did you mean ${nearestVariable(variable)}?`);
    return [];
  });
}

/** `heartbeat` is `LEVERET_HEARTBEAT`, `listeners.tcp.$name` is `LEVERET_LISTENERS_TCP_$NAME`. */
export function variableOf(key: string): string {
  return LEVERET + key.toUpperCase().replaceAll('.', '_');
}

const VARIABLES = new Map(DECLARED.map(([, { key }]) => [variableOf(key), key]));

const OWN_NAME = '$NAME';

/** What the user chose is in small letters: variables are in capitals. */
function keyOfVariable(variable: string): string | undefined {
  const exact = VARIABLES.get(variable);
  if (exact !== undefined) return exact;
  for (const [known, key] of VARIABLES) {
    const prefix = known.slice(0, -OWN_NAME.length);
    if (!known.endsWith(OWN_NAME)) continue;
    if (`${variable}_` === prefix) return key.replace('.$name', '');
    if (variable.startsWith(prefix) && variable !== prefix) {
      return key.replace('$name', () => variable.slice(prefix.length).toLowerCase());
    }
  }
  return undefined;
}

function nearestVariable(variable: string): string {
  const known = [...VARIABLES.keys()].map((name) => name.replace(OWN_NAME, 'NAME'));
  return nearest(variable, [...known, ...Object.keys(FILE_VARIABLES).map((suffix) => LEVERET + suffix)]);
}
