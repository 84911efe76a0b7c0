/**
 * The order of the house: which folder of src/ may import which. `npm run arrows` writes it into biome.json, where the linter
 * enforces it; the order is kept here alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** From the ground up: each may import from those before it. */
export const LAYERS = [
  'runtime',
  'collections',
  'protocol',
  'config',
  'metrics',
  'storage',
  'metadata',
  'auth',
  'routing',
  'queues',
  'policies',
  'vhost',
  'connection',
  'http',
  'events',
  'replication',
  'cluster',
  'shovel',
  'federation',
  'frontdoor',
  'prometheus',
  'management',
  'web',
  'embedding.ts',
  'broker.ts',
  'cli',
] as const;

/**
 * Beside the house: the load generator measures any broker and knows no more of ours than anybody; the operator's commands know a
 * broker by its HTTP API.
 */
const BESIDE = {
  perf: ['runtime', 'collections', 'protocol'],
  ctl: ['runtime', 'config', 'auth'],
} as const satisfies Record<string, readonly (typeof LAYERS)[number][]>;

/** A folder of src/, or a file in it. */
type Place = (typeof LAYERS)[number] | keyof typeof BESIDE;

interface Override {
  readonly includes: readonly string[];
  readonly linter?: { readonly rules?: { readonly style?: { readonly noRestrictedImports?: object } } };
}

/** The part of biome.json that matters here. */
export interface Configuration {
  readonly overrides: readonly Override[];
}

const BESIDE_NAMES = Object.keys(BESIDE) as (keyof typeof BESIDE)[];
const PLACES: readonly Place[] = [...LAYERS, ...BESIDE_NAMES];

/** @returns what `place` must not import */
function forbiddenFor(place: Place): Place[] {
  if (place in BESIDE) {
    const allowed: readonly Place[] = [place, ...BESIDE[place as keyof typeof BESIDE]];
    return PLACES.filter((other) => !allowed.includes(other));
  }
  const above = LAYERS.slice((LAYERS as readonly Place[]).indexOf(place) + 1);
  return place === 'cli' ? above : [...above, ...BESIDE_NAMES];
}

/** biome.json's overrides, one a place that must not import something. */
function arrowOverrides(): Override[] {
  const places = PLACES.filter((place) => forbiddenFor(place).length > 0);
  return places.map((place) => ({
    includes: [isFile(place) ? `src/${place}` : `src/${place}/**`],
    linter: {
      rules: { style: { noRestrictedImports: { level: 'error', options: { patterns: [patternFor(place)] } } } },
    },
  }));
}

function patternFor(place: Place): { group: string[]; message: string } {
  // A folder may have folders of its own, from which the way out is one step longer.
  const ways = isFile(place) ? ['./'] : ['../', '../../'];
  const group = forbiddenFor(place).flatMap((other) =>
    ways.map((way) => `${way}${other}${isFile(other) ? '' : '/**'}`),
  );
  return { group, message: `${place} must not import this: imports go down only, in the order of tools/arrows.ts.` };
}

function isFile(place: Place): boolean {
  return place.endsWith('.ts');
}

/** @returns the configuration with these arrows and no others; what else it overrides stays as it is */
export function withArrows(configuration: Configuration): Configuration {
  const others = configuration.overrides.filter(
    ({ linter }) => linter?.rules?.style?.noRestrictedImports === undefined,
  );
  return { ...configuration, overrides: [...arrowOverrides(), ...others] };
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '../biome.json');
  const configuration = withArrows(JSON.parse(readFileSync(path, 'utf8')));
  writeFileSync(path, `${JSON.stringify(configuration, null, 2)}\n`);
}
