/** The program that `npm start` runs: what is measured of a broker is measured of that one. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** Bundles the sources as they are, unless that is done. @returns the path by its own name: `current` may be another bundle soon */
export function bundledProgram(): string {
  const args = ['tools/install.mjs', '--bundle'];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  return realpathSync(join(ROOT, 'node_modules/.cache/leveret/current/leveret.js'));
}
