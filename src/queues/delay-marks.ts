/**
 * What is gone of a line's segments, in the marks that the journal and its checkpoints keep for every queue
 * (`QueueMarks.deliveryCounts`, record type `returned`). Positions are multiples of 8, so two more kinds of keys have room
 * beside them:
 *
 *   number of a segment (a multiple of 8, plus 2)    how many of its messages are gone, from the first on
 *   position of a message plus 1                     1: it is gone out of its turn, cancelled or released early
 *                                                    0: it is to be released early, and may have been handed out
 */
const SEGMENT = 2;
const MESSAGE = 1;

export const messageKey = (position: number): number => position + MESSAGE;
/** Of a message. */
export const positionOf = (key: number): number => key - MESSAGE;

export function isSegmentKey(key: number): boolean {
  return key % 8 === SEGMENT;
}

/** The positions of what is gone out of its turn and lies from `lowest` to `highest`. */
export function messagesIn(marks: ReadonlyMap<number, number>, lowest: number, highest: number): Set<number> {
  const found = new Set<number>();
  for (const [key, value] of marks) {
    const position = key - MESSAGE;
    if (key % 8 === MESSAGE && value > 0 && position >= lowest && position <= highest) found.add(position);
  }
  return found;
}

/** The positions of what may have been handed out before its turn. */
export function earlyIn(marks: ReadonlyMap<number, number>): Set<number> {
  const early = new Set<number>();
  for (const [key, value] of marks) if (key % 8 === MESSAGE && value === 0) early.add(key - MESSAGE);
  return early;
}

/** A number that no segment of the line had. @param last the highest that any had @param nextPosition of the store */
export function nextSegmentNumber(last: number, nextPosition: number): number {
  return Math.max(last + 8, nextPosition + SEGMENT);
}
