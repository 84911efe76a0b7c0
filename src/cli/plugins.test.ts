import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from '../config/assignment.ts';
import { readPlugins } from './plugins.ts';

function read(content: string) {
  const findings = new Findings();
  const { management } = readPlugins('enabled_plugins', content, findings);
  return { management, ...findings };
}

test('plugins whose work the broker does by itself need nothing to be said', () => {
  const all = '[rabbitmq_management, rabbitmq_consistent_hash_exchange,\n rabbitmq_auth_mechanism_ssl].';
  assert.deepEqual(read(all), { management: true, faults: [], notices: [] });
  assert.deepEqual(read('[].'), { management: false, faults: [], notices: [] });
  assert.equal(read('[rabbitmq_tracing].').management, true, 'RabbitMQ enables what a plugin needs');
});

test('events are published where the file asks for them', () => {
  assert.equal(readPlugins('enabled_plugins', '[rabbitmq_event_exchange].', new Findings()).events, true);
  assert.equal(readPlugins('enabled_plugins', '[rabbitmq_management].', new Findings()).events, false);
});

test('those that are not there are left out, and it is told', () => {
  const { faults, notices } = read('[rabbitmq_recent_history_exchange].');
  assert.deepEqual(faults, []);
  assert.deepEqual(notices, [
    'enabled_plugins:1:2: the plugin rabbitmq_recent_history_exchange is not there; it is left out',
  ]);
});

test('those without which clients could not connect stop the start', () => {
  const { faults } = read('[rabbitmq_mqtt, rabbitmq_stomp, rabbitmq_auth_backend_ldap].');
  assert.equal(faults.length, 3);
  assert.equal(faults[0], 'enabled_plugins:1:2: the plugin rabbitmq_mqtt is not there: what needs it would not work');
});

test('what is no list of names is a fault with line and column', () => {
  assert.deepEqual(read('rabbitmq_management.').faults, [
    'enabled_plugins:1:1: expected one list of plugins: [NAME, NAME].',
  ]);
  assert.deepEqual(read('[rabbitmq_management, "x"].').faults, ['enabled_plugins:1:23: expected the name of a plugin']);
  assert.deepEqual(read('[rabbitmq_management').faults, [
    'enabled_plugins:1:21: expected a comma or ], found the end of the file',
  ]);
});
