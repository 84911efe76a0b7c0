import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from './command.ts';
import { Progress } from './progress.ts';

function written(isTTY: boolean, options: Call['options']): string[] {
  const texts: string[] = [];
  const stderr = { isTTY, write: (text: string) => texts.push(text) };
  const progress = new Progress({ terminal: { stderr }, options } as unknown as Call, 2, 'connections closed');
  progress.step();
  progress.step();
  progress.end();
  return texts;
}

test('how far an operation has come is shown on a terminal, and taken away when it is done', () => {
  assert.deepEqual(written(true, {}), ['\r1 of 2 connections closed', '\r\x1b[K']);
});

test('nothing is written where nobody looks, or wants to', () => {
  assert.deepEqual(written(false, {}), []);
  assert.deepEqual(written(true, { quiet: true }), []);
});
