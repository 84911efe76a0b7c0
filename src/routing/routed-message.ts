import type { BasicProperties } from '../protocol/properties.ts';

/** What an exchange may ask of a message. One object serves a channel for all its messages: nothing here is kept. */
export interface RoutedMessage {
  readonly routingKey: string;
  /** The keys of the CC and BCC headers, usually none. A queue that several keys reach still gets the message once. */
  readonly otherKeys: readonly string[];
  /** Decoded when first asked for; undefined when the message carries none. */
  properties(): BasicProperties | undefined;
}
