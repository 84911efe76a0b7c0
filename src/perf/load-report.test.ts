import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyHistogram } from './latency-histogram.ts';
import { LoadBoard, slot } from './load-board.ts';
import { completeLoadOptions, type LoadOptions } from './load-options.ts';
import { buildReport, faultsOf, type LoadReport, type RunMeasurements, type UsageSample } from './load-report.ts';

const NOTHING: UsageSample = {
  timeUs: 1e6,
  published: 0,
  confirmed: 0,
  received: 0,
  brokerCpuSeconds: 0,
  ownCpuSeconds: 0,
  machineCpuSeconds: 0,
  residentBytes: 0,
};

interface Counts {
  readonly published?: number;
  readonly confirmed?: number;
  readonly nacked?: number;
  readonly received?: number;
}

/** The report of a run of four seconds whose counters stand at `counts` in the end. */
function reportOf(given: Partial<LoadOptions>, counts: Counts, run: Partial<RunMeasurements> = {}): LoadReport {
  const options = completeLoadOptions(given);
  const board = new LoadBoard(options.publishers, options.consumers);
  const { received = 0, ...published } = counts;
  for (const name of ['published', 'confirmed', 'nacked'] as const)
    board.setPublisher(0, slot[name], published[name] ?? 0);
  if (options.consumers > 0) board.setConsumer(0, slot.received, received);
  return buildReport({
    options,
    begin: NOTHING,
    end: { ...NOTHING, timeUs: 5e6, published: counts.published ?? 0, confirmed: counts.confirmed ?? 0, received },
    board,
    latency: new LatencyHistogram(),
    confirmLatency: new LatencyHistogram(),
    consumed: [],
    peakResidentBytes: 0,
    error: null,
    ...run,
  });
}

test('rates are of the measured time, counts of the whole run', () => {
  const report = reportOf(
    { confirmWindow: 10 },
    { published: 800, confirmed: 800, received: 800 },
    {
      begin: { ...NOTHING, published: 400, confirmed: 360, received: 300 },
    },
  );
  assert.equal(report.seconds, 4);
  assert.deepEqual([report.publishedPerSecond, report.confirmedPerSecond, report.receivedPerSecond], [100, 110, 125]);
  assert.deepEqual([report.published, report.confirmed, report.received], [800, 800, 800]);
  assert.deepEqual(faultsOf(report), []);
});

test('CPU counts by delivery where messages are consumed, by publish where not', () => {
  const end = {
    ...NOTHING,
    timeUs: 5e6,
    published: 1000,
    received: 2000,
    brokerCpuSeconds: 2,
    ownCpuSeconds: 1,
    machineCpuSeconds: 5,
  };
  const both = reportOf({}, {}, { end });
  assert.deepEqual([both.brokerCpuUsPerMessage, both.generatorCpuUsPerMessage], [1000, 500]);
  assert.deepEqual([both.brokerCores, both.generatorCores, both.otherCores], [0.5, 0.25, 0.5]);
  const publishing = reportOf({ mode: 'publish' }, {}, { end });
  assert.deepEqual([publishing.brokerCpuUsPerMessage, publishing.generatorCpuUsPerMessage], [2000, 1000]);
});

test('what did not arrive is missing, counted by the queues that a message reaches', () => {
  assert.equal(reportOf({}, { published: 10, received: 7 }).missing, 3);
  assert.equal(reportOf({ routing: 'topic-all', queues: 5 }, { published: 10, received: 48 }).missing, 2);
  assert.equal(reportOf({ mode: 'consume', count: 10 }, { received: 9 }).missing, 1);
  assert.equal(reportOf({ mode: 'publish' }, { published: 10 }).missing, 0, 'a backlog is meant to stay');
});

test('what was neither confirmed nor refused is unconfirmed, where confirms were asked for', () => {
  assert.equal(reportOf({ confirmWindow: 5 }, { published: 10, confirmed: 6, nacked: 1, received: 10 }).unconfirmed, 3);
  assert.equal(reportOf({}, { published: 10, received: 10 }).unconfirmed, 0);
});

test('every fault is named with its number', () => {
  const consumer = { latency: new LatencyHistogram(), redelivered: 1, duplicates: 2, gaps: 3, early: 4 };
  const counts = { published: 10, confirmed: 7, nacked: 1, received: 9 };
  const report = reportOf({ confirmWindow: 5 }, counts, {
    consumed: [consumer, consumer],
    error: 'the broker went away',
  });
  assert.deepEqual(faultsOf(report), [
    'the broker went away',
    'missing 1',
    'duplicates 4',
    'gaps 6',
    'early 8',
    'nacked 1',
    'unconfirmed 2',
  ]);
  assert.equal(report.redelivered, 2);
});

test('the longest that any publisher was blocked is what counts', () => {
  const board = new LoadBoard(2, 1);
  board.setPublisher(0, slot.blockedUs, 1.5e6);
  board.setPublisher(1, slot.blockedUs, 2.5e6);
  assert.equal(reportOf({ publishers: 2 }, {}, { board }).blockedSecondsMax, 2.5);
});

test('latencies are told in milliseconds', () => {
  const latency = new LatencyHistogram();
  for (let us = 1; us <= 100; us++) latency.add(us);
  assert.deepEqual(reportOf({}, {}, { latency }).latency, {
    count: 100,
    p50Ms: 0.051,
    p99Ms: 0.1,
    p999Ms: 0.1,
    maxMs: 0.1,
  });
});
