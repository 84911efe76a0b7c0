import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Logger, type LogLevel } from './log.ts';

function loggerAt(...levels: LogLevel[]): { logger: Logger; taken: string[][] } {
  const logger = new Logger();
  const taken = levels.map((): string[] => []);
  levels.forEach((level, index) => {
    logger.add({ level, write: ({ category, message }) => taken[index]!.push(`${category} ${message}`) });
  });
  logger.started();
  return { logger, taken };
}

describe('the levels of the log', () => {
  test('are each output’s own', () => {
    const { logger, taken } = loggerAt('info', 'error');
    logger.info('store', 'a');
    logger.error('store', 'b');
    assert.deepEqual(taken, [['store a', 'store b'], ['store b']]);
  });

  test('of a category go before those of the outputs, to both sides, as in RabbitMQ', () => {
    const { logger, taken } = loggerAt('warning');
    logger.setLevel('debug', 'connection');
    logger.setLevel('none', 'channel');
    logger.debug('connection', 'a');
    logger.error('channel', 'b');
    logger.info('store', 'c');
    assert.deepEqual(taken, [['connection a']]);
  });

  test('of the default category are those of all that has none of its own', () => {
    const { logger, taken } = loggerAt('info');
    logger.setLevel('error', 'default');
    logger.warning('alarm', 'a');
    logger.info('connection', 'b');
    assert.deepEqual(taken, [['connection b']]);
  });

  test('may change at any time', () => {
    const { logger, taken } = loggerAt('error');
    logger.info('store', 'before');
    logger.setLevel('debug');
    logger.debug('store', 'after');
    logger.setLevel('none');
    logger.error('store', 'then');
    assert.deepEqual(taken, [['store after']]);
  });

  test('decide whether a text is made at all', () => {
    const { logger } = loggerAt('warning');
    logger.info('connection', () => assert.fail('nobody takes it'));
  });
});

describe('outputs', () => {
  test('that come late are told what was said before, until all are there', () => {
    const logger = new Logger();
    logger.info('memory', 'early');
    const taken: string[] = [];
    logger.add({ level: 'info', write: ({ message }) => taken.push(message) });
    logger.started();
    logger.add({ level: 'info', write: () => assert.fail('it came too late') });
    assert.deepEqual(taken, ['early']);
  });

  test('of some categories take those lines from the one that is without them', () => {
    const logger = new Logger();
    const [own, others]: [string[], string[]] = [[], []];
    const only = new Set(['connection']);
    logger.add({ level: 'info', only, write: ({ message }) => own.push(message) });
    logger.add({ level: 'info', without: only, write: ({ message }) => others.push(message) });
    logger.info('connection', 'a');
    logger.info('queue', 'b');
    assert.deepEqual([own, others], [['a'], ['b']]);
  });
});
