// Brings a fresh checkout to where its scripts can run: npm packages (the pinned Node among them) and, with --debian, the
// Debian packages that the tests drive. Written for any Node from 18 up, because it runs before the pinned one is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const DEBIAN_PACKAGES = readFileSync(join(root, 'tools', 'debian-packages.txt'), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '');

function run(command, args, env = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } });
  return result.status === 0;
}

function modulesAreCurrent() {
  const stamp = join(root, 'node_modules', '.package-lock.json');
  return existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function installModules() {
  if (modulesAreCurrent()) return;
  console.error('leveret: installing npm packages ...');
  if (!run('npm', ['ci', '--loglevel=error'])) {
    console.error('leveret: `npm ci` failed; its own message stands above. Mend that and run the command again.');
    process.exit(1);
  }
}

function installDebianPackages() {
  const missing = DEBIAN_PACKAGES.filter((name) => spawnSync('dpkg', ['-s', name], { stdio: 'ignore' }).status !== 0);
  if (missing.length === 0) return;
  const mayInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  if (mayInstall) {
    console.error(`leveret: installing Debian packages for the tests: ${missing.join(' ')}`);
    run('apt-get', [...lock, '-qq', 'update']);
    const options = [...lock, '-qq', '-y', '--no-install-recommends', 'install', ...missing];
    if (run('apt-get', options, { DEBIAN_FRONTEND: 'noninteractive' })) return;
  }
  const text = `leveret: these Debian packages are missing, and what needs them is left out: ${missing.join(' ')}`;
  console.error(text);
  if (process.env.CI) process.exit(1);
}

installModules();
if (!existsSync(join(root, 'node_modules', '.bin', 'node'))) {
  console.error('leveret: there is no pinned Node for this platform; put Node 24 or newer at node_modules/.bin/node.');
  process.exit(1);
}
if (process.argv.includes('--debian')) installDebianPackages();
