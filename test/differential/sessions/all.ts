/** Every session there is, in the order of the docs page. */

import type { Session } from '../session.ts';
import { channelErrorSessions } from './channel-errors.ts';
import { connectionErrorSessions } from './connection-errors.ts';
import { consumerChoiceSessions } from './consumer-choice.ts';
import { consumerSessions } from './consumers.ts';
import { deadLetterPathSessions } from './dead-letter-paths.ts';
import { deadLetterSessions } from './dead-letters.ts';
import { declareErrorSessions } from './declare-errors.ts';
import { exchangeSessions } from './exchanges.ts';
import { handshakeSessions } from './handshake.ts';
import { lengthAndTimeSessions } from './length-and-time.ts';
import { permissionSessions } from './permissions.ts';
import { policySessions } from './policies.ts';
import { policyChangeSessions } from './policy-changes.ts';
import { publishingSessions } from './publishing.ts';
import { queueSessions } from './queues.ts';
import { quorumQueueSessions } from './quorum-queues.ts';
import { redeliverySessions } from './redelivery.ts';
import { replyToSessions } from './reply-to.ts';
import { tracingSessions } from './tracing.ts';
import { transactionSessions } from './transactions.ts';

export const sessions: readonly Session[] = [
  ...handshakeSessions,
  ...channelErrorSessions,
  ...declareErrorSessions,
  ...connectionErrorSessions,
  ...publishingSessions,
  ...exchangeSessions,
  ...queueSessions,
  ...lengthAndTimeSessions,
  ...consumerSessions,
  ...consumerChoiceSessions,
  ...redeliverySessions,
  ...deadLetterSessions,
  ...deadLetterPathSessions,
  ...transactionSessions,
  ...replyToSessions,
  ...quorumQueueSessions,
  ...permissionSessions,
  ...policySessions,
  ...policyChangeSessions,
  ...tracingSessions,
];
