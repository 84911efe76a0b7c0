/**
 * Where Leveret says something else than RabbitMQ 3.10.8 on purpose, each with its reason; the documentation shows this list.
 *
 * A difference is exact: in the transcripts of the named sessions RabbitMQ's words are replaced by Leveret's, and then both
 * must be the same. A difference that replaces nothing any more fails its session, so that the list cannot grow stale.
 *
 * Product names and versions in connection.start are not here: transcripts leave them out.
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
  /** What Leveret says in its place; by session where that is not the same in all. */
  readonly leveret: string | Readonly<Record<string, string>>;
}

export const acceptedDifferences: readonly AcceptedDifference[] = [
  {
    name: 'A traced publish to the default exchange names the queues that it went to',
    reason:
      'RabbitMQ puts every routing key into `routed_queues` there, whether or not there is such a queue; Leveret names those ' +
      'that got the message, as both do for other exchanges.',
    sessions: [
      'a publish is traced with its properties, its keys and its queues',
      'deliveries are traced, those of basic.get too, and again when they are redelivered',
      'dead letters are traced when they are delivered, not when they are published',
    ],
    rabbitMq: /(?<=routed_queues:A \[)(?:S "nobody"|S "(?:hidden|copy)", )/g,
    leveret: '',
  },
  {
    name: 'AMQP 0-8 is refused',
    reason:
      'RabbitMQ still speaks this draft of 2006, whose methods have other fields; no client of today asks for it. The ' +
      'answer is the one that the specification wants for a version that is not spoken: the header of AMQP 0-9-1.',
    sessions: ['a protocol header of AMQP 0-8 is accepted or refused'],
    rabbitMq: /A < ch0 connection\.start version-major=8 .*\n/,
    leveret: 'A < ch0 protocol-header header="\\"AMQP\\\\u0000\\\\u0000\\\\t\\\\u0001\\""\nA < socket closed\n',
  },
  differenceInCloses({
    name: 'A method that does not exist is refused with 503',
    reason:
      'The process that reads the connection falls over in RabbitMQ, and the client sees a closed socket. The specification ' +
      'has COMMAND_INVALID for it, which tells the author of a client what is wrong.',
    texts: {
      'an unknown class': ['COMMAND_INVALID - unimplemented method', 503, 70, 10],
      'an unknown class on channel 0': ['COMMAND_INVALID - unimplemented method', 503, 70, 10],
      'an unknown method of class basic': ['COMMAND_INVALID - unimplemented method', 503, 60, 55],
      'an unknown method of class queue': ['COMMAND_INVALID - unimplemented method', 503, 50, 99],
    },
  }),
  differenceInCloses({
    name: 'A malformed table is refused with 502',
    reason:
      'RabbitMQ closes the socket without a word, as for a method that does not exist; Leveret says what is wrong.',
    texts: {
      'a table with a value of an unknown type': [
        'SYNTAX_ERROR - malformed field table: unknown field type 63',
        502,
        50,
        10,
      ],
      'a table whose string goes past its end': [
        'SYNTAX_ERROR - malformed field table: the data end 98 octets too soon',
        502,
        50,
        10,
      ],
    },
  }),
  {
    name: 'A stream queue is refused with 540',
    reason: 'Leveret has no streams yet.',
    sessions: ['a stream queue that is exclusive', 'a stream queue'],
    rabbitMq: /A < ch1 (?:channel\.close|queue\.declare-ok) .*\n# A ends: connection\.close-ok\n/,
    leveret: {
      'a stream queue that is exclusive': streamRefused('q.a-stream-queue-that-is-exclusive'),
      'a stream queue': streamRefused('q.a-stream-queue'),
    },
  },
  {
    name: 'A message that is requeued to a quorum queue without x-delivery-limit takes its old place',
    reason:
      'In RabbitMQ it goes to the end of the queue, which keeps the log of Raft short. Leveret keeps the order of ' +
      'publishing in every queue, as RabbitMQ does in classic ones and in quorum queues with a limit.',
    sessions: ['messages that are requeued without a delivery limit'],
    rabbitMq:
      /3 (\S+ \S+ \| \S+):l 0} \| "three"(.*)4 (redelivered=true) (.*):l 1} \| "one"(.*)5 \S+ (.*):l 1} \| "two"/s,
    leveret: '3 $3 $1:l 1} | "one"$24 $3 $4:l 1} | "two"$55 $6:l 0} | "three"',
  },
  {
    name: 'A quorum queue with reject-publish takes as many messages as its limit says',
    reason:
      'RabbitMQ counts afterwards, takes at least one more and then refuses; the limit of Leveret is exact, as for classic queues.',
    sessions: ['max-length with reject-publish'],
    rabbitMq: 'basic.ack delivery-tag=2',
    leveret: 'basic.nack delivery-tag=2 multiple=true requeue=true',
  },
  {
    name: 'A message of a lower priority expires in time',
    reason:
      'RabbitMQ keeps it in the queue, undelivered, while one of a higher priority is in front of it that does not expire.',
    sessions: ['messages of several priorities expire each in its own order'],
    rabbitMq: 'message-count=2',
    leveret: 'message-count=1',
  },
  {
    name: 'A policy that rejects publishes drops nothing',
    reason:
      'A classic queue of RabbitMQ that has more than a policy with max-length and reject-publish allows drops the rest from ' +
      'its head first, because it looks at overflow last. Its quorum queues keep what they have, and so does Leveret.',
    sessions: ['a limit with reject-publish that comes to a queue that has more'],
    rabbitMq: /(.*)delivery-tag=1 routing(.*)message-count=1( .*)"two"\n(.*\n)(.*)delivery-tag=2 (.*)"three"\n(.*\n)/,
    leveret:
      '$1delivery-tag=1 routing$2message-count=2$3"one"\n$4$1delivery-tag=2 routing$2message-count=1$3"two"\n' +
      '$4$5delivery-tag=3 $6"three"\n$7',
  },
  {
    name: 'A time to live by policy holds for the messages that are there',
    reason:
      'RabbitMQ gives a message its time to live when it comes in: whoever shortens it has to wait for the old messages, or ' +
      'to purge the queue. Leveret asks when a message is to be delivered.',
    sessions: ['a time to live that comes, for messages that are there'],
    rabbitMq: /basic\.get-ok .*/,
    leveret: 'basic.get-empty',
  },
  {
    name: 'A reply text stays on one line',
    reason: 'RabbitMQ prints octets as Erlang does, which breaks them into lines of 80 columns.',
    sessions: ['a frame of an unknown type with more octets than a line holds'],
    rabbitMq: /\\n +/,
    leveret: '',
  },
  {
    name: 'A hash-property that is not a string is refused with 406',
    reason: 'The exchange type falls over it in RabbitMQ, which costs the connection.',
    sessions: ['a consistent hash exchange by a property that is not a string'],
    rabbitMq: 'A < ch0 connection.close reply-code=541 reply-text="INTERNAL_ERROR"\n',
    leveret:
      'A < ch1 channel.close reply-code=406 reply-text="PRECONDITION_FAILED - Unsupported property: 1" class-id=40 ' +
      'method-id=10\n# A ends: connection.close-ok\n',
  },
];

function streamRefused(queue: string): string {
  const text = `NOT_IMPLEMENTED - x-queue-type 'stream' for queue '${queue}' in vhost '/' is not supported`;
  return `A < ch0 connection.close reply-code=540 reply-text="${text}" class-id=50 method-id=10\n`;
}

type Close = readonly [replyText: string, replyCode: number, classId: number, methodId: number];

/** Where RabbitMQ closes the socket without a word, and Leveret with one. */
function differenceInCloses(difference: {
  readonly name: string;
  readonly reason: string;
  readonly texts: Readonly<Record<string, Close>>;
}): AcceptedDifference {
  const { name, reason, texts } = difference;
  const closes = Object.entries(texts).map(([session, [text, code, classId, methodId]]) => {
    const ids = `class-id=${classId} method-id=${methodId}`;
    return [session, `A < ch0 connection.close reply-code=${code} reply-text="${text}" ${ids}\n`];
  });
  const leveret = Object.fromEntries(closes);
  return { name, reason, sessions: Object.keys(texts), rabbitMq: 'A < socket closed\n', leveret };
}

/** RabbitMQ's transcript as Leveret's should be. @throws if a difference that is accepted for the session is not in it */
export function expectedOfLeveret(title: string, transcript: string): string {
  let expected = transcript;
  for (const { name, rabbitMq, leveret } of acceptedDifferences.filter(({ sessions }) => sessions.includes(title))) {
    const replaced = expected.replaceAll(asGlobal(rabbitMq), typeof leveret === 'string' ? leveret : leveret[title]!);
    if (replaced === expected) throw new Error(`"${name}" is accepted, but RabbitMQ does not say that here`);
    expected = replaced;
  }
  return expected;
}

function asGlobal(pattern: string | RegExp): string | RegExp {
  return typeof pattern === 'string' || pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`);
}
