import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ArgumentRules, readArguments } from './arguments.ts';

const RULES: ArgumentRules = {
  options: { quiet: 'flag', silent: 'flag', vhost: 'text', timeout: 'integer' },
  letters: { q: 'quiet', s: 'silent', p: 'vhost', t: 'timeout' },
};

function read(...words: string[]) {
  return readArguments(words, RULES);
}

describe('options', () => {
  for (const [words, options] of [
    [['--quiet'], { quiet: true }],
    [['--no-quiet'], { quiet: false }],
    [['--quiet=false'], { quiet: false }],
    [['-qs'], { quiet: true, silent: true }],
    [['-qp', 'v'], { quiet: true, vhost: 'v' }],
    [['--vhost', 'v'], { vhost: 'v' }],
    [['--vhost=a=b'], { vhost: 'a=b' }],
    [['--vhost='], { vhost: '' }],
    [['-p', ''], { vhost: '' }],
    [['-p', '-'], { vhost: '-' }],
    [['-p', '-5'], { vhost: '-5' }],
    [['-t=5'], { timeout: 5 }],
    [['-t', '-1'], { timeout: -1 }],
    [['-p', 'a', '-p', 'b'], { vhost: 'b' }],
  ] as const) {
    test(`${words.join(' ')} is understood`, () => {
      assert.deepEqual(read(...words), { options, positionals: [], invalid: [] });
    });
  }

  for (const [words, invalid, positionals] of [
    [['-1', '-0.5', '-1x'], [['-1x', '']], ['-1', '-0.5']],
    [['--bogus', 'x'], [['--bogus', '']], ['x']],
    [['--bogus=5'], [['--bogus', '5']], []],
    [['-x'], [['-x', '']], []],
    [['-qx'], [['-qx', '']], []],
    [['--no-vhost'], [['--no-vhost', '']], []],
    [['--quiet=maybe'], [['--quiet', 'maybe']], []],
    [['--vhost'], [['--vhost', '']], []],
    [['--vhost', '--quiet'], [['--vhost', '']], []],
    [['-t', 'soon'], [['-t', 'soon']], []],
    [['--timeout', '0.5'], [['--timeout', '0.5']], []],
    [['--constructor'], [['--constructor', '']], []],
  ] as const) {
    test(`${words.join(' ')} is not, and is told as it was written`, () => {
      assert.deepEqual([read(...words).invalid, read(...words).positionals], [invalid, positionals]);
    });
  }

  test('may stand anywhere, up to --', () => {
    const { options, positionals } = read('-q', 'add_user', '-p', 'v', 'name', '--', '-s', '--');
    assert.deepEqual(options, { quiet: true, vhost: 'v' });
    assert.deepEqual(positionals, ['add_user', 'name', '-s', '--']);
  });

  test('are no dash alone: that is standard output', () => {
    assert.deepEqual(read('export_definitions', '-').positionals, ['export_definitions', '-']);
  });
});
