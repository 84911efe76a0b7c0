// Brings a fresh checkout to where its scripts can run: npm packages (the pinned Node among them); with --debian, the Debian
// packages that the tests drive; with --bundle, the files that `npm start` runs. Written for any Node from 18 up, because it runs before the pinned one is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', '.bin', 'node');
const OLDEST_NODE_MAJOR = 24;
const DEBIAN_PACKAGES = readFileSync(join(root, 'tools', 'debian-packages.txt'), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '');

function say(text) {
  console.error(`leveret: ${text}`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

/** Everything that it prints goes to standard error: standard output is for the command that comes next. */
function run(command, args, env = {}) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } });
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function modulesAreCurrent() {
  const stamp = join(root, 'node_modules', '.package-lock.json');
  return existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function installModules() {
  if (modulesAreCurrent() && existsSync(pinnedNode)) return;
  say('installing npm packages ...');
  const { status, error } = run('npm', ['ci', '--loglevel=error']);
  if (error?.code === 'ENOENT') fail('there is no npm on the PATH; it comes with Node.');
  if (status !== 0) {
    fail(
      '`npm ci` failed; its own message stands above. It needs the network once. Mend that and run the command again.',
    );
  }
  if (!succeeds(pinnedNode, ['--version'])) useOwnNode();
}

/** Not every platform has a prebuilt Node among npm's packages, or can run the one it has. */
function useOwnNode() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE_MAJOR) {
    fail(
      `npm has no Node that runs on ${process.platform} ${process.arch}, and this one is ${process.version}: ` +
        `install Node ${OLDEST_NODE_MAJOR} or newer and run the command again.`,
    );
  }
  say(`npm has no Node that runs on ${process.platform} ${process.arch}; taking this one, ${process.version}.`);
  rmSync(pinnedNode, { force: true });
  symlinkSync(process.execPath, pinnedNode);
}

function installDebianPackages() {
  const missing = DEBIAN_PACKAGES.filter((name) => !succeeds('dpkg', ['-s', name]));
  if (missing.length === 0 || installWithApt(missing)) return;
  say(`these Debian packages are missing, and what needs them is left out: ${missing.join(' ')}`);
  if (process.env.CI) fail('in continuous integration nothing may be left out.');
}

/** Returns false where it may not, or could not. */
function installWithApt(packages) {
  if (process.getuid?.() !== 0 || !succeeds('apt-get', ['--version'])) return false;
  say(`installing Debian packages for the tests: ${packages.join(' ')}`);
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  run('apt-get', [...lock, '-qq', 'update']);
  const options = [...lock, '-qq', '-y', '--no-install-recommends', 'install', ...packages];
  return run('apt-get', options, { DEBIAN_FRONTEND: 'noninteractive' }).status === 0;
}

/** Another file, because not everybody who installs bundles. */
async function bundle() {
  const { keepBundle } = await import('./kept-bundle.mjs');
  const unbundled = `${process.env.npm_lifecycle_event === 'ctl' ? 'leveretctl' : 'leveret'}.ts`;
  const wayOut = `\`node_modules/.bin/node src/cli/${unbundled}\` runs the sources as they are.`;
  try {
    const bundleInto = (directory) => {
      say('bundling the sources ...');
      return run(pinnedNode, [join(root, 'tools', 'bundle.ts'), directory]).status === 0;
    };
    if (!keepBundle(root, bundleInto)) fail(`the sources could not be bundled; why stands above. ${wayOut}`);
  } catch (error) {
    fail(`the sources could not be bundled: ${error.message}. ${wayOut}`);
  }
}

installModules();
if (process.argv.includes('--debian')) installDebianPackages();
if (process.argv.includes('--bundle')) await bundle();
