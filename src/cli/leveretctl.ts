#!/usr/bin/env node
/** `leveretctl`: rabbitmqctl's commands for a broker of this machine, or for one behind an HTTP API. */
import { basename } from 'node:path';
import { EXIT } from '../ctl/failure.ts';
import { run } from '../ctl/run.ts';
import { nodeVersionFault } from './node-version.ts';

const RABBITMQ_NAMES = [
  'rabbitmqctl',
  'rabbitmq-diagnostics',
  'rabbitmq-plugins',
  'rabbitmq-queues',
  'rabbitmq-upgrade',
];

/** Called by one of RabbitMQ's names, through a link, it goes by that name. */
function programName(): string {
  const called = basename(process.argv[1] ?? '');
  return RABBITMQ_NAMES.includes(called) ? called : 'leveretctl';
}

const fault = nodeVersionFault(process.version);
if (fault !== null) {
  console.error(`leveretctl: ${fault}`);
  process.exit(1);
}

// A reader that has seen enough (`leveretctl list_queues | head`) ends the command.
process.stdout.on('error', () => process.exit(0));

try {
  process.exitCode = await run(programName(), process.argv.slice(2), process);
} catch (error) {
  console.error(error);
  process.exitCode = EXIT.software;
}
