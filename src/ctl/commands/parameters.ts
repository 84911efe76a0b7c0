/** Parameters, of a vhost and of all. */
import { checkVhost, found, jsonIn, path, sortedJson } from '../asking.ts';
import type { Json } from '../broker-client.ts';
import { type Command, DONE } from '../command.ts';
import { EXIT, type Failure, failed } from '../failure.ts';

const COMPONENT = ['<component_name>', 'What the parameter is for, such as vhost-limits.'] as const;
const NAME = ['<name>', 'The name of the parameter.'] as const;
const VALUE = ['<value>', 'JSON.'] as const;

export const parameterCommands: readonly Command[] = [
  {
    name: 'clear_global_parameter',
    group: 'Parameters',
    text: 'Deletes a global parameter',
    usage: '<name>',
    positionals: [1, 1],
    explained: [NAME],
    banner: ({ positionals: [name] }) => `Clearing global runtime parameter "${name}" ...`,
    run: async ({ broker, positionals: [name] }) => {
      await found(broker.delete(path('global-parameters', name!)), noSuchParameter());
      return DONE;
    },
  },
  {
    name: 'clear_parameter',
    group: 'Parameters',
    text: 'Deletes a parameter of a vhost',
    usage: '[--vhost <vhost>] <component_name> <name>',
    positionals: [2, 2],
    explained: [COMPONENT, NAME],
    banner: ({ vhost, positionals: [component, name] }) =>
      `Clearing runtime parameter "${name}" for component "${component}" on vhost "${vhost}" ...`,
    run: async ({ broker, vhost, positionals: [component, name] }) => {
      await found(broker.delete(path('parameters', component!, vhost, name!)), noSuchParameter());
      return DONE;
    },
  },
  {
    name: 'list_global_parameters',
    group: 'Parameters',
    text: 'Lists global parameters',
    usage: '[--no-table-headers] [--timeout <timeout>]',
    positionals: [0, 0],
    banner: () => 'Listing global runtime parameters ...',
    run: async ({ broker }) => {
      const parameters: Json[] = await broker.get('global-parameters');
      const rows = parameters.map(({ name, value }) => ({ name, value: shown(value) }));
      return { kind: 'rows', columns: ['name', 'value'], rows, isWhole: true };
    },
  },
  {
    name: 'list_parameters',
    group: 'Parameters',
    text: 'Lists the parameters of a vhost',
    usage: '[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]',
    positionals: [0, 0],
    banner: ({ vhost }) => `Listing runtime parameters for vhost "${vhost}" ...`,
    run: async ({ broker, vhost }) => {
      await checkVhost(broker, vhost);
      const parameters: Json[] = await broker.get('parameters');
      const rows = parameters
        .filter((parameter) => parameter.vhost === vhost)
        .map(({ component, name, value }) => ({ component, name, value: shown(value) }));
      return { kind: 'rows', columns: ['component', 'name', 'value'], rows, isWhole: true };
    },
  },
  {
    name: 'set_cluster_name',
    group: 'Configuration',
    text: 'Names the cluster, which clients are told',
    usage: '<name>',
    positionals: [1, 1],
    banner: ({ positionals: [name] }) => `Setting cluster name to ${name} ...`,
    run: async ({ broker, positionals: [name] }) => {
      await broker.put('cluster-name', { name });
      return DONE;
    },
  },
  {
    name: 'set_global_parameter',
    group: 'Parameters',
    text: 'Makes or changes a global parameter',
    usage: '<name> <value>',
    positionals: [2, 2],
    explained: [NAME, VALUE],
    banner: ({ positionals: [name, value] }) => `Setting global runtime parameter "${name}" to "${value}" ...`,
    run: async ({ broker, positionals: [name, value] }) => {
      await broker.put(path('global-parameters', name!), { value: jsonIn(value!) });
      return DONE;
    },
  },
  {
    name: 'set_parameter',
    group: 'Parameters',
    text: 'Makes or changes a parameter of a vhost',
    usage: '[--vhost <vhost>] <component_name> <name> <value>',
    positionals: [3, 3],
    explained: [COMPONENT, NAME, VALUE],
    banner: ({ vhost, positionals: [component, name, value] }) =>
      `Setting runtime parameter "${name}" for component "${component}" to "${value}" in vhost "${vhost}" ...`,
    run: async ({ broker, vhost, positionals: [component, name, value] }) => {
      const json = jsonIn(value!);
      await checkVhost(broker, vhost);
      await broker.put(path('parameters', component!, vhost, name!), { value: json });
      return DONE;
    },
  },
];

export function noSuchParameter(): Failure {
  return failed(EXIT.unavailable, 'Parameter does not exist');
}

function shown(value: Json): string {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? sortedJson(value) : JSON.stringify(value);
}
