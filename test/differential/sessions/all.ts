/** Every session there is, in the order of the docs page. */

import type { Session } from '../session.ts';
import { channelErrorSessions } from './channel-errors.ts';
import { connectionErrorSessions } from './connection-errors.ts';
import { declareErrorSessions } from './declare-errors.ts';
import { handshakeSessions } from './handshake.ts';

export const sessions: readonly Session[] = [
  ...handshakeSessions,
  ...channelErrorSessions,
  ...declareErrorSessions,
  ...connectionErrorSessions,
];
