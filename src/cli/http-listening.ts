/** From the settings that say where something is served by HTTP to what startBroker() is told of it. */
import type { HttpListening } from '../broker.ts';
import type { Configuration } from '../config/configuration.ts';
import { SETTINGS, type SettingName, type Settings } from '../config/settings.ts';
import { allAddresses, tlsOptions, given as withoutUndefined } from './listening-options.ts';
import type { ServeFlags } from './serve-options.ts';

type Served = 'management' | 'prometheus';

/**
 * With settings for TLS alone there is no port without, as in RabbitMQ. A port alone is one on all addresses, as there, unless
 * it is a flag's.
 * @throws Error when TLS lacks a certificate
 */
export function httpListening({ settings, given }: Configuration, flags: ServeFlags, name: Served): HttpListening {
  // Who leaves the choice of the port to the system starts several, and means these, too.
  const freePort = flags.port === '0' ? 0 : undefined;
  const isPortElsewhere = given.has(`${name}Port`) && flags[`${name}Port`] === undefined;
  const port = settings[`${name}Port`];
  const host = settings[`${name}Host`] ?? (isPortElsewhere ? allAddresses() : undefined);
  const certificate = tlsOptions(settings, `${name}Tls`);
  if (certificate === undefined) {
    assertNoTls(settings, name);
    return withoutUndefined({ host, port: port ?? freePort });
  }
  const tlsPort = settings[`${name}TlsPort`];
  const tlsHost = settings[`${name}TlsHost`] ?? (tlsPort === undefined ? undefined : allAddresses());
  const tls = { ...certificate, ...withoutUndefined({ host: tlsHost, port: tlsPort ?? freePort }) };
  return { ...withoutUndefined({ host, port }), tls };
}

function assertNoTls(settings: Settings, name: Served): void {
  const set = (Object.keys(settings) as SettingName[]).find((each) => each.startsWith(`${name}Tls`));
  if (set === undefined) return;
  throw new Error(`${SETTINGS[set].key.replace('.$name', '')} needs a certificate: set ${name}.ssl.certfile`);
}
