/** `leveret config check`: all that is wrong with files of settings, without starting a broker. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compilePattern } from '../auth/pattern.ts';
import { type Assignment, Findings } from '../config/assignment.ts';
import { type Configuration, layered, readLayer } from '../config/configuration.ts';
import { DECLARED } from '../config/setting-keys.ts';
import { FILE } from '../config/setting-types.ts';
import type { SettingName } from '../config/settings.ts';
import { readTlsFiles } from '../connection/tls-files.ts';
import { whole } from '../runtime/slices.ts';
import { checkedDefinitions } from '../vhost/definition-import.ts';
import { assertAlone, readDefinitionsFile } from './broker-options.ts';
import { assignmentsIn } from './configuration-files.ts';
import { httpListening } from './http-listening.ts';
import { tlsOptions } from './listening-options.ts';
import { readPlugins } from './plugins.ts';

export interface Checked {
  readonly findings: Findings;
  /** How many settings each file has; 0 for a list of plugins. */
  readonly counts: readonly (readonly [path: string, count: number])[];
}

/** A start with these files, the later ones over the earlier ones, and nothing else set. */
export function checkConfiguration(paths: readonly string[]): Checked {
  const findings = new Findings();
  const layers = paths.map((path) => layerOf(path, findings));
  checkUse(layered(layers), findings);
  return { findings, counts: layers.map(({ given }, index) => [paths[index]!, countOf(given)]) };
}

function layerOf(path: string, findings: Findings): Configuration {
  const content = attempt(path, findings, () => readFileSync(path, 'utf8')) ?? '';
  if (basename(path) === 'enabled_plugins') {
    readPlugins(path, content, findings);
    return readLayer([], findings);
  }
  return readLayer(assignmentsIn({ path, content }, findings), findings);
}

function countOf(given: Configuration['given']): number {
  return [...given.values()].reduce((sum, assignments) => sum + assignments.length, 0);
}

const CERTIFICATES = [
  ['tls', 'ssl_options'],
  ['managementTls', 'management.ssl'],
  ['prometheusTls', 'prometheus.ssl'],
] as const;

/** What shows only when settings are put to use: other files that they name, patterns, what belongs together. */
function checkUse(configuration: Configuration, findings: Findings): void {
  const { settings, given } = configuration;
  const check = (name: SettingName, use: () => void) => attempt(describe(given.get(name)), findings, use);
  const before = findings.faults.length;
  for (const [name, { type }] of DECLARED) {
    const [file] = given.get(name) ?? [];
    if (type === FILE && file !== undefined) check(name, () => readFileSync(file.value));
  }
  const areFilesThere = findings.faults.length === before;
  const { loadDefinitions, tlsListeners } = settings;
  if (loadDefinitions !== undefined && areFilesThere) {
    check('loadDefinitions', () => whole(checkedDefinitions(readDefinitionsFile(loadDefinitions))));
  }
  for (const [name, keys] of CERTIFICATES) {
    const tls = tlsOptions(settings, name);
    if (tls !== undefined && areFilesThere) check(`${name}CertFile`, () => readTlsFiles(tls, Date.now(), keys));
  }
  for (const name of ['management', 'prometheus'] as const) {
    check(`${name}TlsPort`, () => httpListening(configuration, {}, name));
  }
  if (settings.tlsCertFile === undefined && tlsListeners !== undefined && tlsListeners.size > 0) {
    check('tlsListeners', () => {
      throw new Error('a listener with TLS needs a certificate: set ssl_options.certfile');
    });
  }
  for (const name of ['defaultConfigure', 'defaultWrite', 'defaultRead', 'prometheusLeftOut'] as const) {
    check(name, () => compilePattern(settings[name] ?? ''));
  }
  attempt(given.get('clusterNodes')?.[0]?.origin ?? '', findings, () => assertAlone(settings));
}

function describe(given: readonly Assignment[] | undefined): string {
  const [first] = given ?? [];
  return first === undefined ? '' : `${first.origin}: ${first.key} = ${first.value}`;
}

function attempt<T>(where: string, findings: Findings, use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    findings.faults.push(`${where}: ${(error as Error).message}`);
    return undefined;
  }
}
