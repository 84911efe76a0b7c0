/** From the settings that say where clients connect and how they log in to what startBroker() is told of it. */
import type { BrokerOptions, ListenerGiven, TlsOptions } from '../broker.ts';
import type { Named } from '../config/setting.ts';
import type { Listener } from '../config/setting-values.ts';
import type { Settings } from '../config/settings.ts';

/** `--port` and `--host`. They take the place of what a file says of listeners without TLS. */
export interface ListenerFlags {
  readonly port: number | undefined;
  readonly host: string | undefined;
}

const DEFAULT_LISTENER: Listener = { port: 5672 };

export function listeningOptions(settings: Settings, flags: ListenerFlags): BrokerOptions {
  const { tcpListeners, tlsListeners, authMechanisms, loopbackUsers } = settings;
  const listeners = [...plainListeners(tcpListeners, flags), ...listenersIn(tlsListeners ?? new Map(), true)];
  const tls = tlsOptions(settings);
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

function plainListeners(inFile: Named<Listener> | undefined, { port, host }: ListenerFlags): ListenerGiven[] {
  const named = inFile ?? new Map([['default', DEFAULT_LISTENER]]);
  if (port === undefined && host === undefined) return listenersIn(named, false);
  const first = named.values().next().value ?? DEFAULT_LISTENER;
  return [{ ...first, ...given({ port, host }) }];
}

function listenersIn(named: Named<Listener>, tls: boolean): ListenerGiven[] {
  return Array.from(named, ([name, { port, host }]) => ({ name, port, tls, ...given({ host }) }));
}

function tlsOptions(settings: Settings): TlsOptions | undefined {
  const { tlsCertFile: certFile, tlsVersions, tlsCiphers } = settings;
  if (certFile === undefined) return undefined;
  return {
    certFile,
    ...given({
      keyFile: settings.tlsKeyFile,
      password: settings.tlsPassword,
      caCertFile: settings.tlsCaCertFile,
      verify: settings.tlsVerify,
      failIfNoPeerCert: settings.tlsFailIfNoPeerCert,
      depth: settings.tlsDepth,
      versions: tlsVersions && [...tlsVersions.values()],
      ciphers: tlsCiphers && [...tlsCiphers.values()],
      honorCipherOrder: settings.tlsHonorCipherOrder,
    }),
  };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what was not set. */
export function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
