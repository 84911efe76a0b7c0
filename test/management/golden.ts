/** What RabbitMQ 3.10.8 answered, one file a group of calls in `golden/`. Written by record.ts. */
import { join } from 'node:path';
import { readAnswers, type Transcripts, writeAnswers } from '../golden-answers.ts';

const DIRECTORY = join(import.meta.dirname, 'golden');

export const readGolden = (): Transcripts => readAnswers(DIRECTORY);

/** Replaces all that is recorded. */
export const writeGolden = (transcripts: Transcripts): void => writeAnswers(DIRECTORY, transcripts);
