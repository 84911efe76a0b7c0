/** Settings of the log: where it goes, how much of it, and when its files are rotated. */
import { LOG_LEVELS } from '../runtime/log.ts';
import { LOG_FORMATTERS } from '../runtime/log-format.ts';
import { DEFAULT_ROTATION } from '../runtime/log-options.ts';
import { readRotationDate } from '../runtime/rotation-date.ts';
import { setting } from './setting.ts';
import { BYTES, COUNT, choice, FLAG, type SettingType, TEXT } from './setting-types.ts';
import { SYSLOG_SETTINGS } from './syslog-settings.ts';

const LEVEL = choice(LOG_LEVELS);
const FORMATTER = choice(LOG_FORMATTERS);

const ROTATION_DATE: SettingType<ReturnType<typeof readRotationDate> | null> = {
  form: 'a date such as "$D0", as a text',
  // RabbitMQ's classic files have an empty one where there is none.
  read: (text) => (text === '' ? null : readRotationDate(text)),
  textOf: TEXT.textOf,
};

/** What is not there: `false` is all that may be said of it. */
function absent(instead: string): SettingType<false> {
  return {
    form: 'false',
    read(text) {
      if (text !== 'false') throw new Error(`expected false: ${instead}`);
      return false;
    },
    textOf: FLAG.textOf,
  };
}

/** The name of a file, or that there is none. */
const FILE_OR_NONE: SettingType<string | false> = {
  form: 'the name of a file as a text, or false',
  read: (text) => (text === 'false' ? false : TEXT.read(text)),
  textOf: (term) => FLAG.textOf(term) ?? TEXT.textOf(term),
};

function levelOf(category: string) {
  return setting({
    key: `log.${category}.level`,
    classic: [`rabbit.log.categories.${category}.level`, `rabbit.log_levels.${category}`],
    type: LEVEL,
    text: `Of what is said of ${category}, in every output; goes before the level of the output.`,
  });
}

function fileOf(category: string) {
  return setting({
    key: `log.${category}.file`,
    classic: `rabbit.log.categories.${category}.file`,
    type: TEXT,
    text: `A file of its own for what is said of ${category}, in log.dir.`,
  });
}

export const LOG_SETTINGS = {
  logDir: setting({
    key: 'log.dir',
    classic: 'rabbit.log_root',
    type: TEXT,
    text: 'Directory of log files; `log` in `data_dir` when it is not set.',
  }),
  logFile: setting({
    key: 'log.file',
    classic: 'rabbit.log.file.file',
    type: FILE_OR_NONE,
    text: 'Its name; the node’s with .log when it is not set. false: no file.',
  }),
  logFileLevel: setting({
    key: 'log.file.level',
    classic: 'rabbit.log.file.level',
    type: LEVEL,
    default: 'info',
    text: `How much goes into it: ${LOG_LEVELS.join(', ')}.`,
  }),
  logFileFormatter: setting({
    key: 'log.file.formatter',
    type: FORMATTER,
    default: 'plaintext',
    text: `Form of its lines: ${LOG_FORMATTERS.join(', ')}.`,
  }),
  logRotationDate: setting({
    key: 'log.file.rotation.date',
    classic: 'rabbit.log.file.date',
    type: ROTATION_DATE,
    text: 'A new file is begun at this time: $D0 is daily at midnight, $W1D4 Mondays at 4, $M1D0 monthly.',
  }),
  logRotationSizeBytes: setting({
    key: 'log.file.rotation.size',
    classic: 'rabbit.log.file.size',
    type: BYTES,
    default: '10MiB',
    text: 'A new file is begun when it has so many; 0 is no limit.',
  }),
  logRotationCount: setting({
    key: 'log.file.rotation.count',
    classic: 'rabbit.log.file.count',
    type: COUNT,
    default: DEFAULT_ROTATION.count,
    text: 'How many old files are kept.',
  }),
  logRotationCompress: setting({
    key: 'log.file.rotation.compress',
    classic: 'rabbit.log.file.compress',
    type: FLAG,
    default: 'false',
    text: 'true: old files are compressed with gzip, and have .gz behind their names.',
  }),
  logConsole: setting({
    key: 'log.console',
    classic: 'rabbit.log.console.enabled',
    type: FLAG,
    text: 'true: lines from info up to the console, and no file unless log.file is set. false: none. Unset: warnings.',
  }),
  logLevel: setting({
    key: 'log.console.level',
    classic: 'rabbit.log.console.level',
    type: LEVEL,
    text: 'How much goes to the console; warning when neither this nor log.console is set.',
  }),
  logConsoleFormatter: setting({
    key: 'log.console.formatter',
    type: FORMATTER,
    default: 'plaintext',
    text: `Form of its lines: ${LOG_FORMATTERS.join(', ')}.`,
  }),
  logConsoleStream: setting({
    key: 'log.console.stdio',
    classic: 'rabbit.log.console.stdio',
    type: choice(['stdout', 'stderr'] as const),
    default: 'stderr',
    text: 'Where the console’s lines go: stdout or stderr.',
  }),
  logExchange: setting({
    key: 'log.exchange',
    classic: 'rabbit.log.exchange.enabled',
    type: FLAG,
    default: 'false',
    text: 'true: lines are published to the topic exchange `amq.rabbitmq.log`, their level as the key.',
  }),
  logExchangeLevel: setting({
    key: 'log.exchange.level',
    classic: 'rabbit.log.exchange.level',
    type: LEVEL,
    default: 'info',
    text: 'How much is published there.',
  }),
  logExchangeFormatter: setting({
    key: 'log.exchange.formatter',
    type: FORMATTER,
    default: 'plaintext',
    text: `Form of these messages: ${LOG_FORMATTERS.join(', ')}.`,
  }),
  ...SYSLOG_SETTINGS,
  logJournald: setting({
    key: 'log.journald',
    classic: 'rabbit.log.journald.enabled',
    type: absent('systemd takes the console’s lines, with log.console = true'),
    text: 'Only false: systemd takes the console’s lines.',
  }),
  logConnectionLevel: levelOf('connection'),
  logChannelLevel: levelOf('channel'),
  logQueueLevel: levelOf('queue'),
  logMirroringLevel: levelOf('mirroring'),
  logFederationLevel: levelOf('federation'),
  logUpgradeLevel: levelOf('upgrade'),
  logDefaultLevel: setting({
    key: 'log.default.level',
    classic: 'rabbit.log.categories.default.level',
    type: LEVEL,
    text: 'Of everything else, in every output.',
  }),
  logConnectionFile: fileOf('connection'),
  logChannelFile: fileOf('channel'),
  logQueueFile: fileOf('queue'),
  logMirroringFile: fileOf('mirroring'),
  logFederationFile: fileOf('federation'),
  logUpgradeFile: fileOf('upgrade'),
} as const;
