// The files that `npm start` runs, bundled from the sources as they are now: a bundle is run again only where everything that
// went into it is the same as it was. Written for any Node from 18 up, as tools/install.mjs is.
//
//   node_modules/.cache/leveret/NAME     a bundle; it stays when another is made, because a broker that runs loads from it later
//   node_modules/.cache/leveret/current  a link to the one that is to be run
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

const KEPT_COUNT = 10;
/** A file that was changed within this may be changed once more and look the same: the clocks of file systems are coarse. */
const SETTLED_MS = 2000;
/** Sources may change while they are bundled, though not time and again. */
const ATTEMPTS = 3;
/** What a checkout that nobody may write to answers. */
const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Bundles that this process has made. */
let made = 0;

/**
 * @param bundleInto makes a bundle in a directory; returns whether it did
 * @returns whether there is a bundle of the sources as they are. @throws Error where it cannot be read or written
 */
export function keepBundle(root, bundleInto, nowMs = Date.now) {
  const cache = join(root, 'node_modules', '.cache', 'leveret');
  const current = join(cache, 'current');
  for (let attempt = 0; !isOfSources(current, root, nowMs()); attempt++) {
    if (attempt === ATTEMPTS) throw new Error('the sources change while they are bundled');
    mkdirSync(cache, { recursive: true });
    const directory = join(cache, nextName());
    if (!bundleInto(directory)) return false;
    pointTo(directory, current);
    removeOldest(cache);
  }
  return true;
}

/** Later ones sort behind earlier ones, also those of one millisecond. */
function nextName() {
  made++;
  return `${Date.now().toString(36)}-${String(made).padStart(4, '0')}-${process.pid}`;
}

/** As git does it: what looks the same is the same, and what looks otherwise is read. */
function isOfSources(bundle, root, nowMs) {
  const inputsFile = join(bundle, 'inputs.json');
  if (!existsSync(inputsFile)) return false;
  const digests = JSON.parse(readFileSync(inputsFile, 'utf8'));
  const looksFile = join(bundle, 'looks.json');
  const before = existsSync(looksFile) ? JSON.parse(readFileSync(looksFile, 'utf8')) : {};
  const looks = {};
  let wasRead = false;
  for (const [path, digest] of Object.entries(digests)) {
    const look = lookOf(join(root, path), nowMs);
    if (look === undefined || look !== before[path]) {
      if (digestOf(join(root, path)) !== digest) return false;
      wasRead = true;
    }
    looks[path] = look;
  }
  if (wasRead) keepLooks(looksFile, looks);
  return true;
}

/** Undefined where the look says nothing: there is no such file, or it has only just been changed. */
function lookOf(path, nowMs) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || nowMs - stats.ctimeMs < SETTLED_MS) return undefined;
  const { size, mtimeMs, ctimeMs, ino } = stats;
  return `${size} ${mtimeMs} ${ctimeMs} ${ino}`;
}

function digestOf(path) {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : undefined;
}

/** They save time and no more: where they cannot be kept, everything is read each time. */
function keepLooks(file, looks) {
  const next = `${file}-${process.pid}`;
  try {
    writeFileSync(next, JSON.stringify(looks));
    renameSync(next, file);
  } catch (error) {
    if (!UNWRITABLE.has(error.code)) throw error;
  }
}

/** In one step: somebody else may be starting from it. */
function pointTo(directory, link) {
  const next = `${link}-${process.pid}`;
  symlinkSync(basename(directory), next);
  renameSync(next, link);
}

/** Names begin with the time at which they were made. */
function removeOldest(cache) {
  const bundles = readdirSync(cache).filter((name) => !name.startsWith('current'));
  for (const name of bundles.sort().slice(0, -KEPT_COUNT)) rmSync(join(cache, name), { recursive: true, force: true });
}
