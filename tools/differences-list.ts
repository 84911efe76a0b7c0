/** The list of docs/differences.md that is made from what the differential suite accepts. */
import type { AcceptedDifference } from '../test/differential/accepted-differences.ts';

const NOTHING = 'None: in every session both brokers give the same answers.';

export function differencesList(differences: readonly AcceptedDifference[]): string {
  if (differences.length === 0) return NOTHING;
  return differences.map(entryOf).join('\n');
}

function entryOf({ name, reason, sessions }: AcceptedDifference): string {
  const shown = sessions.map((title) => `"${title}"`).join(', ');
  return `- **${name}.** ${reason}\n  Seen in ${shown}.`;
}
