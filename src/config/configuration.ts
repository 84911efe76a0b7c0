/**
 * What all sources come to. They lie over each other in layers: what the upper one says of a setting takes the place of all that
 * lower ones say of it, a list of listeners as a whole.
 */
import type { Assignment, Findings } from './assignment.ts';
import { foreignKey } from './foreign-keys.ts';
import { httpListenerRenamed } from './http-listener.ts';
import type { Setting } from './setting.ts';
import { DECLARED, keyOf, type Meant, nearestKey, settingOf } from './setting-keys.ts';
import { SETTINGS, type SettingName, type Settings, setSetting } from './settings.ts';

export interface Configuration {
  /** What was set; what was not is left out. */
  readonly settings: Settings;
  /** What the settings came from, with several for those of which there are several. */
  readonly given: ReadonlyMap<SettingName, readonly Assignment[]>;
}

export const NOTHING_SET: Configuration = { settings: {}, given: new Map() };

/** What one source says, or several that are read as one. Of two lines for one key the later one counts. */
export function readLayer(assignments: readonly Assignment[], findings: Findings): Configuration {
  const settings: Settings = {};
  const given = new Map<SettingName, Assignment[]>();
  for (const assignment of httpListenerRenamed(assignments)) {
    try {
      const meant = settingOf(assignment.key, assignment.value);
      if (meant === undefined) readForeign(assignment, findings);
      else assign(settings, given, meant, assignment);
    } catch (error) {
      findings.faults.push(`${assignment.origin}: ${(error as Error).message}`);
    }
  }
  return { settings, given };
}

function assign(
  settings: Settings,
  given: Map<SettingName, Assignment[]>,
  meant: Meant,
  { value, origin }: Assignment,
): void {
  const { name, part } = meant;
  setSetting(settings, name, value, part);
  const key = keyOf(meant);
  const others = given.get(name)?.filter((before) => before.key !== key) ?? [];
  given.set(name, [...others, { key, value, origin }]);
}

function readForeign({ key, value, origin }: Assignment, findings: Findings): void {
  const foreign = foreignKey(key, [value]);
  if (foreign === undefined) throw new Error(`there is no setting ${key}; did you mean ${nearestKey(key)}?`);
  if (foreign.refusal !== undefined) throw new Error(`${key} = ${value}: ${foreign.refusal}`);
  if (foreign.notice !== undefined) findings.notices.push(`${origin}: ${key}: ${foreign.notice}`);
}

/** @param layers the one that goes first stands last */
export function layered(layers: readonly Configuration[]): Configuration {
  const settings: Settings = {};
  const given = new Map<SettingName, readonly Assignment[]>();
  for (const layer of layers) {
    for (const [name, assignments] of layer.given) {
      for (const other of saidOtherwise(name)) {
        if (layer.given.has(other)) continue;
        delete settings[other];
        given.delete(other);
      }
      Object.assign(settings, { [name]: layer.settings[name] });
      given.set(name, assignments);
    }
  }
  return { settings, given };
}

/**
 * What is left of a file where an advanced one lies over it. In Erlang terms a key of an application is set as a whole, with all
 * that is in it: `ssl_options` above leaves nothing of `ssl_options.depth` below, as in RabbitMQ.
 */
export function besideAdvanced(file: Configuration, advanced: Configuration): Configuration {
  const taken = new Set([...advanced.given.keys()].map(termOf));
  const settings = { ...file.settings };
  const given = new Map(file.given);
  for (const name of file.given.keys()) {
    const term = termOf(name);
    if (term === undefined || !taken.has(term)) continue;
    delete settings[name];
    given.delete(name);
  }
  return { settings, given };
}

/** Application and key. */
function termOf(name: SettingName): string | undefined {
  const { classic = [] } = SETTINGS[name] as Setting<unknown>;
  return [classic].flat()[0]?.split('.').slice(0, 2).join('.');
}

/** Settings that say the same thing in another way: a share for a number of bytes. */
function saidOtherwise(name: SettingName): SettingName[] {
  const { either } = SETTINGS[name] as Setting<unknown>;
  if (either === undefined) return [];
  return DECLARED.flatMap(([other, declared]) => (declared.either === either && other !== name ? [other] : []));
}
