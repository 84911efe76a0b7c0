#!/usr/bin/env node
/** `leveret`: runs a broker, or one of the commands beside it. */
import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { addServeOptions, serve } from './serve.ts';

const program = new Command('leveret')
  .description('A message broker that every RabbitMQ client can use. Without a command it runs the broker.')
  .version(VERSION)
  .showHelpAfterError('(leveret --help lists what there is)');

addServeOptions(program).action(serve);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`leveret: ${(error as Error).message}`);
  process.exitCode = 1;
}
