#!/usr/bin/env node
/** `leveret`: runs a broker, or one of the commands beside it. What a command does is loaded when it is asked for. */
import { Argument, Command } from 'commander';
import { SHELL_NAMES, type ShellName } from '../ctl/completion/program.ts';
import { VERSION } from '../version.ts';
import { nodeVersionFault } from './node-version.ts';
import { addPerfOptions } from './perf-options.ts';
import { addServeOptions } from './serve-options.ts';

const program = new Command('leveret')
  .description('A message broker that every RabbitMQ client can use. Without a command it runs the broker.')
  .version(VERSION, '-V, --version', 'Print the version.')
  .helpOption('-h, --help', 'Print this.')
  .helpCommand(false)
  // What stands behind a command is meant for it: `leveret config show --config FILE`.
  .enablePositionalOptions()
  .showHelpAfterError('(--help lists what there is)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'leveret: ')) });

addServeOptions(program.allowExcessArguments()).action(async (flags) => {
  const [unknown] = program.args;
  if (unknown !== undefined) program.error(`error: there is no command '${unknown}'`);
  const { serve } = await import('./serve.ts');
  await serve(flags, process.env);
});

addPerfOptions(program.command('perf')).action(async (flags) => {
  const { perf } = await import('./perf.ts');
  process.exitCode = await perf(flags);
});

const config = program.command('config').description('Looks at settings; starts nothing.').helpCommand(false);

config
  .command('check')
  .description('Says what is wrong with files of settings, or of plugins, as a start with them would.')
  .argument(
    '<files...>',
    'rabbitmq.conf, rabbitmq.config, advanced.config, enabled_plugins; later ones go before earlier ones.',
  )
  .action(async (files: string[]) => {
    const { checkFiles } = await import('./config-command.ts');
    process.exitCode = checkFiles(files);
  });

addServeOptions(config.command('show'))
  .description('Prints every setting as it is in force, and where it comes from.')
  .option('--json', 'As JSON.')
  .action(async (flags) => {
    const { showConfiguration } = await import('./config-command.ts');
    process.exitCode = await showConfiguration(flags, process.env);
  });

program
  .command('completion')
  .description('Prints a script with which a shell completes commands and options.')
  .addArgument(
    new Argument('<shell>', 'The shell that is to run it: source <(leveret completion bash)').choices(SHELL_NAMES),
  )
  .action(async (shell: ShellName) => {
    const [{ completedProgram }, { SHELLS }] = await Promise.all([
      import('./completion.ts'),
      import('../ctl/completion/shells.ts'),
    ]);
    process.stdout.write(SHELLS[shell](completedProgram(program)));
  });

/** What went wrong, in one line; where only a fault of Leveret's own can be the cause, with the place. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOurs = error instanceof TypeError || error instanceof RangeError || error.name === 'AssertionError';
  return isOurs ? (error.stack ?? error.message) : error.message;
}

const fault = nodeVersionFault(process.version);
if (fault !== null) {
  console.error(`leveret: ${fault}`);
  process.exit(1);
}

// A reader that goes away (`leveret | head`) must not take the broker with it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  for (const each of error instanceof AggregateError ? error.errors : [error])
    console.error(`leveret: ${explain(each)}`);
  process.exitCode = 1;
}
