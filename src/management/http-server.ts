/** The part of the API that speaks HTTP. It takes as much memory as half a broker, so it is loaded for the first caller only. */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { HourlyFile } from '../runtime/hourly-file.ts';
import { logAccess } from './access-log.ts';
import { type Asked, managementApp } from './app.ts';
import type { HttpOptions } from './http-options.ts';
import { ALL_RESOURCES } from './resources/all.ts';
import type { ManagementSources } from './sources.ts';

/** It listens nowhere: sockets are handed to it as its event `connection`. */
export function httpServer(
  sources: () => ManagementSources,
  { options, whoAsks, accessLog }: { options: HttpOptions; whoAsks: Asked; accessLog: HourlyFile | null },
): Server {
  const app = managementApp({ sources, resources: ALL_RESOURCES, options, whoAsks });
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  if (accessLog !== null) {
    server.prependListener('request', (request, response) => {
      logAccess(accessLog, sources().context.clock.nowMs(), request, response);
    });
  }
  return server;
}
