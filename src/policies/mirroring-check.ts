/**
 * The keys that mirror a queue (`ha-*`): what RabbitMQ 3.10.8 says of values that make no sense together. Mirroring itself is
 * not here yet.
 */
import type { JsonObject, JsonValue } from '../metadata/port.ts';
import { isList, jsonTerm } from './json-term.ts';

/** The fault that RabbitMQ would name first, or undefined. */
export function checkMirroring(definition: JsonObject): string | undefined {
  const mode = definition['ha-mode'];
  if (mode === undefined) {
    return 'ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown';
  }
  return (
    checkMode(mode, definition['ha-params']) ??
    checkSyncMode(definition['ha-sync-mode']) ??
    checkBatchSize(definition['ha-sync-batch-size']) ??
    checkPromotion('ha-promote-on-shutdown', definition['ha-promote-on-shutdown']) ??
    checkPromotion('ha-promote-on-failure', definition['ha-promote-on-failure'])
  );
}

function checkMode(mode: JsonValue, params: JsonValue | undefined): string | undefined {
  switch (mode) {
    case 'all':
      return params === undefined ? undefined : 'ha-mode="all" does not take parameters';
    case 'exactly':
      if (Number.isInteger(params) && (params as number) > 0) return undefined;
      return `ha-mode="exactly" takes an integer, ${given(params)} given`;
    case 'nodes':
      return checkNodes(params);
    default:
      return `${jsonTerm(mode)} is not a valid ha-mode value`;
  }
}

function checkNodes(params: JsonValue | undefined): string | undefined {
  if (params === undefined || !isList(params)) return `ha-mode="nodes" takes a list, ${given(params)} given`;
  if (params.length === 0) return 'ha-mode="nodes" list must be non-empty';
  const others = params.filter((name) => typeof name !== 'string');
  if (others.length === 0) return undefined;
  return `ha-mode="nodes" takes a list of strings, ${jsonTerm(others)} was not a string`;
}

function checkSyncMode(mode: JsonValue | undefined): string | undefined {
  if (mode === undefined || mode === 'manual' || mode === 'automatic') return undefined;
  return `ha-sync-mode must be "manual" or "automatic", got ${jsonTerm(mode)}`;
}

function checkBatchSize(size: JsonValue | undefined): string | undefined {
  if (size === undefined || (Number.isInteger(size) && (size as number) > 0)) return undefined;
  return `ha-sync-batch-size takes an integer greater than 0, ${jsonTerm(size)} given`;
}

function checkPromotion(name: string, when: JsonValue | undefined): string | undefined {
  if (when === undefined || when === 'always' || when === 'when-synced') return undefined;
  return `${name} must be "always" or "when-synced", got ${jsonTerm(when)}`;
}

function given(value: JsonValue | undefined): string {
  return value === undefined ? 'none' : jsonTerm(value);
}
