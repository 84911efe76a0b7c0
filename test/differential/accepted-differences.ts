/**
 * Where Leveret says something else than RabbitMQ 3.10.8 on purpose, each with its reason; the documentation shows this list.
 *
 * A difference is exact: in the transcripts of the named sessions RabbitMQ's words are replaced by Leveret's, and then both
 * must be the same. A difference that replaces nothing any more fails its session, so that the list cannot grow stale.
 */

export interface AcceptedDifference {
  /** A few words; unique. */
  readonly name: string;
  /** Why Leveret differs, for a reader who knows RabbitMQ. */
  readonly reason: string;
  /** Titles of the sessions in which it shows. */
  readonly sessions: readonly string[];
  /** What RabbitMQ says; all that match are replaced. */
  readonly rabbitMq: string | RegExp;
  /** What Leveret says in its place. */
  readonly leveret: string;
}

export const acceptedDifferences: readonly AcceptedDifference[] = [];

/** RabbitMQ's transcript as Leveret's should be. @throws if a difference that is accepted for the session is not in it */
export function expectedOfLeveret(title: string, transcript: string): string {
  let expected = transcript;
  for (const difference of acceptedDifferences.filter(({ sessions }) => sessions.includes(title))) {
    const replaced = expected.replaceAll(asGlobal(difference.rabbitMq), difference.leveret);
    if (replaced === expected) throw new Error(`"${difference.name}" is accepted, but RabbitMQ does not say that here`);
    expected = replaced;
  }
  return expected;
}

function asGlobal(pattern: string | RegExp): string | RegExp {
  return typeof pattern === 'string' || pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`);
}
