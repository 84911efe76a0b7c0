import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from './command.ts';
import { helpOn, overview, similarName, usageLine } from './usage.ts';

const COMMANDS = (['list_users', 'list_queues', 'add_user'] as const).map((name): Command => {
  return {
    name,
    group: name === 'list_queues' ? 'Queues' : 'Users',
    text: `Does ${name}`,
    usage: '<name> [--all]',
    positionals: [1, 1],
    explained: [['<name>', 'A name.']],
    run: () => ({ kind: 'done' }),
  };
});

test('a name that is nearly right is recognised, and one that is not like any is not', () => {
  for (const name of ['list_user', 'list-users', 'List_Users', 'lst_users']) {
    assert.equal(similarName(name, COMMANDS), 'list_users', name);
  }
  for (const name of ['quux', 'x', '']) assert.equal(similarName(name, COMMANDS), null, name);
});

test('commands are listed below the headings of their groups', () => {
  const text = overview('leveretctl', COMMANDS);
  assert.match(text, /Users:\n\n {3}list_users {2}Does list_users\n {3}add_user {4}Does add_user\n\nQueues:\n\n/);
});

test('help has the usage, what its parts mean, and the options of all commands', () => {
  const text = helpOn('rabbitmqctl', COMMANDS[0]!);
  assert.ok(text.includes(`\nUsage\n\n${usageLine('rabbitmqctl', COMMANDS[0]!)}\n\nDoes list_users.\n`));
  assert.ok(text.includes('\n<name>\n\tA name.\n'));
  assert.match(text, /-n, --node <node> +The broker/);
});
