/** What has come and gone since the broker started. */
export class Churn {
  connectionCreated = 0;
  connectionClosed = 0;
  channelCreated = 0;
  channelClosed = 0;
  queueDeclared = 0;
  queueCreated = 0;
  queueDeleted = 0;
  /** Octets of connections that are closed. */
  closedReceivedBytes = 0;
  closedSentBytes = 0;
}
