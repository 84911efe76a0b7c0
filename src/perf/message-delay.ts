/**
 * How long each message of a load is to wait. It follows from the message's number alone, so that it costs nothing to remember and
 * a run can be had again: numbers are mixed as hashes are, so that neighbours have nothing to do with each other.
 */

/** Milliseconds, both ends included. */
export interface DelayRange {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** The delay of message `sequence` of a publisher: a whole number of milliseconds, spread evenly over the range. */
export function delayMsOf({ leastMs, mostMs }: DelayRange, publisher: number, sequence: number): number {
  return leastMs + Math.floor((mixed(publisher, sequence) / 0x1_0000_0000) * (mostMs - leastMs + 1));
}

/** The finish of MurmurHash3 (public domain): each bit of the result depends on all of the number's. */
function mixed(publisher: number, sequence: number): number {
  let bits = sequence ^ Math.imul(publisher, 0x9e37_79b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
