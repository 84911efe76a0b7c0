/**
 * A process for tests that may be killed or run out of disk.
 *
 *   declare DIRECTORY      declares queues until it is killed, and prints the name of each once it is applied
 *   declare-many DIRECTORY declares queues in bursts until it is killed, and prints the name of each once it is applied
 *   full-disk DIRECTORY    proposes against a limit on the size of files, which it then lifts, and prints what happened
 *   full-disk-together DIRECTORY   proposes something small, large and small at the same time against such a limit
 */
import { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { Slices } from '../runtime/slices.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { answerTo, laterAnswerTo, make, makeMany, putQueue, putVhost } from './test-records.ts';

const [task, directory] = process.argv.slice(2);
const isTogether = task === 'declare-many' || task === 'full-disk-together';
const slices = isTogether ? { slices: new Slices() } : {};
const store = openSqliteStore({ directory: directory!, clusterName: 'rabbit@here', ...slices });

if (task === 'declare') declareWithoutEnd();
else if (task === 'declare-many') await declareInBursts();
else if (task === 'full-disk-together') await fillDiskTogether();
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

/** Some wait for a sync while others come: never all of them are answered. */
async function declareInBursts(): Promise<void> {
  await makeMany(store, putVhost());
  for (let number = 0; ; ) {
    for (let burst = number % 37; burst >= 0; burst--) {
      const name = `${process.pid} ${number++}`;
      store.propose([putQueue({ name, id: store.allocateQueueId() })], (error) => {
        if (error === null) print(name);
      });
    }
    await new Promise((next) => setImmediate(next));
  }
}

async function fillDiskTogether(): Promise<void> {
  process.on('SIGXFSZ', () => {});
  await makeMany(store, putVhost());
  limitFileSize('200000');
  const large = Array.from({ length: 5000 }, (_, index) => putQueue({ name: `queue ${index}`, id: index + 3 }));
  const proposals = { before: [putQueue({ name: 'before' })], large, after: [putQueue({ name: 'after', id: 2 })] };
  const answers = Object.entries(proposals).map(async ([name, changes]) => {
    print(`${name} ${(await laterAnswerTo(store, changes))?.fault ?? 'applied'}`);
  });
  await Promise.all(answers);
  const names = store.snapshot().queues.map(({ name }) => name);
  print(names.join(', '));
  store.close();
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
