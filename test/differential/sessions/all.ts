/** Every session there is, in the order of the docs page. */

import type { Session } from '../session.ts';
import { channelErrorSessions } from './channel-errors.ts';
import { connectionErrorSessions } from './connection-errors.ts';
import { consumerSessions } from './consumers.ts';
import { deadLetterSessions } from './dead-letters.ts';
import { declareErrorSessions } from './declare-errors.ts';
import { handshakeSessions } from './handshake.ts';
import { permissionSessions } from './permissions.ts';
import { policySessions } from './policies.ts';
import { publishingSessions } from './publishing.ts';
import { queueSessions } from './queues.ts';
import { quorumQueueSessions } from './quorum-queues.ts';
import { replyToSessions } from './reply-to.ts';
import { transactionSessions } from './transactions.ts';

export const sessions: readonly Session[] = [
  ...handshakeSessions,
  ...channelErrorSessions,
  ...declareErrorSessions,
  ...connectionErrorSessions,
  ...publishingSessions,
  ...queueSessions,
  ...consumerSessions,
  ...deadLetterSessions,
  ...transactionSessions,
  ...replyToSessions,
  ...quorumQueueSessions,
  ...permissionSessions,
  ...policySessions,
];
