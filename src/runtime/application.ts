/**
 * What can be stopped and started again while its process goes on. One transition after the other, whoever asks for them:
 *
 *   stopped ──start()──> starting ──> running ──stop()──> stopping ──> stopped
 *                           └── what fails is cleared away ──────────────┘
 */

export type ApplicationState = 'stopped' | 'starting' | 'running' | 'stopping';

export class Application {
  readonly #open: () => Promise<void>;
  readonly #close: () => Promise<void>;
  #state: ApplicationState = 'stopped';
  #last: Promise<void> = Promise.resolve();

  /** @param close clears away what is there, be it half of it */
  constructor(open: () => Promise<void>, close: () => Promise<void>) {
    this.#open = open;
    this.#close = close;
  }

  get state(): ApplicationState {
    return this.#state;
  }

  /** Resolves at once when it runs. @throws what opening it throws; it is stopped then */
  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#state === 'running') return;
      this.#state = 'starting';
      try {
        await this.#open();
      } catch (error) {
        await this.#stop();
        throw error;
      }
      this.#state = 'running';
    });
  }

  /** Resolves at once when it is stopped. */
  stop(): Promise<void> {
    return this.#next(async () => {
      if (this.#state !== 'stopped') await this.#stop();
    });
  }

  /** Keeps it from being started meanwhile. @returns false when it is not stopped, and nothing was done */
  async whileStopped(work: () => Promise<void>): Promise<boolean> {
    let isStopped = false;
    await this.#next(async () => {
      isStopped = this.#state === 'stopped';
      if (isStopped) await work();
    });
    return isStopped;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    await this.#close();
    this.#state = 'stopped';
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {}); // Whoever asked for it is told.
    return done;
  }
}
