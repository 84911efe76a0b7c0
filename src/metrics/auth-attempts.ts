/** How often somebody tried to log in, and with what success; by RabbitMQ's names of the protocols. */
export class AuthAttempts {
  readonly amqp091 = { succeeded: 0, failed: 0 };
  readonly http = { succeeded: 0, failed: 0 };

  count(protocol: 'amqp091' | 'http', succeeded: boolean): void {
    if (succeeded) this[protocol].succeeded++;
    else this[protocol].failed++;
  }
}
