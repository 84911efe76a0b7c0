import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assignment, Findings } from './assignment.ts';
import {
  dataDirectoryOf,
  type Environment,
  filesIn,
  leveretVariables,
  listenerVariables,
  rabbitMqVariables,
  variableOf,
} from './environment.ts';
import { DECLARED } from './setting-keys.ts';

const lines = (assignments: Assignment[]) =>
  assignments.map(({ key, value, origin }) => `${origin}: ${key} = ${value}`);

function leveret(environment: Environment): string[] {
  const findings = new Findings();
  const assignments = leveretVariables(environment, findings);
  assert.deepEqual(findings.faults, []);
  return lines(assignments);
}

test('every setting has a variable, and no two have the same', () => {
  const variables = DECLARED.map(([, { key }]) => variableOf(key).replace('$NAME', '1'));
  assert.equal(new Set(variables).size, variables.length);
  for (const [index, [, { key }]] of DECLARED.entries()) {
    const [assignment] = leveretVariables({ [variables[index]!]: 'x' }, new Findings());
    assert.equal(assignment?.key, key.replace('$name', '1'));
  }
});

test('the part of a key that is the user’s to choose is in small letters; none leaves it out', () => {
  assert.deepEqual(leveret({ LEVERET_LISTENERS_TCP_LOCAL_V6: '::1:5672', LEVERET_LOOPBACK_USERS: 'none' }), [
    'LEVERET_LISTENERS_TCP_LOCAL_V6: listeners.tcp.local_v6 = ::1:5672',
    'LEVERET_LOOPBACK_USERS: loopback_users = none',
  ]);
});

test('an empty variable is none, other variables are not looked at, and those of files and of leveretctl are no settings', () => {
  assert.deepEqual(
    leveret({
      LEVERET_HEARTBEAT: '',
      HEARTBEAT: '1',
      leveret_heartbeat: '1',
      LEVERET_CONFIG_FILE: 'x',
      LEVERET_URL: 'x',
    }),
    [],
  );
});

test('a variable that begins as ours and says nothing is a fault, with the nearest one', () => {
  const findings = new Findings();
  leveretVariables({ LEVERET_HEARTBEET: '1', LEVERET_LISTENERS_TPC_1: '1', LEVERET_CONFIG: 'x' }, findings);
  assert.deepEqual(findings.faults, [
    'there is no variable LEVERET_HEARTBEET; did you mean LEVERET_HEARTBEAT?',
    'there is no variable LEVERET_LISTENERS_TPC_1; did you mean LEVERET_LISTENERS_TCP_NAME?',
    'there is no variable LEVERET_CONFIG; did you mean LEVERET_CONFIG_FILE?',
  ]);
});

test('what Kubernetes tells of services that are called after the broker is no setting', () => {
  const environment = {
    LEVERET_SERVICE_HOST: '10.0.0.1',
    LEVERET_SERVICE_PORT: '5672',
    LEVERET_SERVICE_PORT_AMQP: '5672',
    LEVERET_PORT: 'tcp://10.0.0.1:5672',
    LEVERET_PORT_5672_TCP: 'tcp://10.0.0.1:5672',
    LEVERET_PORT_5672_TCP_ADDR: '10.0.0.1',
    LEVERET_NODES_SERVICE_HOST: '10.0.0.2',
  };
  assert.deepEqual(leveret(environment), []);
  const findings = new Findings();
  leveretVariables({ LEVERET_MANAGMENT_TCP_PORT: '1' }, findings);
  assert.match(findings.faults[0]!, /did you mean LEVERET_MANAGEMENT_TCP_PORT\?$/);
});

test('RabbitMQ’s variables say who the node is, where its data and its log lie, and what an empty broker is given', () => {
  const environment = {
    RABBITMQ_NODENAME: 'rabbit@here',
    RABBITMQ_MNESIA_DIR: '/data',
    RABBITMQ_DEFAULT_USER: 'alice',
    RABBITMQ_DEFAULT_PASS: 'secret',
    RABBITMQ_DEFAULT_VHOST: 'shop',
    RABBITMQ_LOG_BASE: '/var/log/rabbitmq',
    RABBITMQ_LOGS: '-',
    RABBITMQ_HOME: '/usr/lib/rabbitmq',
  };
  assert.deepEqual(lines(rabbitMqVariables(environment, new Findings())), [
    'RABBITMQ_LOG_BASE: log.dir = /var/log/rabbitmq',
    'RABBITMQ_NODENAME: node_name = rabbit@here',
    'RABBITMQ_MNESIA_DIR: data_dir = /data',
    'RABBITMQ_DEFAULT_USER: default_user = alice',
    'RABBITMQ_DEFAULT_PASS: default_pass = secret',
    'RABBITMQ_DEFAULT_VHOST: default_vhost = shop',
    'RABBITMQ_LOGS: log.console = true',
    'RABBITMQ_LOGS: log.file = false',
  ]);
  const base = dataDirectoryOf('rabbit@here', { RABBITMQ_MNESIA_BASE: '/var/lib/rabbitmq/mnesia' });
  assert.deepEqual(lines(base), ['RABBITMQ_MNESIA_BASE: data_dir = /var/lib/rabbitmq/mnesia/rabbit@here']);
});

test('a port, an address or both are a listener', () => {
  for (const [environment, value] of [
    [{ RABBITMQ_NODE_PORT: '5673' }, '5673'],
    [{ RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1' }, '127.0.0.1:5672'],
    [{ RABBITMQ_NODE_IP_ADDRESS: '::1', RABBITMQ_NODE_PORT: '5673' }, '::1:5673'],
  ] as const) {
    assert.equal(listenerVariables(environment)[0]?.value, value);
  }
  assert.deepEqual(listenerVariables({}), []);
});

test('a file of shell commands is not run, and that is told', () => {
  const findings = new Findings();
  rabbitMqVariables({ RABBITMQ_CONF_ENV_FILE: '/etc/rabbitmq/rabbitmq-env.conf' }, findings);
  assert.match(findings.notices[0]!, /^RABBITMQ_CONF_ENV_FILE: .* are not run; set the variables$/);
});

test('files are named by both families of variables, and ours goes first', () => {
  const files = filesIn({
    RABBITMQ_CONFIG_FILE: '/a',
    LEVERET_CONFIG_FILE: '/b',
    RABBITMQ_ADVANCED_CONFIG_FILE: '/c',
    RABBITMQ_ENABLED_PLUGINS_FILE: '',
  });
  assert.deepEqual(files, {
    config: { path: '/b', origin: 'LEVERET_CONFIG_FILE' },
    advancedConfig: { path: '/c', origin: 'RABBITMQ_ADVANCED_CONFIG_FILE' },
  });
});
