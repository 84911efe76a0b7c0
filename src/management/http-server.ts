/** The part of the API that speaks HTTP. It takes as much memory as half a broker, so it is loaded for the first caller only. */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { managementApp } from './app.ts';
import type { Cors } from './cors.ts';
import { ALL_RESOURCES } from './resources/all.ts';
import type { ManagementSources } from './sources.ts';

/** It listens nowhere: sockets are handed to it as its event `connection`. */
export function httpServer(sources: ManagementSources, cors: Cors): Server {
  const app = managementApp({ sources, resources: ALL_RESOURCES, cors });
  return createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
}
