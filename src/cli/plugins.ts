/** RabbitMQ's `enabled_plugins`: which of its plugins are part of the broker here, and what becomes of the others. */
import type { Findings } from '../config/assignment.ts';
import { parseTerms, TermError } from '../config/erlang-terms.ts';
import { BUILT_IN_PLUGINS } from '../config/rabbitmq-plugins.ts';

export interface EnabledPlugins {
  /** Whether the file asks for the HTTP API. */
  readonly management: boolean;
  /** Whether it asks for metrics. */
  readonly prometheus: boolean;
  /** Whether the file asks for events to be published. */
  readonly events: boolean;
}

/** The HTTP API, and plugins that bring it along. */
const MANAGEMENT = new Set([
  'rabbitmq_management',
  'rabbitmq_federation_management',
  'rabbitmq_shovel_management',
  'rabbitmq_stream_management',
  'rabbitmq_top',
  'rabbitmq_tracing',
]);

const EVENTS = 'rabbitmq_event_exchange';

/** Without these, clients would be missing a listener or a login, and nobody would be told. */
const REFUSED =
  /^rabbitmq_(mqtt|web_mqtt|stomp|web_stomp|stream|amqp1_0|auth_backend_\w+|trust_store|peer_discovery_\w+)$/;

/** @param path for messages */
export function readPlugins(path: string, content: string, findings: Findings): EnabledPlugins {
  const names = namesIn(path, content, findings);
  for (const { name, origin } of names) {
    if (BUILT_IN_PLUGINS.has(name)) continue;
    if (REFUSED.test(name))
      findings.faults.push(`${origin}: the plugin ${name} is not there: what needs it would not work`);
    else findings.notices.push(`${origin}: the plugin ${name} is not there; it is left out`);
  }
  return {
    management: names.some(({ name }) => MANAGEMENT.has(name)),
    prometheus: names.some(({ name }) => name === 'rabbitmq_prometheus'),
    events: names.some(({ name }) => name === EVENTS),
  };
}

function namesIn(path: string, content: string, findings: Findings): { name: string; origin: string }[] {
  try {
    const [list, more] = parseTerms(content);
    if (list === undefined) return [];
    if (list.kind !== 'list' || more !== undefined)
      throw new TermError(more ?? list, 'expected one list of plugins: [NAME, NAME].');
    return list.items.map((item) => {
      if (item.kind !== 'atom') throw new TermError(item, 'expected the name of a plugin');
      return { name: item.name, origin: `${path}:${item.line}:${item.column}` };
    });
  } catch (error) {
    if (!(error instanceof TermError)) throw error;
    findings.faults.push(`${path}:${error.line}:${error.column}: ${error.message}`);
    return [];
  }
}
