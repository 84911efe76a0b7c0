import assert from 'node:assert/strict';
import { Findings } from './assignment.ts';
import { readLayer } from './configuration.ts';
import type { Settings } from './settings.ts';
import { readSysctl } from './sysctl-file.ts';

/** What a file like `rabbitmq.conf` comes to. @throws Error with the first fault */
export function readSettings(path: string, content: string): Settings {
  const findings = new Findings();
  const noInclude = (named: string) => assert.fail(`nothing is included: ${named}`);
  const { settings } = readLayer(readSysctl(path, content, findings, noInclude), findings);
  const [fault] = findings.faults;
  if (fault !== undefined) throw new Error(fault);
  return settings;
}
