/** Where a read ends has no meaning: whatever it cuts, the connection does the same. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { mutate } from '../../test/fuzz/mutation.ts';
import { Random } from '../../test/fuzz/random.ts';
import { loadRecordings } from '../../test/fuzz/recording.ts';
import { bytesOf, type Script, scriptOf } from '../../test/fuzz/script.ts';
import { FRAME_HEADER_SIZE, FRAME_METHOD } from '../protocol/constants.ts';
import { TestBroker } from './test-connection.ts';

/** Class and method as they stand in a frame: connection.close and close-ok. */
const LAST_METHODS = [0x000a0032, 0x000a0033];

const recordings = loadRecordings();
const scripts = recordings.map(scriptOf);

// An exchange of the type x-random draws lots, and names that the broker gives are random: neither may tell two runs apart.
mock.method(Math, 'random', () => 0.5);
const GIVEN_NAMES = /(amq\.(?:gen|ctag)-|amq\.rabbitmq\.reply-to\.)[\w-]{22,24}/g;

/** Plays it to a broker of its own, each step in pieces that end at the offsets that `cutsOf` gives. @returns what was sent, as latin1 */
async function play(script: Script, cutsOf: (size: number) => readonly number[]): Promise<string> {
  const broker = await TestBroker.start();
  const connection = broker.connect();
  const sent: Buffer[] = [];
  for (const { frames } of script) {
    const bytes = Buffer.concat(frames);
    connection.receive(bytes, cutsOf(bytes.length));
    sent.push(connection.endTurn());
  }
  assert.equal(broker.logged.filter((line) => line.includes('[error] <broker>')).join(), '');
  return untilClose(Buffer.concat(sent)).toString('latin1').replace(GIVEN_NAMES, '$1');
}

/** Up to the close, whoever asked for it: what comes behind a frame that could not be read, or behind a close, has no meaning. */
function untilClose(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; ) {
    const isClose = bytes[at] === FRAME_METHOD && LAST_METHODS.includes(bytes.readUInt32BE(at + FRAME_HEADER_SIZE));
    if (bytes[at] === 'A'.charCodeAt(0)) return bytes;
    at += FRAME_HEADER_SIZE + bytes.readUInt32BE(at + 3) + 1;
    if (isClose) return bytes.subarray(0, at);
  }
  return bytes;
}

const inOnePiece = (): number[] => [];
const octetByOctet = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

for (const { name, parts } of recordings) {
  test(`the session ${name} read octet by octet is answered as in whole steps`, async () => {
    const script = scriptOf({ name, parts });
    const whole = await play(script, inOnePiece);
    assert.ok(whole.length > 500);
    assert.equal(await play(script, octetByOctet), whole);
  });
}

test('a session read in any pieces is answered as in whole steps, mutated or not', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.boolean(),
    fc.array(fc.nat(), { maxLength: 12 }),
    async (seed, isMutated, cuts) => {
      const random = new Random(seed);
      const script = isMutated ? mutate(scripts, random).script : random.pick(scripts);
      const inPieces = (size: number) => cuts.map((cut) => cut % Math.max(1, size)).sort((a, b) => a - b);
      const whole = await play(script, inOnePiece);
      assert.equal(await play(script, inPieces), whole, bytesOf(script).toString('hex'));
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test('a mutated session read octet by octet is answered as in whole steps', async () => {
  const property = fc.asyncProperty(fc.nat(), async (seed) => {
    const { script } = mutate(scripts, new Random(seed));
    const whole = await play(script, inOnePiece);
    assert.equal(await play(script, octetByOctet), whole, bytesOf(script).toString('hex'));
  });
  await fc.assert(property, { numRuns: 50, examples: [[710_097_500]] });
});
