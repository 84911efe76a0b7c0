/** Who is told of what comes and goes with a client: events are made of it. */
import type { Channel } from './channel.ts';
import type { ChannelConsumer } from './channel-consumer.ts';
import type { Connection } from './connection.ts';

export interface Lifecycle {
  /** Somebody has tried to log in. @param refusal why that failed, or null */
  loggedIn(connection: Connection, user: string, refusal: string | null): void;
  connectionOpened(connection: Connection): void;
  /** Also of one that has never got as far as being open. */
  connectionClosed(connection: Connection): void;
  channelOpened(channel: Channel): void;
  channelClosed(channel: Channel): void;
  consumerAdded(consumer: ChannelConsumer): void;
  consumerGone(consumer: ChannelConsumer): void;
}
