/** The files that settings come from: which there are, in which form each is, and what they say. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Assignment, Findings } from '../config/assignment.ts';
import { readClassic } from '../config/classic-file.ts';
import type { FileGiven, FilesGiven } from '../config/environment.ts';
import { readSysctl } from '../config/sysctl-file.ts';
import { type EnabledPlugins, readPlugins } from './plugins.ts';

export interface FileContents {
  /** Of the file itself, and of those that are read as one with it. */
  readonly main: readonly Assignment[];
  readonly advanced: readonly Assignment[];
  /** Undefined: no file says which plugins there are. */
  readonly plugins: EnabledPlugins | undefined;
  /** Of all that were read, but for those that another includes. */
  readonly paths: readonly string[];
}

interface File {
  readonly path: string;
  readonly content: string;
}

/** RabbitMQ's variables name a file without what its name ends in. */
const EXTENSIONS = ['', '.conf', '.config'] as const;

export function readConfigurationFiles(given: FilesGiven, findings: Findings): FileContents {
  const paths: string[] = [];
  const read = (given: FileGiven | undefined) => {
    const file = given && readGiven(given, findings);
    if (file !== undefined) paths.push(file.path);
    return file;
  };
  const config = read(given.config && { ...given.config, path: withExtension(given.config.path) });
  const folder = config === undefined ? undefined : dirname(config.path);
  // As in RabbitMQ, where a classic file is all there is.
  const advancedBeside =
    config !== undefined && isClassic(config.content) ? undefined : besides(folder, 'advanced.config');
  const advanced = read(given.advancedConfig ?? advancedBeside);
  const plugins = read(given.enabledPlugins ?? besides(folder, 'enabled_plugins'));
  return {
    main: [
      config === undefined ? [] : assignmentsIn(config, findings),
      moreFiles(given.configFiles, findings, read),
    ].flat(),
    advanced: advanced === undefined ? [] : readClassic(advanced.path, advanced.content, findings),
    plugins: plugins && readPlugins(plugins.path, plugins.content, findings),
    paths,
  };
}

/** In either form. */
export function assignmentsIn({ path, content }: File, findings: Findings): Assignment[] {
  return isClassic(content) ? readClassic(path, content, findings) : readSysctl(path, content, findings, included);
}

/** Erlang's terms, whatever the file is called: the first thing in it that is no comment is `[`. */
export function isClassic(content: string): boolean {
  return /^\uFEFF?(?:\s|%[^\n]*\n)*\[/.test(content);
}

/** RabbitMQ goes on without a file that one of its variables names and that is not there; nobody else's name is taken as lightly. */
function readGiven({ path, origin }: FileGiven, findings: Findings): File | undefined {
  try {
    return { path, content: readFileSync(path, 'utf8') };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && origin.startsWith('RABBITMQ_');
    if (isMissing) findings.notices.push(`${origin}: there is no ${path}; nothing is read`);
    else findings.faults.push(`${origin} ${path} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

function withExtension(path: string): string {
  const isFile = (candidate: string) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true;
  return EXTENSIONS.map((extension) => path + extension).find(isFile) ?? path;
}

function besides(folder: string | undefined, name: string): FileGiven | undefined {
  if (folder === undefined || !existsSync(join(folder, name))) return undefined;
  return { path: join(folder, name), origin: 'beside the configuration file,' };
}

/** RabbitMQ's `conf.d`: read behind the file, in the order of their names. */
function moreFiles(
  given: FileGiven | undefined,
  findings: Findings,
  read: (given: FileGiven) => File | undefined,
): Assignment[] {
  if (given === undefined) return [];
  if (!given.path.includes('*') && !existsSync(given.path)) readGiven(given, findings);
  return filesNamed(given.path).flatMap((path) => {
    const file = read({ ...given, path });
    return file === undefined ? [] : assignmentsIn(file, findings);
  });
}

/** A folder is all files in it that end in `.conf`. @throws Error when one cannot be read */
function included(named: string, from: string): File[] {
  const paths = filesNamed(resolve(dirname(from), named));
  if (paths.length === 0) throw new Error(`include ${named}: there is no such file`);
  return paths.map((path) => ({ path, content: readFileSync(path, 'utf8') }));
}

function filesNamed(pattern: string): string[] {
  const isFolder = statSync(pattern, { throwIfNoEntry: false })?.isDirectory() === true;
  return globSync(isFolder ? join(pattern, '*.conf') : pattern).sort();
}
