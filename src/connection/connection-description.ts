import type { TlsPeer } from '../auth/access.ts';
import type { FieldTable } from '../protocol/field-table.ts';

/** What whoever runs the broker is shown of a connection. */
export interface ConnectionDescription {
  readonly peerHost: string;
  readonly peerPort: number;
  readonly host: string;
  readonly port: number;
  /** Null for a connection without TLS. */
  readonly tls: TlsPeer | null;
  readonly state: 'running' | 'closing' | 'flow' | 'blocking' | 'blocked';
  readonly mechanism: string;
  readonly clientProperties: FieldTable;
  readonly channelMax: number;
  /** 0 is no limit. */
  readonly frameMaxBytes: number;
  readonly heartbeatSeconds: number;
  readonly openedAtMs: number;
}
