/** From the settings that say where clients connect and how they log in to what startBroker() is told of it. */
import { networkInterfaces } from 'node:os';
import type { BrokerOptions, ListenerGiven, TlsOptions } from '../broker.ts';
import type { Named } from '../config/setting.ts';
import type { Listener } from '../config/setting-values.ts';
import type { Settings } from '../config/settings.ts';

const DEFAULT_LISTENER: ListenerGiven = { name: 'default', port: 5672 };

export function listeningOptions(settings: Settings): BrokerOptions {
  const { tcpListeners, tlsListeners, authMechanisms, loopbackUsers } = settings;
  const plain = tcpListeners === undefined ? [DEFAULT_LISTENER] : listenersIn(tcpListeners, false);
  const listeners = [...plain, ...listenersIn(tlsListeners ?? new Map(), true)];
  const tls = tlsOptions(settings, 'tls');
  return {
    listeners,
    ...(tls === undefined ? {} : { tls }),
    ...(authMechanisms === undefined ? {} : { authMechanisms: [...authMechanisms.values()] }),
    ...(loopbackUsers === undefined ? {} : { loopbackUsers }),
    certificateLogin: given({
      from: settings.certificateLoginFrom,
      alternativeNameType: settings.certificateNameType,
      alternativeNameIndex: settings.certificateNameIndex,
    }),
  };
}

/** A port alone is one on all addresses, as in RabbitMQ. */
function listenersIn(named: Named<Listener>, tls: boolean): ListenerGiven[] {
  return Array.from(named, ([name, { port, host = allAddresses() }]) => ({ name, port, host, tls }));
}

/** `::` takes IPv4 along; where a machine has no IPv6 there is none. */
export function allAddresses(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

/** @param name what the names of the settings begin with; undefined when they name no certificate */
export function tlsOptions(
  settings: Settings,
  name: 'tls' | 'managementTls' | 'prometheusTls',
): TlsOptions | undefined {
  const { [`${name}CertFile` as const]: certFile } = settings;
  if (certFile === undefined) return undefined;
  const { [`${name}Versions` as const]: versions, [`${name}Ciphers` as const]: ciphers } = settings;
  return {
    certFile,
    ...given({
      keyFile: settings[`${name}KeyFile`],
      password: settings[`${name}Password`],
      caCertFile: settings[`${name}CaCertFile`],
      verify: settings[`${name}Verify`],
      failIfNoPeerCert: settings[`${name}FailIfNoPeerCert`],
      depth: settings[`${name}Depth`],
      versions: versions && [...versions.values()],
      ciphers: ciphers && [...ciphers.values()],
      honorCipherOrder: settings[`${name}HonorCipherOrder`],
    }),
  };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what was not set. */
export function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
