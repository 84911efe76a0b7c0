import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Transcript } from './transcript.ts';
import { typed } from './wire-format.ts';

function transcriptOf(...lines: string[]): string {
  const transcript = new Transcript();
  for (const line of lines) transcript.add(line);
  return transcript.text;
}

describe('a transcript is the same for two brokers that behave the same', () => {
  test('made-up names are numbered by first appearance, and one name has one number', () => {
    const one = 'amq.gen-AAAAAAAAAAAAAAAAAAAAAA';
    const two = 'amq.gen-BBBBBBBBBBBBBBBBBBBBBB';
    assert.equal(
      transcriptOf(`queue="${two}"`, `queue="${one}"`, `queue="${two}"`),
      'queue="<server-named 1>"\nqueue="<server-named 2>"\nqueue="<server-named 1>"\n',
    );
  });

  test('a name of another form is not taken for made up, because clients may rely on the form', () => {
    assert.equal(transcriptOf('queue="amq.gen-short"'), 'queue="amq.gen-short"\n');
  });

  test('the fields of received headers are sorted, their letters stay', () => {
    const transcript = new Transcript();
    const headers = { b: typed('s', 1), a: typed('F', { d: typed('t', true), c: typed('V', null) }) };
    const args = { deliveryTag: 1 };
    const message = {
      name: 'basic.get-ok',
      channel: 1,
      args,
      properties: { headers },
      body: Buffer.from('m'),
      bodySizes: [1],
    };
    transcript.tracer('A').received(message);
    assert.equal(transcript.text, 'A < ch1 basic.get-ok delivery-tag=1 | headers={a:F {c:V, d:t true}, b:s 1} | "m"\n');
  });

  test('the time of a death is left out, a timestamp of a client is not', () => {
    assert.equal(transcriptOf('time:T 1700000000, T:T 5'), 'time:T <time>, T:T 5\n');
  });
});
