import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putQueue } from '../metadata/test-records.ts';
import { Pipeline, type Request } from './pipeline.ts';

test('answers go out in the order of the requests, and one that is asked for once more holds up those behind it', () => {
  const pipeline = new Pipeline();
  const answered: string[] = [];
  const add = (name: string, then = (): void => void answered.push(name)): Request => {
    const request = { isDone: false, then };
    pipeline.add(putQueue({ name }), request);
    return request;
  };
  let repeated: Request | null = null;
  const first = add('first', () => {
    repeated = add('first again');
  });
  const second = add('second');
  second.isDone = true;
  pipeline.answer();
  assert.deepEqual(answered, []);
  first.isDone = true;
  pipeline.answer();
  assert.deepEqual(answered, []);
  repeated!.isDone = true;
  pipeline.answer();
  assert.deepEqual(answered, ['first again', 'second']);
  assert.ok(pipeline.isEmpty && !pipeline.declaresQueue('second'));
});
