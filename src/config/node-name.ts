/** What a node is called: NAME@HOST, as Erlang has it. */
import { hostname } from 'node:os';

export const DEFAULT_NODE_NAME = 'leveret';

const NAME = /^[0-9A-Za-z_-]+$/;
/** A host's name or address, IPv6 among them. */
const HOST = /^[0-9A-Za-z]([\w.:-]*[0-9A-Za-z])?$/;

/** A name alone gets this host's behind it, as in RabbitMQ. @throws Error that says what is expected */
export function readNodeName(text: string): string {
  const [name = '', host = hostname(), ...more] = text.split('@');
  if (more.length > 0 || !NAME.test(name) || !HOST.test(host)) {
    throw new Error('expected NAME@HOST, or NAME, of letters, digits, - and _');
  }
  return `${name}@${host}`;
}
