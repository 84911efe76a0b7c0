/**
 * A process for tests that may be killed or run out of disk.
 *
 *   declare DIRECTORY      declares queues until it is killed, and prints the name of each once it is applied
 *   full-disk DIRECTORY    proposes against a limit on the size of files, which it then lifts, and prints what happened
 */
import { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { openSqliteStore } from './sqlite-store.ts';
import { answerTo, laterAnswerTo, make, putQueue, putVhost } from './test-records.ts';

const [task, directory] = process.argv.slice(2);
const store = openSqliteStore({ directory: directory!, clusterName: 'rabbit@here' });

if (task === 'declare') declareWithoutEnd();
else await fillDisk();

function declareWithoutEnd(): void {
  make(store, putVhost());
  for (;;) {
    const id = store.allocateQueueId();
    const name = `queue ${process.pid} ${id}`;
    store.propose([putQueue({ name, id })], (error) => {
      if (error === null) print(name);
    });
  }
}

/** A write beyond the limit fails as one on a full disk does, once the signal that comes with it is taken. */
async function fillDisk(): Promise<void> {
  process.on('SIGXFSZ', () => {});
  let heardCount = 0;
  make(store, putVhost());
  store.follow(() => heardCount++);
  limitFileSize('100000');
  const changes = Array.from({ length: 5000 }, (_, index) => putQueue({ name: `queue ${index}`, id: index + 1 }));
  print((await laterAnswerTo(store, changes))?.fault ?? 'applied');
  print(store.snapshot().queues.length === 0 ? 'queues as before' : 'queues were left');
  print(heardCount === 0 ? 'followers heard nothing' : 'followers heard of it');
  limitFileSize('unlimited');
  print(answerTo(store, [putQueue({ name: 'after' })]) === null ? 'applied after there was room' : 'still refused');
  store.close();
}

function limitFileSize(limit: string): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${limit}:unlimited`]);
}

/** Synchronous, so that what was printed has left the process when it is killed. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}
