/**
 * RabbitMQ's older way to say where the HTTP API is: one listener, `management.listener`, which has TLS or has it not. Here, as in
 * its newer one, these are two: `management.tcp` and `management.ssl`.
 */
import type { Assignment } from './assignment.ts';

const LISTENER = 'management.listener.';

/** @returns the same in the newer words. What belongs to TLS is left as it is where there is none: it says nothing. */
export function httpListenerRenamed(assignments: readonly Assignment[]): Assignment[] {
  const isTls = assignments.findLast(({ key }) => key === `${LISTENER}ssl`)?.value === 'true';
  return assignments.map((assignment) => {
    const { key } = assignment;
    return key.startsWith(LISTENER) ? { ...assignment, key: renamed(key, isTls) } : assignment;
  });
}

function renamed(key: string, isTls: boolean): string {
  const [, group, rest] = /^(?:(server|ssl_opts)\.)?(.*)$/.exec(key.slice(LISTENER.length))!;
  if (rest === 'ssl' || rest === 'ssl_opts' || (group === 'ssl_opts' && !isTls)) return key;
  return `management.${isTls ? 'ssl' : 'tcp'}.${rest}`;
}
