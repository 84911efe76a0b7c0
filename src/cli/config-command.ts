/** `leveret config`: what is in files of settings, and what comes of all sources together. Nothing is started. */
import type { Environment } from '../config/environment.ts';
import { checkConfiguration } from './configuration-check.ts';
import { reportLines, shownSettings } from './configuration-report.ts';
import { effectiveConfiguration } from './effective-configuration.ts';
import type { ServeFlags } from './serve-options.ts';

/** @returns the exit code */
export function checkFiles(paths: readonly string[]): number {
  const { findings, counts } = checkConfiguration(paths);
  for (const fault of findings.faults) console.error(`leveret: ${fault}`);
  for (const notice of findings.notices) console.log(`notice: ${notice}`);
  if (findings.faults.length > 0) return 1;
  for (const [path, count] of counts)
    console.log(`${path}: can be used; ${count === 1 ? '1 setting' : `${count} settings`}`);
  return 0;
}

/** @returns the exit code */
export async function showConfiguration(
  flags: ServeFlags & { readonly json?: boolean },
  environment: Environment,
): Promise<number> {
  const configuration = await effectiveConfiguration(flags, environment);
  const { faults, notices } = configuration.findings;
  for (const text of [...faults, ...notices]) console.error(`leveret: ${text}`);
  if (faults.length > 0) return 1;
  const shown = shownSettings(configuration);
  console.log(flags.json === true ? JSON.stringify(shown, null, 2) : reportLines(shown).join('\n'));
  return 0;
}
