/** From the settings of the HTTP API to what startBroker() is told of it. */
import type { ManagementOptions } from '../broker.ts';
import type { Configuration } from '../config/configuration.ts';
import { httpListening } from './http-listening.ts';
import { given } from './listening-options.ts';
import type { ServeFlags } from './serve-options.ts';

export function managementOptions(configuration: Configuration, flags: ServeFlags): ManagementOptions {
  const { settings } = configuration;
  return given({
    ...httpListening(configuration, flags, 'management'),
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
