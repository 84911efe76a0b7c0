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
  {
    lines: /^import_definitions <<< "bad"$/,
    reason: 'The same of definitions.',
    rabbitMq: '{:unexpected_token, "bad"}',
    leveret: `Unexpected token 'b', "bad" is not valid JSON`,
  },
  {
    lines: /^import_definitions <<< "\{/,
    reason: 'Definitions are imported when the command ends; RabbitMQ has only begun to.',
    rabbitMq: /Successfully started.*/,
    leveret: 'The definitions are imported.',
  },
  {
    lines: /^set_permissions alice \(/,
    reason: 'What is wrong with a regular expression is told by the one that reads it, which is not PCRE.',
    rabbitMq: `{:invalid_regexp, '(', {'missing )', 1}}`,
    leveret: `invalid regular expression '(': Unterminated group`,
  },
  {
    lines: /^set_policy p2 \(/,
    reason: 'The same of policies.',
    rabbitMq: '{"missing )",1}',
    leveret: 'Unterminated group',
  },
  {
    lines: /^list_global_parameters/,
    reason: 'Leveret has no id of a cluster; there are no clusters yet.',
    rabbitMq: / {2}> .*internal_cluster_id.*\n/,
    leveret: '',
  },
  {
    lines: /^trace_on -p nope$/,
    reason: 'Nothing of a vhost that is not there can be traced.',
    rabbitMq: /0\n {2}> Starting tracing for vhost "nope" \.\.\.\n {2}> Trace enabled for vhost nope/,
    leveret: `65
  > Starting tracing for vhost "nope" ...
  ! Error:
  ! Virtual host 'nope' does not exist`,
  },
  {
    lines: /^list_consumers queue_name activity_status consumer_tag$/,
    reason: 'Columns come in the order in which they are asked for, as in the other lists.',
    rabbitMq: /live\tbusy consumer\tup\n {2}> queue_name\tconsumer_tag\tactivity_status/,
    leveret: 'live\tup\tbusy consumer\n  > queue_name\tactivity_status\tconsumer_tag',
  },
];
