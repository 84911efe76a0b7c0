/**
 * What is gone of a line's segments, in the marks that the journal and its checkpoints keep for every queue
 * (`QueueMarks.deliveryCounts`, record type `returned`). Positions are multiples of 8, so two more kinds of keys have room
 * beside them:
 *
 *   number of a segment (a multiple of 8, plus 2)    how many of its messages are gone, from the first on
 *   position of a message plus 1                     it is gone out of its turn: cancelled, or released early
 */
const SEGMENT = 2;
const MESSAGE = 1;

export const messageKey = (position: number): number => position + MESSAGE;

export function isSegmentKey(key: number): boolean {
  return key % 8 === SEGMENT;
}

/** The positions among the marks that lie from `lowest` to `highest`. */
export function messagesIn(marks: ReadonlyMap<number, number>, lowest: number, highest: number): Set<number> {
  const found = new Set<number>();
  for (const key of marks.keys()) {
    const position = key - MESSAGE;
    if (key % 8 === MESSAGE && position >= lowest && position <= highest) found.add(position);
  }
  return found;
}

/** A number that no segment of the line had. @param last the highest that any had @param nextPosition of the store */
export function nextSegmentNumber(last: number, nextPosition: number): number {
  return Math.max(last + 8, nextPosition + SEGMENT);
}
