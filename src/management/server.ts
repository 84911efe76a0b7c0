/** The HTTP server of the API: starts, listens, stops. Loaded only by a broker that is asked for it. */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { listenError } from '../runtime/listen-error.ts';
import { managementApp } from './app.ts';
import type { Cors } from './cors.ts';
import { ALL_RESOURCES } from './resources/all.ts';
import type { BrokerSources } from './sources.ts';
import { Statistics } from './statistics.ts';

export interface ManagementOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. Default 15672. */
  readonly port?: number;
  /** Origins whose pages may use the API from a browser; `*` is any. Default: none. */
  readonly corsAllowOrigins?: readonly string[];
  readonly corsMaxAgeSeconds?: number;
}

export interface ManagementServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 15_672;

/** @throws Error that says what to do when the port cannot be had */
export async function startManagement(sources: BrokerSources, options: ManagementOptions): Promise<ManagementServer> {
  const { host = DEFAULT_HOST, corsAllowOrigins: allowOrigins = [], corsMaxAgeSeconds: maxAgeSeconds } = options;
  const cors: Cors = { allowOrigins, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) };
  const statistics = new Statistics(sources);
  const httpListener = { host, port: options.port ?? DEFAULT_PORT };
  const app = managementApp({ sources: { ...sources, statistics, httpListener }, resources: ALL_RESOURCES, cors });
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  try {
    httpListener.port = await listening(server, host, httpListener.port);
  } catch (error) {
    statistics.stop();
    throw error;
  }
  return {
    host,
    port: httpListener.port,
    stop: () => {
      statistics.stop();
      return closed(server);
    },
  };
}

/** @returns the port */
function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((ready, refuse) => {
    server.once('error', (error) => refuse(listenError(host, port, error, 'management.tcp.port')));
    server.listen({ host, port }, () => {
      const address = server.address();
      ready(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
