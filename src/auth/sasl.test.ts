import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmqpError } from '../protocol/errors.ts';
import { encodeFieldTable, type FieldTable, fromPlain } from '../protocol/field-table.ts';
import { AMQPLAIN, PLAIN, SaslMechanisms } from './sasl.ts';

function refusal(replyCode: number) {
  return (error: unknown) => error instanceof AmqpError && error.replyCode === replyCode;
}

describe('PLAIN', () => {
  const read = (text: string) => PLAIN.read(Buffer.from(text));

  test('is a zero octet before the name and one before the password', () => {
    assert.deepEqual(read('\0alice\0wonder'), { username: 'alice', password: 'wonder' });
    assert.deepEqual(read('\0\0'), { username: '', password: '' });
    assert.deepEqual(read('\0ä\0ö'), { username: 'ä', password: 'ö' });
  });

  test('has no identity to act as in front, as in RabbitMQ', () => {
    assert.throws(() => read('bob\0alice\0wonder'), refusal(502));
  });

  for (const response of ['', '\0', '\0alice', 'alice\0wonder', '\0alice\0wonder\0more']) {
    test(`is refused as ${JSON.stringify(response)}, with a text that does not hold the password`, () => {
      assert.throws(
        () => read(response),
        (error: AmqpError) => {
          assert.equal(error.replyCode, 502);
          assert.ok(!error.replyText.includes('wonder'));
          return true;
        },
      );
    });
  }
});

describe('AMQPLAIN', () => {
  /** A table without the octets of its length. */
  const response = (table: FieldTable) => encodeFieldTable(table).subarray(4);
  const read = (plain: Parameters<typeof fromPlain>[0]) => AMQPLAIN.read(response(fromPlain(plain)));

  test('is a table with LOGIN and PASSWORD', () => {
    assert.deepEqual(read({ LOGIN: 'alice', PASSWORD: 'wonder', more: 1 }), { username: 'alice', password: 'wonder' });
  });

  test('may have octets for strings, as RabbitMQ takes them', () => {
    const octets: FieldTable = new Map([
      ['LOGIN', { type: 'x', value: Buffer.from('alice') }],
      ['PASSWORD', { type: 'x', value: Buffer.from('wonder') }],
    ]);
    assert.deepEqual(AMQPLAIN.read(response(octets)), { username: 'alice', password: 'wonder' });
  });

  test('without one of the two is malformed', () => {
    assert.throws(() => read({ LOGIN: 'alice' }), refusal(502));
    assert.throws(() => read({ PASSWORD: 'wonder' }), refusal(502));
    assert.throws(() => AMQPLAIN.read(Buffer.from('garbage')), refusal(502));
  });

  test('with a field of another type makes no claim: the login is refused', () => {
    const refusal = 'the response holds no name and password';
    assert.deepEqual(read({ LOGIN: 1, PASSWORD: 'wonder' }), { refusal });
  });
});

describe('the mechanisms that are offered', () => {
  test('are listed as RabbitMQ lists them', () => {
    assert.equal(new SaslMechanisms().offeredTo(null), 'AMQPLAIN PLAIN');
  });

  test('are found by their exact name', () => {
    assert.equal(new SaslMechanisms().find('PLAIN'), PLAIN);
    for (const name of ['plain', 'EXTERNAL', '']) {
      assert.throws(() => new SaslMechanisms().find(name), refusal(503));
    }
  });
});
