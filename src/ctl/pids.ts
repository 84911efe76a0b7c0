/**
 * What stands where RabbitMQ has the process of a connection, a channel or a queue: `<NODE.WHAT>`, without spaces, so that scripts
 * which take it from a list and hand it back to `close_connection` go on working.
 */

/** @param name of a connection or channel: `127.0.0.1:40000 -> 127.0.0.1:5672 (1)` */
export function pidOf(node: string, name: string): string {
  return `<${node}.${name.replaceAll(' ', '')}>`;
}

/** Where a queue is. */
export function queuePid(node: string): string {
  return `<${node}>`;
}

/** Whether it looks like one. */
export function isPid(text: string): boolean {
  return /^<[^<>\s]+@\S+>$/.test(text);
}
