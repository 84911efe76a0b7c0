/** From the settings of the HTTP API to what startBroker() is told of it. */
import type { ManagementOptions } from '../broker.ts';
import type { Settings } from '../config/settings.ts';
import { given } from './listening-options.ts';

/** @param freePort 0 where the port is left to the system unless it is set */
export function managementOptions(settings: Settings, freePort: number | undefined): ManagementOptions {
  return given({
    port: settings.managementPort ?? freePort,
    host: settings.managementHost,
    corsAllowOrigins: settings.corsAllowOrigins === undefined ? undefined : [...settings.corsAllowOrigins.values()],
    corsMaxAgeSeconds: settings.corsMaxAgeSeconds,
    pathPrefix: settings.managementPathPrefix,
    headers: given({
      contentSecurityPolicy: settings.contentSecurityPolicy,
      strictTransportSecurity: settings.strictTransportSecurity,
      contentTypeOptions: settings.contentTypeOptions,
      frameOptions: settings.frameOptions,
      xssProtection: settings.xssProtection,
    }),
    httpLogDir: settings.httpLogDir,
    bodyBytesMax: settings.managementBodyBytes,
    compress: settings.managementCompress,
    idleTimeoutMs: settings.managementIdleTimeoutMs,
    disableStats: settings.disableStats,
    enableQueueTotals: settings.enableQueueTotals,
  });
}
