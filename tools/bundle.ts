/**
 * Puts the modules of src/ and what they import from npm into a few files: `node tools/bundle.ts DIRECTORY`. Loading a module
 * costs time and memory, and a broker has hundreds; of the files that come out of this, a start loads those that it needs, and
 * the others wait until somebody asks for what is in them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { type OutputOptions, type Plugin, type RolldownOutput, rolldown } from 'rolldown';

const ROOT = resolve(import.meta.dirname, '..');

/** What is started or imported from outside, each under the name of its file: they share what is in the files below. */
const BROKER = { broker: 'src/broker.ts', leveret: 'src/cli/leveret.ts' } as const;

/** Each has all that it runs in its one file: it needs little of what a broker is made of, and should not load the rest. */
const ALONE = {
  leveretctl: 'src/cli/leveretctl.ts',
  'delay-thread': 'src/storage/delay-thread.ts',
  'load-worker': 'src/perf/load-worker.ts',
} as const;

/**
 * Files that hold more than one module is imported with: these modules, and all that they import, as far as it is in no file
 * before. What a start needs is in the first two; a broker that is embedded loads `core` alone.
 */
const FILES: readonly (readonly [name: string, modules: readonly string[]])[] = [
  ['core', ['src/broker.ts', 'src/management/server.ts', 'src/prometheus/server.ts']],
  ['serve', ['src/cli/serve.ts', BROKER.leveret]],
  ['metrics', ['src/prometheus/http-server.ts']],
  ['api', ['src/management/http-server.ts']],
];

/** Beside the modules, what the bundle is made of: with another one of these it would be another. */
const ALSO_READ = ['tools/bundle.ts', 'tsconfig.json', 'package-lock.json'];

/** For whoever has to know whether a bundle is still that of the sources: SHA-256 by path. */
const INPUTS_FILE = 'inputs.json';
type OutputFile = RolldownOutput['output'][number];

const LICENCES_FILE = 'third-party-licenses.txt';

/** @param directory is emptied */
export async function bundleInto(directory: string): Promise<void> {
  const inputs = new Map<string, string>();
  for (const path of ALSO_READ) readInput(inputs, join(ROOT, path));
  const splitting = { includeDependenciesRecursively: false, groups: [{ debugName: 'files', name: filing() }] };
  const output = await bundled(BROKER, splitting, directory, inputs);
  for (const [name, module] of Object.entries(ALONE)) {
    output.push(...(await bundled({ [name]: module }, false, directory, inputs)));
  }
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const file of output) writeFileSync(join(directory, file.fileName), contentOf(file));
  writeFileSync(join(directory, LICENCES_FILE), licences(output));
  // Node looks no further than node_modules for what kind of modules there are, and then has to read them to find out.
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(directory, INPUTS_FILE), JSON.stringify(Object.fromEntries(inputs)));
}

async function bundled(
  input: Readonly<Record<string, string>>,
  codeSplitting: NonNullable<OutputOptions['codeSplitting']>,
  dir: string,
  inputs: Map<string, string>,
): Promise<OutputFile[]> {
  const bundle = await rolldown({
    cwd: ROOT,
    input: { ...input },
    platform: 'node',
    tsconfig: 'tsconfig.json',
    preserveEntrySignatures: 'allow-extension',
    plugins: [ownReading(inputs)],
    checks: { bundlerTimings: false },
  });
  try {
    const { output } = await bundle.generate({
      dir,
      format: 'esm',
      sourcemap: true,
      sourcemapExcludeSources: true,
      comments: { legal: true, annotation: true, jsdoc: false },
      entryFileNames: '[name].js',
      chunkFileNames: '[name].js',
      codeSplitting,
    });
    return output;
  } finally {
    await bundle.close();
  }
}

/** Notes what exactly was read: a file may be changed while the bundle is made. */
function ownReading(inputs: Map<string, string>): Plugin {
  return { name: 'own-reading', load: (id) => (id.startsWith(sep) ? readInput(inputs, id) : null) };
}

function readInput(inputs: Map<string, string>, path: string): string {
  const bytes = readFileSync(path);
  inputs.set(relative(ROOT, path), createHash('sha256').update(bytes).digest('hex'));
  return bytes.toString();
}

function contentOf(file: OutputFile): string | Uint8Array {
  return file.type === 'chunk' ? inAscii(withPlainBuiltins(file.code)) : file.source;
}

/**
 * An import of a module of Node evaluates everything that it exports, also what Node would load when it is used: an HTTP client and
 * more with `node:http`, which is 30 ms and 4 MiB. The bundler writes each of these imports on a line of its own.
 */
function withPlainBuiltins(code: string): string {
  return code.replace(/^import (.+) from "(node:[^"]+)";$/gm, (_, names: string, module: string) => {
    const target = names.replace(/^\* as /, '').replaceAll(' as ', ': ');
    return `const ${target} = process.getBuiltinModule("${module}");`;
  });
}

/** One letter beyond Latin 1, and V8 keeps the whole file in memory with two bytes a letter. */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

interface ModuleGraph {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
}

/** @returns what names the file that a module belongs in; null leaves that to the bundler */
function filing(): (id: string, graph: ModuleGraph) => string | null {
  let members: readonly (readonly [name: string, ids: ReadonlySet<string>])[] | null = null;
  return (id, graph) => {
    // An entry that awaits at its top level must not be in a file that it awaits.
    if (id === join(ROOT, BROKER.leveret)) return null;
    members ??= FILES.map(([name, modules]) => [name, importedFrom(modules, graph)]);
    return members.find(([, ids]) => ids.has(id))?.[0] ?? null;
  };
}

/** These modules, and all that they import at once. */
function importedFrom(modules: readonly string[], graph: ModuleGraph): Set<string> {
  const found = new Set<string>();
  const left = modules.map((path) => join(ROOT, path));
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    left.push(...(graph.getModuleInfo(id)?.importedIds ?? []));
  }
  return found;
}

/** Of the packages whose code is in the output: their licences want to go with it. */
function licences(output: readonly OutputFile[]): string {
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  const texts = Array.from(folders, (folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
    if (file === undefined) throw new Error(`${folder} has no licence that could go with its code`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.sort().join(`\n${'-'.repeat(72)}\n\n`);
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) throw new Error('usage: node tools/bundle.ts DIRECTORY');
  await bundleInto(resolve(directory));
}
