/** The thread that writes delay segments: see segment-writer.ts. */
import { parentPort } from 'node:worker_threads';
import { systemDisk } from '../runtime/disk.ts';
import { newPieceMemory, writeSegment } from './delay-draft.ts';
import type { SegmentTask, ThreadEvent } from './segment-writer.ts';

const memory = newPieceMemory();
const say = (event: ThreadEvent): void => parentPort?.postMessage(event);

parentPort?.on('message', ({ source, path }: SegmentTask) => {
  writeSegment(source, path, systemDisk, memory).then(
    (header) => say({ header }),
    (error: Error) => say({ failure: error.message }),
  );
});
say('ready');
