/**
 * Rounds of kill -9: traffic, a kill at a random moment, a start, and what is found then held against the ledger.
 *
 * What is found is read from a copy of the data directory, by another broker that is drained and thrown away: the one under test
 * starts over what its predecessor left, untouched.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { withDeadline } from '../conformance/waiting.ts';
import { BrokerProcess, OWN_ERROR } from './broker-process.ts';
import { type Found, Ledger } from './ledger.ts';
import { Random } from './random.ts';
import { ALL_QUEUES, clear, foundOf, newTransactions, QUEUES, setUp, Traffic, type Transactions } from './traffic.ts';

/** Small files are rolled and removed in every round; little memory moves messages to disk. */
const SETTINGS = ['journal_file_size = 1MiB', 'message_memory_limit = 8MiB', 'log.console.level = info'];
const TRAFFIC_MS_MAX = 400;
const STARTUP_MS_MAX = 250;
/** A round without publishers ends when so few messages are left in queues, or after so long. */
const NEARLY_NONE = 200;
const CONSUME_MS_MAX = 3000;
const DRAIN_MS_MAX = 60_000;

export interface RoundsOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly seed: number;
  readonly rounds: number;
  readonly onRound?: (round: number, summary: string) => void;
}

export interface RoundsReport {
  readonly confirmed: number;
  readonly acknowledgedDurably: number;
  readonly rejectedDurably: number;
  readonly deliveredDurably: number;
  readonly returnedDurably: number;
  readonly tokens: number;
  readonly groups: number;
  /** Journal files that were removed. */
  readonly filesRemoved: number;
}

/** @throws AssertionError naming what was promised and not kept. */
export async function runRounds(options: RoundsOptions): Promise<RoundsReport> {
  const rounds = new Rounds(options);
  try {
    return await rounds.run();
  } finally {
    await rounds.end();
  }
}

class Rounds {
  readonly #options: RoundsOptions;
  readonly #random: Random;
  readonly #ledger = new Ledger(QUEUES);
  readonly #transactions: Transactions = newTransactions();
  readonly #numbers = new Map<string, number>();
  readonly #broker: BrokerProcess;
  readonly #files = new Set<string>();

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const dataDir = join(options.directory, 'data');
    mkdirSync(dataDir, { recursive: true });
    this.#broker = new BrokerProcess({ dataDir, settings: SETTINGS });
  }

  async run(): Promise<RoundsReport> {
    for (let round = 1; round <= this.#options.rounds; round++) {
      if (round > 1 && this.#random.oneIn(5)) await this.#killWhileStarting();
      await this.#broker.start();
      assert.doesNotMatch(this.#broker.stderr, OWN_ERROR);
      await setUp(this.#broker.url, round === 1);
      await this.#clear();
      await this.#kill(round % 3 !== 0);
      await this.#audit();
      this.#options.onRound?.(round, JSON.stringify(this.#report()));
    }
    return this.#report();
  }

  /** What nobody consumes is taken away, so that journal files die. */
  async #clear(): Promise<void> {
    await clear(this.#broker.url, ['groups', 'dead']);
    this.#transactions.groups.clear();
    this.#ledger.deadLettersTaken();
  }

  /** @param publishing false: the kill comes when the consumers are nearly through. */
  async #kill(publishing: boolean): Promise<void> {
    const traffic = new Traffic(this.#random, this.#ledger, this.#transactions, this.#numbers);
    await traffic.start(this.#broker.url, this.#broker.port, publishing);
    const deadline = performance.now() + CONSUME_MS_MAX;
    while (!publishing && this.#ledger.unsettled > NEARLY_NONE && performance.now() < deadline) await delay(5);
    await delay(20 + this.#random.below(TRAFFIC_MS_MAX));
    // Now and then it is already stopping in good order.
    if (this.#random.oneIn(6)) {
      this.#broker.stop();
      this.#ledger.connectionsClosed();
      await delay(this.#random.below(30));
    }
    await this.#broker.kill();
    await traffic.end();
    for (const name of readdirSync(this.#broker.journal)) if (name.endsWith('.journal')) this.#files.add(name);
  }

  async #killWhileStarting(): Promise<void> {
    this.#broker.spawn();
    await delay(this.#random.below(STARTUP_MS_MAX));
    await this.#broker.kill();
    await this.#audit();
  }

  async #audit(): Promise<void> {
    const copy = join(this.#options.directory, 'copy');
    rmSync(copy, { recursive: true, force: true });
    cpSync(join(this.#options.directory, 'data'), copy, { recursive: true });
    const broker = new BrokerProcess({ dataDir: copy, settings: SETTINGS });
    try {
      await broker.start();
      assert.doesNotMatch(broker.stderr, OWN_ERROR);
      const found = await drain(broker.url);
      this.#ledger.audit(found);
      this.#auditTransactions(found);
    } finally {
      await broker.kill();
    }
  }

  #auditTransactions(found: ReadonlyMap<string, readonly Found[]>): void {
    const { token, tokenAsked, groups } = this.#transactions;
    const tokens = found.get('token')!.map(({ id }) => id);
    assert.equal(tokens.length, 1, `there is one token, not ${tokens}`);
    const number = Number(tokens[0]!.split('-')[1]);
    assert(
      number >= token && number <= tokenAsked,
      `the token is ${number}, from ${token} to ${tokenAsked} were committed`,
    );
    this.#transactions.token = number;
    const sizes = new Map<number, number>();
    for (const { id } of found.get('groups')!) {
      const group = Number(id.split('-')[1]);
      sizes.set(group, (sizes.get(group) ?? 0) + 1);
    }
    for (const group of sizes.keys())
      assert(groups.has(group), `group ${group} is there, which was purged or never committed`);
    for (const [group, { size, committed }] of groups) {
      const there = sizes.get(group) ?? 0;
      assert(there === size || (there === 0 && !committed), `${there} of ${size} messages of group ${group} are there`);
      // What is there after a start stays.
      if (there === size) groups.set(group, { size, committed: true });
    }
  }

  #report(): RoundsReport {
    const left = new Set(readdirSync(this.#broker.journal));
    return {
      ...this.#ledger.counts,
      tokens: this.#transactions.token,
      groups: this.#transactions.nextGroup,
      filesRemoved: [...this.#files].filter((name) => !left.has(name)).length,
    };
  }

  async end(): Promise<void> {
    await this.#broker.kill();
  }
}

/** Takes everything that the queues hold, in order. */
async function drain(url: string): Promise<Map<string, Found[]>> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const found = new Map<string, Found[]>();
  for (const name of ALL_QUEUES) found.set(name, []);
  for (const name of ALL_QUEUES) {
    const list = found.get(name)!;
    // The first kills come before there are queues.
    const { messageCount } = await channel.checkQueue(name);
    const all = Promise.withResolvers<void>();
    if (messageCount === 0) continue;
    await channel.consume(
      name,
      (message) => {
        if (message !== null && list.push(foundOf(message)) === messageCount) all.resolve();
      },
      { noAck: true },
    );
    await withDeadline(`${messageCount} messages of ${name}`, all.promise, DRAIN_MS_MAX);
  }
  await connection.close();
  return found;
}
