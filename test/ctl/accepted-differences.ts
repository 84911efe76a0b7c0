/**
 * Where leveretctl prints something else than RabbitMQ 3.10.8's rabbitmqctl on purpose, each with its reason. A difference that
 * replaces nothing any more fails its test, so that the list cannot grow stale.
 */

export interface AcceptedDifference {
  /** Command lines. */
  readonly lines: RegExp;
  readonly reason: string;
  readonly rabbitMq: RegExp | string;
  readonly leveret: string;
}

export const ACCEPTED_DIFFERENCES: readonly AcceptedDifference[] = [
  {
    lines: /^list_users --formatter pretty_table$/,
    reason:
      'Cells look as in tables; RabbitMQ prints the elements of a list one behind the other, so that two tags are one word.',
    rabbitMq: /(?<= {2}> )│ guest[\s\S]*/,
    leveret: `│ guest │ [administrator] │
  > │ user  │ tags            │
  > ┌───────┬─────────────────┐
  > └───────┴─────────────────┘
  > ├───────┼─────────────────┤
`,
  },
  {
    lines: /^list_users --formatter json --no-quiet$/,
    reason: 'A tag without a name is none.',
    rabbitMq: '"c","tags":[""]',
    leveret: '"c","tags":[]',
  },
  {
    lines: / bad$/,
    reason: 'The text says what is wrong with the JSON, where RabbitMQ prints the name of an Erlang error.',
    rabbitMq: 'Reason: badarg',
    leveret: `Reason: Unexpected token 'b', "bad" is not valid JSON`,
  },
];
