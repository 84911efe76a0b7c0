/** From the settings of the log to what the broker is given. */
import { join } from 'node:path';
import type { LogOptions } from '../broker.ts';
import type { Settings } from '../config/settings.ts';
import type { SyslogLogOptions } from '../runtime/syslog-options.ts';
import { given } from './listening-options.ts';

/** @param dataDir undefined for a broker in memory, which leaves nothing behind: it has a file only where one is asked for */
export function logOptions(settings: Settings, dataDir: string | undefined): LogOptions {
  return given({
    console: consoleOptions(settings),
    file: fileOptions(settings, dataDir),
    exchange:
      settings.logExchange === true
        ? given({ level: settings.logExchangeLevel, formatter: settings.logExchangeFormatter })
        : undefined,
    syslog: settings.logSyslog === true ? syslogOptions(settings) : undefined,
    levels: given({
      connection: settings.logConnectionLevel,
      channel: settings.logChannelLevel,
      queue: settings.logQueueLevel,
      mirroring: settings.logMirroringLevel,
      federation: settings.logFederationLevel,
      upgrade: settings.logUpgradeLevel,
      default: settings.logDefaultLevel,
    }),
  });
}

function syslogOptions(settings: Settings): SyslogLogOptions {
  return given({
    level: settings.logSyslogLevel,
    formatter: settings.logSyslogFormatter,
    host: settings.logSyslogHost,
    port: settings.logSyslogPort,
    transport: settings.logSyslogTransport,
    protocol: settings.logSyslogProtocol,
    identity: settings.logSyslogIdentity,
    facility: settings.logSyslogFacility,
    multilineMode: settings.logSyslogMultilineMode,
    tls: given({
      caCertFile: settings.logSyslogCaCertFile,
      certFile: settings.logSyslogCertFile,
      keyFile: settings.logSyslogKeyFile,
      password: settings.logSyslogPassword,
      verify: settings.logSyslogVerify,
    }),
  });
}

function consoleOptions({ logConsole, logLevel, logConsoleFormatter, logConsoleStream }: Settings) {
  if (logConsole === false) return undefined;
  const level = logLevel ?? (logConsole === true ? 'info' : 'warning');
  return given({ level, formatter: logConsoleFormatter, stream: logConsoleStream });
}

function fileOptions(settings: Settings, dataDir: string | undefined) {
  const { logFile: name, logDir, logConsole, logRotationDate, logRotationSizeBytes } = settings;
  if (name === false) return undefined;
  const isAskedFor = name !== undefined || logDir !== undefined;
  // As in RabbitMQ, who asks for the console and says nothing of a file wants none.
  if (!isAskedFor && (dataDir === undefined || logConsole === true)) return undefined;
  const directory = logDir ?? (dataDir === undefined ? '.' : join(dataDir, 'log'));
  const others = given({
    name,
    level: settings.logFileLevel,
    formatter: settings.logFileFormatter,
    rotation: given({
      date: logRotationDate,
      sizeBytes: logRotationSizeBytes === 0 ? Number.POSITIVE_INFINITY : logRotationSizeBytes,
      count: settings.logRotationCount,
      compress: settings.logRotationCompress,
    }),
    ofCategory: given({
      connection: settings.logConnectionFile,
      channel: settings.logChannelFile,
      queue: settings.logQueueFile,
      mirroring: settings.logMirroringFile,
      federation: settings.logFederationFile,
      upgrade: settings.logUpgradeFile,
    }),
  });
  return { directory, ...others };
}
