/**
 * How often somebody tried to log in, and with what success: by protocol, and by the name that was given and the address it
 * came from. Whoever guesses names makes new sources: of these only the last ones are kept.
 */

/** RabbitMQ's names of the protocols that a login may come over. */
export type LoginProtocol = 'amqp091' | 'http';

export interface AttemptCounts {
  succeeded: number;
  failed: number;
}

export interface SourceCounts extends AttemptCounts {
  readonly protocol: LoginProtocol;
  readonly address: string;
  readonly user: string;
}

/** Who tries with more names or from more addresses pushes those out that were quiet for longest. */
const SOURCES_MAX = 1000;
/** Of a name that is nobody's; those of users are shorter. */
const NAME_LENGTH_MAX = 255;

export class AuthAttempts {
  readonly amqp091: AttemptCounts = { succeeded: 0, failed: 0 };
  readonly http: AttemptCounts = { succeeded: 0, failed: 0 };
  readonly #sources = new Map<string, SourceCounts>();

  /** @param user the name that was given, which may be nobody's */
  count(protocol: LoginProtocol, address: string, user: string, succeeded: boolean): void {
    const outcome = succeeded ? 'succeeded' : 'failed';
    this[protocol][outcome]++;
    const name = user.slice(0, NAME_LENGTH_MAX);
    const key = `${protocol} ${address} ${name}`;
    const source = this.#sources.get(key) ?? { protocol, address, user: name, succeeded: 0, failed: 0 };
    source[outcome]++;
    this.#sources.delete(key);
    this.#sources.set(key, source);
    if (this.#sources.size > SOURCES_MAX) this.#sources.delete(this.#sources.keys().next().value!);
  }

  /** The last one to try is the last. */
  sources(): SourceCounts[] {
    return [...this.#sources.values()];
  }

  reset(): void {
    Object.assign(this.amqp091, { succeeded: 0, failed: 0 });
    Object.assign(this.http, { succeeded: 0, failed: 0 });
    this.#sources.clear();
  }
}
