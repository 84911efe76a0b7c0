import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sampled } from './sampled.ts';

interface Thing {
  figure: number;
}

function sampled(startsAtZero = true): Sampled<Thing> {
  return new Sampled<Thing>({
    width: 1,
    read: ({ figure }, into) => {
      into[0] = figure;
    },
    intervalSeconds: 5,
    spans: [{ reachSeconds: 20, intervalSeconds: 5 }],
    startsAtZero,
  });
}

test('a rate is the change a second between the last two samples', () => {
  const samples = sampled();
  const thing = { figure: 10 };
  samples.sample([thing], 5000);
  assert.deepEqual(samples.details(thing, 0), { rate: 2 });
  samples.sample([thing], 10_000);
  assert.deepEqual(samples.details(thing, 0), { rate: 0 });
});

test('a figure that was there before the first sample has no rate', () => {
  const samples = sampled(false);
  const thing = { figure: 10 };
  samples.sample([thing], 5000);
  assert.deepEqual(samples.details(thing, 0), { rate: 0 });
});

test('samples come newest first, with their average and the rate over all of them', () => {
  const samples = sampled();
  const thing = { figure: 0 };
  for (const [figure, atMs] of [
    [0, 5000],
    [46, 10_000],
    [92, 15_000],
  ] as const) {
    thing.figure = figure;
    samples.sample([thing], atMs);
  }
  assert.deepEqual(samples.details(thing, 0, { ageSeconds: 10, incrementSeconds: 5 }), {
    rate: 9.2,
    samples: [
      { sample: 92, timestamp: 15_000 },
      { sample: 46, timestamp: 10_000 },
      { sample: 0, timestamp: 5000 },
    ],
    avg_rate: 9.2,
    avg: 46,
  });
});

test('a larger increment leaves samples out, and one that was never taken is the oldest', () => {
  const samples = sampled();
  const thing = { figure: 4 };
  samples.sample([thing], 5000);
  thing.figure = 8;
  samples.sample([thing], 10_000);
  const { samples: given } = samples.details(thing, 0, { ageSeconds: 20, incrementSeconds: 10 });
  assert.deepEqual(
    given?.map(({ sample }) => sample),
    [8, 0, 0],
  );
});

test('the past reaches back as far as it was told to, and no age asks for more', () => {
  const samples = sampled();
  const thing = { figure: 0 };
  for (let round = 1; round <= 50; round++) {
    thing.figure = round;
    samples.sample([thing], round * 5000);
  }
  const { samples: given = [] } = samples.details(thing, 0, { ageSeconds: 1e9, incrementSeconds: 5 });
  assert.ok(given.length <= 6);
  assert.equal(given[0]?.sample, 50);
  assert.equal(given.at(-1)?.sample, 46);
});

test('a thing that stands still keeps its last figure, and starts anew from there', () => {
  const samples = sampled();
  const thing = { figure: 7 };
  for (let round = 1; round <= 20; round++) samples.sample([thing], round * 5000);
  assert.deepEqual(
    samples.details(thing, 0, { ageSeconds: 5, incrementSeconds: 5 }).samples?.map(({ sample }) => sample),
    [7, 7],
  );
  thing.figure = 17;
  samples.sample([thing], 105_000);
  assert.deepEqual(samples.details(thing, 0), { rate: 2 });
});

test('what has no sample yet is shown as it is at the times of samples', () => {
  const samples = sampled();
  samples.begin(60_000);
  const { samples: given } = samples.details({ figure: 3 }, 0, { ageSeconds: 5, incrementSeconds: 5 });
  assert.deepEqual(
    given?.map(({ timestamp }) => timestamp),
    [60_000, 55_000],
  );
});

test('what is forgotten begins anew, with a figure that was there before', () => {
  const samples = sampled(false);
  const thing = { figure: 1 };
  samples.sample([thing], 5000);
  thing.figure = 11;
  samples.sample([thing], 10_000);
  assert.equal(samples.details(thing, 0).rate, 2);
  samples.forget();
  samples.sample([thing], 10_000);
  assert.equal(samples.details(thing, 0).rate, 0);
});

test('far back samples are further apart, and each window is given the closest that reach far enough', () => {
  const samples = new Sampled<Thing>({
    width: 1,
    read: ({ figure }, into) => {
      into[0] = figure;
    },
    intervalSeconds: 5,
    spans: [
      { reachSeconds: 20, intervalSeconds: 5 },
      { reachSeconds: 120, intervalSeconds: 30 },
    ],
    startsAtZero: false,
  });
  const thing = { figure: 0 };
  for (let atMs = 600_000; atMs <= 730_000; atMs += 5000) {
    thing.figure = atMs;
    samples.sample([thing], atMs);
  }
  const times = (ageSeconds: number, incrementSeconds: number) => {
    const { samples: given = [] } = samples.details(thing, 0, { ageSeconds, incrementSeconds });
    for (const { sample, timestamp } of given) assert.equal(sample, timestamp);
    return given.map(({ timestamp }) => timestamp / 1000);
  };
  assert.deepEqual(times(20, 5), [730, 725, 720, 715, 710]);
  assert.deepEqual(times(120, 30), [720, 690, 660, 630, 600]);
  assert.deepEqual(times(1e9, 5), [720, 690, 660, 630, 600]);
  assert.equal(samples.details(thing, 0).rate, 1000);
});

test('samples are never closer together than they are taken', () => {
  const samples = new Sampled<Thing>({
    width: 1,
    read: ({ figure }, into) => {
      into[0] = figure;
    },
    intervalSeconds: 60,
    spans: [{ reachSeconds: 600, intervalSeconds: 5 }],
    startsAtZero: true,
  });
  const thing = { figure: 120 };
  samples.sample([thing], 60_000);
  const { rate, samples: given } = samples.details(thing, 0, { ageSeconds: 600, incrementSeconds: 5 });
  assert.deepEqual([rate, given?.length], [2, 11]);
});

test('a clock that is set back goes on being sampled', () => {
  const samples = sampled(false);
  const thing = { figure: 0 };
  for (const atMs of [500_000, 505_000, 20_000, 25_000]) {
    thing.figure += 10;
    samples.sample([thing], atMs);
    if (atMs !== 500_000) assert.equal(samples.details(thing, 0).rate, 2);
  }
});
