/** The scripts that shells complete with, in the shells themselves: what is offered for the last word of a line. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { COMMANDS } from '../../src/ctl/commands/all.ts';
import { ctlProgram } from '../../src/ctl/completion/ctl-program.ts';
import { SHELLS } from '../../src/ctl/completion/shells.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

interface Line {
  readonly words: readonly string[];
  readonly offered: readonly string[];
}

const VHOSTS = ['/', 'my vhost'];
const ALL_OR_SOME = ['all', 'classic', 'quorum'];

/** Each ends in the word that is completed. */
const LINES: readonly Line[] = [
  { words: ['add_v'], offered: ['add_vhost'] },
  { words: ['-n', 'some', '--timeout=5', 'delete_vh'], offered: ['delete_vhost'] },
  { words: ['add_vhost', '--de'], offered: ['--description', '--default-queue-type'] },
  { words: ['shutdown', '--no-w'], offered: ['--no-wait'] },
  { words: ['list_queues', '--fo'], offered: ['--formatter'] },
  { words: ['list_queues', '--formatter', 'p'], offered: ['pretty_table'] },
  { words: ['list_queues', '--formatter=j'], offered: ['--formatter=json'] },
  { words: ['list_queues', 'name', 'polic'], offered: ['policy'] },
  { words: ['rebalance', ''], offered: ALL_OR_SOME },
  { words: ['help', 'list_vh'], offered: ['list_vhost_limits', 'list_vhosts'] },
  { words: ['add_user', ''], offered: [] },
  { words: ['list_queues', '-p', ''], offered: VHOSTS },
  { words: ['clear_permissions', '-p', 'x', ''], offered: ['guest', 'alice'] },
];

/** Printed behind what is offered for a line. */
const END = 'end-of-line';

/** Stands for leveretctl: prints what was asked of it in place of an answer where that is not expected. */
const STAND_IN = `#!/bin/sh
case "$*" in
  "--silent --timeout 2 list_vhosts name") printf '/\\nmy vhost\\n' ;;
  "--silent --timeout 2 list_users") printf 'guest\\t[administrator]\\nalice\\t[]\\n' ;;
  *) echo "asked: $*" ;;
esac
`;

/** Bash takes words apart at = and :, and leaves what it has of a word where it is. */
function bashProgram(script: string): string {
  const lines = LINES.map(({ words }) => {
    const pieces = words.flatMap((word) => word.split(/(?<==)|(?==)/));
    return `
COMP_LINE=${quoted(['leveretctl', ...words].join(' '))} COMP_WORDS=(leveretctl ${pieces.map(quoted).join(' ')})
COMP_POINT=\${#COMP_LINE} COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_leveretctl
printf '%s\\n' "\${COMPREPLY[@]}" ${END}`;
  });
  return `${script}\n${lines.join('\n')}\n`;
}

/** The completion system works with a line editor alone; what it is told stands for it. */
function zshProgram(script: string): string {
  const lines = LINES.map(
    ({ words }) => `
words=(leveretctl ${words.map(quoted).join(' ')}) CURRENT=$#words PREFIX=$words[-1] IPREFIX=
_leveretctl
print ${END}`,
  );
  return `
compdef() { : }
_message() { : }
compset() { IPREFIX="\${PREFIX%%=*}=" PREFIX="\${PREFIX#*=}" }
compadd() { local each; for each in "\${list[@]}"; do [[ $each == $PREFIX* ]] && print -r -- "$IPREFIX$each"; done }
_describe() { local each; for each in "\${(@P)argv[-1]}"; do each=\${each%%:*}; [[ $each == $PREFIX* ]] && print -r -- $each; done }
${script}
${lines.join('\n')}
`;
}

function fishProgram(script: string): string {
  const lines = LINES.map(({ words }) => {
    const line = ['leveretctl', ...words].join(' ');
    return `complete -C ${quoted(line)} | string replace -r '\\t.*' ''\necho ${END}`;
  });
  return `${script}\n${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const PROGRAMS = { bash: bashProgram, zsh: zshProgram, fish: fishProgram };
/** Without what a user has set. */
const FLAGS = { bash: ['--norc'], zsh: ['-f'], fish: ['-N'] };

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const skip = ['/bin', '/usr/bin'].some((directory) => existsSync(join(directory, shell))) ? false : `no ${shell}`;
  describe(shell, { skip }, () => {
    let directory: string;

    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'leveret-completion-'));
      writeFileSync(join(directory, 'leveretctl'), STAND_IN, { mode: 0o755 });
    });
    after(() => rmSync(directory, { recursive: true }));

    test('offers commands, options, their values, and what a broker has', async () => {
      const path = join(directory, 'program');
      writeFileSync(path, PROGRAMS[shell](SHELLS[shell](ctlProgram('leveretctl', COMMANDS))));
      const env = { PATH: `${directory}:${process.env.PATH}`, HOME: directory, LANG: 'C.UTF-8' };
      const { stdout, stderr } = await run(shell, [...FLAGS[shell], path], { env });
      assert.equal(stderr, '');
      const offered = stdout.split(`${END}\n`).slice(0, -1);
      const found = offered.map((text) =>
        text
          .split('\n')
          .filter((line) => line !== '')
          .sort(),
      );
      const expected = LINES.map(({ words, offered: all }) => {
        return all.map((each) => (shell === 'bash' ? asBash(each, words.at(-1)!) : each)).sort();
      });
      assert.deepEqual(found, expected);
    });

    test('takes the scripts for the other names of leveretctl, and that of leveret', async () => {
      const scripts = [SHELLS[shell](ctlProgram('rabbitmq-diagnostics', COMMANDS)), await scriptOfLeveret(shell)];
      for (const script of scripts) {
        const path = join(directory, 'script');
        writeFileSync(path, script);
        const { stderr } = await run(shell, ['-n', path]);
        assert.equal(stderr, '');
      }
      assert.match(scripts[0]!, /rabbitmq-diagnostics/);
      assert.match(scripts[1]!, /--advanced-config/);
    });
  });
}

/** What stands in front of = is there already, and what has a special meaning is escaped. */
function asBash(offered: string, word: string): string {
  const behind = word.startsWith('--') && word.includes('=') ? offered.slice(offered.indexOf('=') + 1) : offered;
  return behind.replaceAll(' ', '\\ ');
}

async function scriptOfLeveret(shell: string): Promise<string> {
  const { stdout } = await run(process.execPath, [join(root, 'src/cli/leveret.ts'), 'completion', shell]);
  return stdout;
}
