/**
 * Bad input never takes a node down. Sessions of real clients, mutated at random, are played against a live broker; after each
 *
 *   the witness       publishes and consumes on, and has missed nothing
 *   the connection    has ended as the protocol says, and all that the broker sent on it was well formed
 *   the log           has no error: a fault of the client's is a warning, an exception of our own would be an error
 *
 * and after many, nothing is left of them. `npm run fuzz` goes on for as many seeds as it is told:
 *
 *   FUZZ_SEEDS=1000 npm run fuzz               a thousand seeds that nobody has tried, each on a broker of its own
 *   FUZZ_SEEDS=1 FUZZ_SEED=17 npm run fuzz     seed 17 once more
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Broker, type BrokerOptions, type Log, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { FillableDisk } from '../integration/fillable-disk.ts';
import { mutate } from './mutation.ts';
import { Player } from './player.ts';
import { Random } from './random.ts';
import { loadRecordings } from './recording.ts';
import { bytesOf, type Script, scriptOf } from './script.ts';
import { Witness } from './witness.ts';

const CASES_PER_SEED = 400;
/** Waiting for the disk takes longer than all the rest. */
const FOUL_WEATHER_EVERY = 3;
const { FUZZ_SEED, FUZZ_SEEDS } = process.env;
const seedCount = Number(FUZZ_SEEDS ?? 3);
const firstSeed = Number(FUZZ_SEED ?? (FUZZ_SEEDS === undefined ? 1 : randomInt(1_000_000_000)));

const recordings = loadRecordings();
const scripts = recordings.map(scriptOf);
const QUEUES = [
  'amqplib.work',
  'amqplib.dead',
  'amqplib.large',
  'pika.work',
  'pika.tx',
  'raw.woven',
  'raw.one',
  'raw.two',
];
const EXCHANGES = ['amqplib.topic', 'amqplib.headers', 'pika.direct', 'pika.fanout', 'raw.hash', 'raw.random'];

/** Keeps what is logged as an error and is not the client's: a fault in the broker itself. */
class ErrorLog implements Log {
  readonly errors: string[] = [];
  debug(): void {}
  info(): void {}
  warning(): void {}
  error(category: string, message: string): void {
    if (category !== 'connection' && category !== 'channel') this.errors.push(`${category}: ${message}`);
  }
}

/** What is being played, for the report of an exception that nobody caught. */
let current = '';
process.on('uncaughtExceptionMonitor', () => console.error(current));

/** What the broker goes through meanwhile; undone before the session's end, which may wait for it. */
interface Weather {
  before(random: Random): void;
  after(): void;
}

const FAIR: Weather = { before: () => undefined, after: () => undefined };

/** At times the disk takes long, seldom it is full. */
function foul(disk: FillableDisk): Weather {
  return {
    before(random) {
      if (random.oneIn(2)) disk.holdUp();
      else disk.isFull = random.oneIn(40);
    },
    after() {
      disk.isFull = false;
      disk.letGo();
    },
  };
}

async function play(broker: Broker, script: Script, random: Random, weather: Weather): Promise<void> {
  const player = await Player.connect(broker.port);
  // Mostly as it was sent, at times in pieces, seldom octet by octet.
  const isOctetwise = random.oneIn(40);
  weather.before(random);
  await player.play(script, (size) => (isOctetwise && size < 2000 ? 0 : random.oneIn(4) ? 1 + random.below(4) : 1));
  weather.after();
  await player.end(random);
}

async function playSeed(broker: Broker, log: ErrorLog, seed: number, weather = FAIR): Promise<void> {
  const witness = await Witness.start(broker.port);
  const random = new Random(seed);
  for (let index = 0; index < CASES_PER_SEED; index++) {
    const { script, mutations } = mutate(scripts, random);
    current = `seed ${seed}, case ${index} (${mutations.join(', ')}): ${bytesOf(script).toString('hex')}`;
    try {
      await play(broker, script, random, weather);
      await witness.look();
      assert.deepEqual(
        log.errors.filter((text) => !text.includes('low on disk')),
        [],
      );
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n${current}`, { cause });
    }
    if (index % 10 === 9) await witness.cleanUp(QUEUES, EXCHANGES);
  }
  assert.deepEqual(
    Object.values(await witness.consumersOf(QUEUES)).filter((count) => count > 0),
    [],
  );
  await witness.close();
}

async function withBroker(
  options: BrokerOptions,
  use: (broker: Broker, log: ErrorLog) => Promise<void>,
): Promise<void> {
  const log = new ErrorLog();
  const broker = await startBroker({ port: 0, log, ...options });
  try {
    await use(broker, log);
  } finally {
    await broker.stop();
  }
}

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
  test(`mutated sessions disturb nobody (seed ${seed})`, async () => {
    await withBroker({ memory: true }, (broker, log) => playSeed(broker, log, seed));
  });

  if ((seed - firstSeed) % FOUL_WEATHER_EVERY !== 0) continue;
  test(`nor while the disk is slow or full, and what they leave can be read (seed ${seed})`, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'leveret-fuzz-'));
    try {
      const disk = new FillableDisk();
      const options: BrokerOptions = { dataDir, disk, confirmWhen: 'operating-system' };
      await withBroker(options, (broker, log) => playSeed(broker, log, seed, foul(disk)));
      await withBroker(options, async (broker) => {
        assert.deepEqual(broker.damage, []);
        const witness = await Witness.start(broker.port);
        await witness.look();
        await witness.close();
      });
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });
}

test('sessions that end anywhere leave nothing behind', async () => {
  const cuts = scripts.flatMap((script) => everyCut(script));
  await withBroker({ memory: true, limits: { maxConnections: 6 } }, async (broker) => {
    const witness = await Witness.start(broker.port);
    const playAll = async (): Promise<void> => {
      for (const script of cuts) {
        const player = await Player.connect(broker.port);
        await player.play(script, () => 1);
        player.abort();
        await witness.look();
        const consumers = () => witness.consumersOf(QUEUES);
        await eventually('consumers to be gone', async () =>
          Object.values(await consumers()).every((count) => count === 0),
        );
        await witness.cleanUp(QUEUES, EXCHANGES);
      }
    };
    await playAll();
    const files = await openFiles();
    const heap = heapBytes();
    await playAll();
    const grown = heapBytes() - heap;
    assert.ok(grown < 1_000_000, `${cuts.length} sessions left ${grown} bytes`);
    assert.ok((await openFiles()) <= files);
    await witness.close();
  });
});

/** The session cut behind some of its frames, spread over it. */
function everyCut(script: Script): Script[] {
  const count = script.reduce((sum, { frames }) => sum + frames.length, 0);
  const cuts: Script[] = [];
  for (let end = 1; end <= count; end += 4) {
    let left = end;
    const cut: Script = [];
    for (const { frames, answers } of script) {
      if (left <= 0) break;
      cut.push({ frames: frames.slice(0, left), answers });
      left -= frames.length;
    }
    cuts.push(cut);
  }
  return cuts;
}
