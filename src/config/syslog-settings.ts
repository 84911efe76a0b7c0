/** Settings of the log's lines to syslog. */
import { LOG_LEVELS } from '../runtime/log.ts';
import { LOG_FORMATTERS } from '../runtime/log-format.ts';
import { SYSLOG_FACILITIES, SYSLOG_PROTOCOLS, SYSLOG_TRANSPORTS } from '../runtime/syslog-options.ts';
import { setting } from './setting.ts';
import { choice, FILE, FLAG, HOST, PORT, TEXT } from './setting-types.ts';
import { PEER_VERIFICATIONS } from './tls-options.ts';

const SSL = 'log.syslog.ssl_options';
const CLASSIC_SSL = 'syslog.protocol.3';

export const SYSLOG_SETTINGS = {
  logSyslog: setting({
    key: 'log.syslog',
    classic: 'rabbit.log.syslog.enabled',
    type: FLAG,
    default: 'false',
    text: 'true: lines are sent to a syslog server, besides.',
  }),
  logSyslogLevel: setting({
    key: 'log.syslog.level',
    classic: 'rabbit.log.syslog.level',
    type: choice(LOG_LEVELS),
    default: 'info',
    text: 'How much is sent there.',
  }),
  logSyslogFormatter: setting({
    key: 'log.syslog.formatter',
    type: choice(LOG_FORMATTERS),
    default: 'plaintext',
    text: `Form of what is said in a message: ${LOG_FORMATTERS.join(', ')}.`,
  }),
  logSyslogHost: setting({
    key: 'log.syslog.host',
    classic: 'syslog.dest_host',
    also: ['log.syslog.ip'],
    type: HOST,
    default: 'localhost',
    text: 'Name or address of the server.',
  }),
  logSyslogPort: setting({
    key: 'log.syslog.port',
    classic: 'syslog.dest_port',
    type: PORT,
    text: 'Its port; 514 when it is not set, and 6514 with TLS.',
  }),
  logSyslogTransport: setting({
    key: 'log.syslog.transport',
    classic: 'syslog.protocol.2',
    type: choice(SYSLOG_TRANSPORTS),
    default: 'udp',
    text: 'udp, tcp or tls; ssl is tls.',
  }),
  logSyslogProtocol: setting({
    key: 'log.syslog.protocol',
    classic: ['syslog.protocol.1', 'syslog.protocol'],
    type: choice(SYSLOG_PROTOCOLS),
    text: 'rfc3164 or rfc5424; rfc3164 when it is not set, and rfc5424 with TLS.',
  }),
  logSyslogIdentity: setting({
    key: 'log.syslog.identity',
    classic: 'syslog.app_name',
    type: TEXT,
    default: 'leveret',
    text: 'What the program is called there.',
  }),
  logSyslogFacility: setting({
    key: 'log.syslog.facility',
    classic: 'syslog.facility',
    type: choice(['kernel', ...SYSLOG_FACILITIES]),
    default: 'daemon',
    text: 'The facility of its messages.',
  }),
  logSyslogMultilineMode: setting({
    key: 'log.syslog.multiline_mode',
    classic: 'syslog.multiline_mode',
    type: FLAG,
    default: 'false',
    text: 'true: a text of several lines is one message; false: each of its lines is one.',
  }),
  logSyslogCaCertFile: setting({
    key: `${SSL}.cacertfile`,
    classic: `${CLASSIC_SSL}.cacertfile`,
    type: FILE,
    text: 'Authorities that the server’s certificate is signed by, in PEM; those of the runtime when it is not set.',
  }),
  logSyslogCertFile: setting({
    key: `${SSL}.certfile`,
    classic: `${CLASSIC_SSL}.certfile`,
    type: FILE,
    text: 'The certificate that the server is shown, in PEM.',
  }),
  logSyslogKeyFile: setting({
    key: `${SSL}.keyfile`,
    classic: `${CLASSIC_SSL}.keyfile`,
    type: FILE,
    text: 'Its key, in PEM; in the certificate’s file when it is not set.',
  }),
  logSyslogPassword: setting({
    key: `${SSL}.password`,
    classic: `${CLASSIC_SSL}.password`,
    type: TEXT,
    secret: true,
    text: 'Opens the key.',
  }),
  logSyslogVerify: setting({
    key: `${SSL}.verify`,
    classic: `${CLASSIC_SSL}.verify`,
    type: choice(PEER_VERIFICATIONS),
    default: 'verify_none',
    text: 'verify_peer: nothing is sent to a server whose certificate is not good, and for its name.',
  }),
} as const;
