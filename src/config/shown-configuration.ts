/** What operators are shown of a broker's settings. */
export interface ShownConfiguration {
  /** Paths of the files that were read. */
  readonly files: readonly string[];
  /** Values by the keys of `rabbitmq.conf`, secrets hidden; null is a setting without a value. */
  readonly settings: Readonly<Record<string, string | null>>;
}
