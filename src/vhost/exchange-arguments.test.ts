import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromPlain } from '../protocol/field-table.ts';
import { checkExchangeArguments } from './exchange-arguments.ts';

const EXCHANGE = { vhost: '/', name: 'x' };

test('an alternate exchange may be named that does not exist, and unknown arguments are taken', () => {
  checkExchangeArguments(EXCHANGE, fromPlain({ 'alternate-exchange': 'nowhere', mine: 1 }));
});

test('an alternate exchange that is not a string is refused in the words of RabbitMQ', () => {
  assert.throws(() => checkExchangeArguments(EXCHANGE, fromPlain({ 'alternate-exchange': 1 })), {
    replyCode: 406,
    replyText:
      "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
  });
});
