/** What whoever runs the broker is shown of a connection: where it leads, what was agreed on, and how it is. */
import type { Socket } from 'node:net';
import type { TlsPeer } from '../auth/access.ts';
import type { FieldTable } from '../protocol/field-table.ts';

export interface ConnectionDescription extends Addresses, Agreed {
  /** Null for a connection without TLS. */
  readonly tls: TlsPeer | null;
  readonly state: 'running' | 'closing' | 'flow' | 'blocking' | 'blocked';
  readonly openedAtMs: number;
}

/** Both ends of its socket. */
interface Addresses {
  readonly peerHost: string;
  readonly peerPort: number;
  readonly host: string;
  readonly port: number;
}

/** What the handshake has brought. */
export interface Agreed {
  readonly mechanism: string;
  readonly clientProperties: FieldTable;
  readonly channelMax: number;
  /** 0 is no limit. */
  readonly frameMaxBytes: number;
  readonly heartbeatSeconds: number;
}

export function addressesOf(peer: string, { remotePort = 0, localAddress = '', localPort = 0 }: Socket): Addresses {
  return { peerHost: peer, peerPort: remotePort, host: localAddress, port: localPort };
}

/** To be asked for at the start: the socket forgets where it was once it is closed. */
export function nameOf(peer: string, { remotePort, localAddress, localPort }: Socket): string {
  return remotePort === undefined ? peer : `${peer}:${remotePort} -> ${localAddress}:${localPort}`;
}
