/** Settings of memory and disk: where messages are, and when publishers are stopped. */
import { DEFAULT_ALARMS } from './alarm-options.ts';
import { DEFAULT_COMPACTION } from './compaction-options.ts';
import { setting } from './setting.ts';
import { atLeast, BYTES, choice, MILLISECONDS, SHARE } from './setting-types.ts';

const CALCULATION_STRATEGIES = ['rss', 'allocated', 'legacy', 'erlang'] as const;
const CONFIRM_WHEN = ['fdatasync', 'operating-system'] as const;

export const STORAGE_SETTINGS = {
  confirmWhen: setting({
    key: 'confirm_when',
    type: choice(CONFIRM_WHEN),
    default: 'fdatasync',
    text: 'fdatasync: the disk has what is confirmed. operating-system: the kernel has it, and a power failure may lose it.',
  }),
  messageMemoryBytes: setting({
    key: 'message_memory_limit',
    type: BYTES,
    default: '128MiB',
    text: 'Messages beyond this are moved to disk. A number of bytes, or with kB, MB, GB, KiB, MiB, GiB.',
  }),
  journalFileBytes: setting({
    key: 'journal_file_size',
    type: BYTES,
    text: 'Size of a journal file, from 1MiB up; 64MiB, or a sixteenth of a small disk, when it is not set.',
  }),
  compactionRatio: setting({
    key: 'journal_compaction_ratio',
    type: SHARE,
    default: DEFAULT_COMPACTION.ratio,
    text: 'A journal file is compacted when at least this share of what it takes on the disk is not needed; with 1 none is.',
  }),
  compactionBytesPerSecond: setting({
    key: 'journal_compaction_rate',
    type: atLeast(64 * 1024, BYTES),
    default: DEFAULT_COMPACTION.bytesPerSecond,
    text: 'Bytes that compaction reads and writes in a second.',
  }),
  compactionIntervalMs: setting({
    key: 'journal_compaction_interval',
    type: atLeast(10, MILLISECONDS),
    default: DEFAULT_COMPACTION.intervalMs,
    text: 'Milliseconds between two looks for such files; one of which an eighth goes in that time is left alone.',
  }),
  delayedSegmentBytes: setting({
    key: 'delayed_segment_size',
    type: atLeast(64 * 1024, BYTES),
    default: '16MiB',
    text: 'Delayed messages of an exchange are moved to a file of their own when there are so many bytes of them, or 65,536.',
  }),
  memoryWatermarkRelative: setting({
    key: 'vm_memory_high_watermark.relative',
    classic: 'rabbit.vm_memory_high_watermark',
    either: 'vm_memory_high_watermark',
    type: SHARE,
    default: '0.4',
    text: 'Publishers are blocked while the broker takes more than this share of the machine’s memory.',
  }),
  memoryWatermarkAbsolute: setting({
    key: 'vm_memory_high_watermark.absolute',
    classic: 'rabbit.vm_memory_high_watermark.absolute',
    either: 'vm_memory_high_watermark',
    type: BYTES,
    text: 'The same as a number of bytes, where no share is set.',
  }),
  totalMemoryBytes: setting({
    key: 'total_memory_available_override_value',
    classic: 'rabbit.total_memory_available_override_value',
    type: BYTES,
    text: 'What shares of the memory are shares of; the machine’s, or the container’s where that is less, when it is not set.',
  }),
  memoryPagingRatio: setting({
    key: 'vm_memory_high_watermark_paging_ratio',
    classic: 'rabbit.vm_memory_high_watermark_paging_ratio',
    type: SHARE,
    default: DEFAULT_ALARMS.memoryPagingRatio,
    text: 'Messages are moved to disk at this share of what the watermark leaves for them, where message_memory_limit is not set.',
  }),
  longestMemoryCheckMs: setting({
    key: 'memory_monitor_interval',
    classic: 'rabbit.memory_monitor_interval',
    type: MILLISECONDS,
    default: DEFAULT_ALARMS.longestMemoryCheckMs,
    text: 'Milliseconds between two looks at the memory, at most: close to the watermark it is looked at more often.',
  }),
  memoryCalculationStrategy: setting({
    key: 'vm_memory_calculation_strategy',
    classic: 'rabbit.vm_memory_calculation_strategy',
    type: choice(CALCULATION_STRATEGIES),
    default: 'rss',
    text: 'Taken as it is in RabbitMQ; resident memory (rss) is what is measured with each of them.',
  }),
  diskFreeLimitAbsolute: setting({
    key: 'disk_free_limit.absolute',
    classic: 'rabbit.disk_free_limit',
    either: 'disk_free_limit',
    type: BYTES,
    default: '50MB',
    text: 'Publishers are blocked while less than this is free where the messages are.',
  }),
  diskFreeLimitRelative: setting({
    key: 'disk_free_limit.relative',
    classic: 'rabbit.disk_free_limit.mem_relative',
    either: 'disk_free_limit',
    type: SHARE,
    text: 'The same as a multiple of the machine’s memory; goes before a number of bytes.',
  }),
} as const;
