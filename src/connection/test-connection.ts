/**
 * A connection of a broker without its sockets, for tests: octets go in where a test says, what is sent is kept, and a turn
 * ends when the test ends it.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Accounts } from '../auth/accounts.ts';
import { AccountAuthenticator } from '../auth/login.ts';
import { hashPassword } from '../auth/passwords.ts';
import { Permissions } from '../auth/permissions.ts';
import { SaslMechanisms } from '../auth/sasl.ts';
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts';
import { bootstrap } from '../metadata/bootstrap.ts';
import { openMemoryStore } from '../metadata/memory-store.ts';
import type { Change, MetadataStore } from '../metadata/port.ts';
import { AuthAttempts } from '../metrics/auth-attempts.ts';
import { Churn } from '../metrics/churn.ts';
import { DelayMover } from '../queues/delay-mover.ts';
import { systemDisk } from '../runtime/disk.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { MessageStore } from '../storage/message-store.ts';
import { PlainSegmentWriter } from '../storage/segment-writer.ts';
import { Vhosts } from '../vhost/vhosts.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext } from './context.ts';
import { LateReturns } from './late-returns.ts';
import { ChunkPool } from './out-buffer.ts';
import { Pids } from './pids.ts';
import { ReplyTargets } from './reply-targets.ts';
import { serverProperties } from './server-properties.ts';
import { Turn } from './turn.ts';

/** Takes everything at once, and keeps it. */
class TestSocket extends EventEmitter {
  readonly sent: Buffer[] = [];
  readonly writableHighWaterMark = 65_536;
  readonly writableLength = 0;
  destroyed = false;
  /** False while the connection does not want to be given more. */
  isReading = true;

  write(bytes: Buffer, written?: () => void): boolean {
    this.sent.push(Buffer.from(bytes));
    written?.();
    return true;
  }

  pause(): void {
    this.isReading = false;
  }

  resume(): void {
    this.isReading = true;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

/** A broker in memory with the user guest; every connection of it is a TestConnection. */
export class TestBroker {
  readonly clock = new TestClock();
  readonly turn = new Turn(this.clock);
  readonly logged: string[] = [];
  readonly context: ConnectionContext;
  readonly #limits: Limits;

  private constructor(metadata: MetadataStore, limits: Partial<Limits>) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.context = this.#newContext(metadata);
  }

  static async start(limits: Partial<Limits> = {}): Promise<TestBroker> {
    const metadata = openMemoryStore({ clusterName: 'test' });
    const user = {
      name: 'guest',
      passwordHash: hashPassword('guest'),
      hashing: 'sha256',
      tags: [],
      limits: {},
    } as const;
    await bootstrap(metadata, { vhost: '/', user, permissions: { configure: '.*', write: '.*', read: '.*' } });
    return new TestBroker(metadata, limits);
  }

  #newContext(metadata: MetadataStore): ConnectionContext {
    const { clock, turn } = this;
    const log = createLog('warning', (line) => this.logged.push(line));
    const nothing = { onDurable: () => undefined, onTrouble: () => undefined, onRelief: () => undefined };
    const memory = { journalFileBytes: 0, memoryLimitBytes: Infinity, unwrittenLimitBytes: Infinity };
    const store = new MessageStore(
      { directory: null, disk: systemDisk, clock, log, fdatasync: false, ...memory },
      nothing,
      { visitLive: () => undefined, marks: () => new Map() },
    );
    turn.store = store;
    const propose = (change: Change) => metadata.propose([change], () => undefined);
    const churn = new Churn();
    const lateReturns = new LateReturns();
    const vhosts = new Vhosts({
      nodeName: 'node',
      store,
      clock,
      log,
      churn,
      counting: 'fine',
      giveBack: (address, message) => lateReturns.giveBack(address, message),
      wake: (queue) => turn.wake(queue),
      delays: {
        disk: systemDisk,
        damage: null,
        files: null,
        mover: new DelayMover(new PlainSegmentWriter(systemDisk)),
        segmentBytes: Infinity,
        turn,
      },
      turnMs: () => turn.nowMs,
      unused: ({ vhost, name }) => propose({ kind: 'delete-queue', vhost, name }),
      exchangeUnused: (vhost, { name }) => propose({ kind: 'delete-exchange', vhost: vhost.name, name }),
    });
    vhosts.restore(metadata.snapshot());
    metadata.follow((change) => vhosts.apply(change));
    const accounts = new Accounts(metadata);
    const permissions = new Permissions(accounts, log);
    const connections = { ofUser: () => 0, ofVhost: () => 0, channelsOfUser: () => 0 };
    const mechanisms = new SaslMechanisms();
    return {
      clock,
      log,
      turn,
      store,
      metadata,
      limits: this.#limits,
      chunks: new ChunkPool(),
      replyTargets: new ReplyTargets(),
      lateReturns,
      pids: new Pids('node', 0),
      lifecycle: null,
      churn,
      authAttempts: new AuthAttempts(),
      counting: 'fine',
      serverProperties: serverProperties(metadata.clusterName),
      authenticator: new AccountAuthenticator(accounts, { mechanisms, loopbackUsers: ['guest'], connections }),
      queueRecord: (queue) => vhosts.recordOf(queue),
      vhost: (name) => vhosts.get(name),
      access: (identity, vhost) => permissions.access(identity, vhost),
      alarm: () => null,
    };
  }

  propose(change: Change): void {
    this.context.metadata.propose([change], (error) => {
      if (error !== null) throw error;
    });
  }

  connect(): TestConnection {
    return new TestConnection(this);
  }
}

export class TestConnection {
  readonly connection: Connection;
  readonly #broker: TestBroker;
  readonly #socket = new TestSocket();

  constructor(broker: TestBroker) {
    this.#broker = broker;
    const socket = this.#socket as unknown as Socket;
    this.connection = new Connection(broker.context, socket, '127.0.0.1', { closed: () => undefined });
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Gives it octets, in pieces that end at the offsets of `cuts`. The buffer is overwritten behind it, as a socket's is. */
  receive(bytes: Buffer, cuts: readonly number[] = []): void {
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      if (to <= from || this.isClosed) continue;
      const piece = Buffer.from(bytes.subarray(from, to));
      this.connection.receive(piece, piece.length);
      piece.fill(0xaa);
      from = to;
    }
  }

  /** The client's socket is gone. */
  vanish(): void {
    this.#socket.destroy();
  }

  /** Ends the turn. @returns all that has been sent since the last time */
  endTurn(): Buffer {
    this.#broker.turn.run();
    return Buffer.concat(this.#socket.sent.splice(0));
  }
}
