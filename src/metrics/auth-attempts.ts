/** How often somebody tried to log in, and with what success. */
export class AuthAttempts {
  succeeded = 0;
  failed = 0;

  count(succeeded: boolean): void {
    if (succeeded) this.succeeded++;
    else this.failed++;
  }
}

/** By RabbitMQ's names of the protocols. */
export interface AuthAttemptsByProtocol {
  readonly amqp091: AuthAttempts;
  readonly http: AuthAttempts;
}
