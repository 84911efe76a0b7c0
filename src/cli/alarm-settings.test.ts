import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../config/test-settings.ts';
import { alarmOptions } from './alarm-settings.ts';

function read(...lines: string[]) {
  return alarmOptions(readSettings('rabbitmq.conf', lines.join('\n')));
}

test('a file of RabbitMQ sets the limits of memory and disk', () => {
  const options = read(
    'vm_memory_high_watermark.relative = 0.6',
    'vm_memory_high_watermark_paging_ratio = 0.75',
    'vm_memory_calculation_strategy = allocated',
    'memory_monitor_interval = 1000',
    'total_memory_available_override_value = 4GB',
    'disk_free_limit.absolute = 2GB',
  );
  assert.deepEqual(options, {
    totalMemoryBytes: 4e9,
    memoryHighWatermark: { relative: 0.6 },
    memoryPagingRatio: 0.75,
    longestMemoryCheckMs: 1000,
    diskFreeLimit: { absolute: 2e9 },
  });
});

test('what is not set is left to the defaults', () => {
  assert.deepEqual(read(), {});
});

test('a share goes before a number of bytes, in any order, as RabbitMQ 3.10.8 has it', () => {
  const memory = ['vm_memory_high_watermark.absolute = 2GB', 'vm_memory_high_watermark.relative = 0.3'];
  const disk = ['disk_free_limit.relative = 1.5', 'disk_free_limit.absolute = 1GB'];
  const both = { memoryHighWatermark: { relative: 0.3 }, diskFreeLimit: { relative: 1.5 } };
  assert.deepEqual(read(...memory, ...disk), both);
  assert.deepEqual(read(...[...memory, ...disk].reverse()), both);
});

test('what is no share is refused with its line', () => {
  for (const text of ['-1', 'half', '40%', '1e3', '.5', '']) {
    assert.throws(
      () => read('# a comment', `vm_memory_high_watermark.relative = ${text}`),
      /^Error: rabbitmq\.conf:2: vm_memory_high_watermark\.relative = .*: expected a share, such as 0\.4$/,
    );
  }
});
