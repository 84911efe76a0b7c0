import { isIPv6 } from 'node:net';

/** An address as Erlang has it: `{127,0,0,1}`, `{0,0,0,0,0,0,0,1}`. */
export function addressTerm(address: string): string {
  const parts = isIPv6(address) ? groupsOf(address) : address.split('.');
  return `{${parts.join(',')}}`;
}

function groupsOf(address: string): number[] {
  const [head, tail] = address.replace(/%.*$/, '').split('::').map(numbersOf) as [number[], number[] | undefined];
  if (tail === undefined) return head;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** The last two may be written as an address of version 4. */
function numbersOf(groups: string): number[] {
  return groups.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number];
    return [a * 256 + b, c * 256 + d];
  });
}
