/**
 * The least that a broker in Node can do, as a yardstick: it accepts the handshake with canned answers, takes publishes apart,
 * copies each message in, copies it out to a consumer and writes; with `--journal` it confirms after a sync. It has no queues,
 * no routing, no credit and no acks, and it trusts its one client, the load generator: everything goes over channel 1.
 *
 *     node bench/floor.ts --port N [--journal FILE] [--fan-out]
 *
 * It prints its port when it listens.
 */

import net from 'node:net';
import { parseArgs } from 'node:util';
import { FrameWriter, methodId } from '../src/perf/frame-writer.ts';
import { FloorJournal } from './floor-journal.ts';
import { copyBytes, FloorLog, LogPage } from './floor-log.ts';

const frameHeaderBytes = 7;
const bodyFrameMax = 131_072 - 8;
const outBufferBytes = 65_536;
/** Room in front of what a socket reads, for the begin of a frame that the chunk before ended in. */
const headroomBytes = 4096;
const protocolHeaderBytes = 8;
/** A consumer's socket takes no more until it has drained, above this. */
const unwrittenMax = 1024 * 1024;
/** Publishers wait above this while somebody consumes: what a queue's limit would do. */
const backlogMax = 8 * 1024 * 1024;

const basicPublish = methodId(60, 40);

class Floor {
  readonly log: FloorLog;
  readonly journal: FloorJournal | null;
  readonly publishers = new Set<FloorConnection>();
  readonly subscriptions: Subscription[] = [];
  readonly readBytes = Buffer.allocUnsafeSlow(headroomBytes + 65_536);
  readonly readView = new DataView(this.readBytes.buffer);
  readonly readChunk = this.readBytes.subarray(headroomBytes);
  readonly #fanOut: boolean;
  #scheduled = false;
  #nextSubscription = 0;
  #fanPage: LogPage | null = null;
  #fanAt = 0;
  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#endOfTurn();
  };

  constructor(journalFile: string | undefined, fanOut: boolean) {
    this.log = new FloorLog(journalFile !== undefined);
    this.journal = journalFile === undefined ? null : new FloorJournal(journalFile, this.log, () => this.#onSynced());
    this.#fanOut = fanOut;
  }

  /** Everything that came in this turn is worked on together, once the loop has read all sockets. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  #endOfTurn(): void {
    if (this.journal) this.#sync(this.journal);
    else for (const publisher of this.publishers) publisher.confirm(publisher.published);
    if (this.#fanOut) this.#dispatchToAll();
    else this.#dispatch();
    if (this.log.backlogBytes > backlogMax && this.subscriptions.length > 0) this.#pause();
    else for (const publisher of this.publishers) publisher.resume();
  }

  #sync(journal: FloorJournal): void {
    if (journal.busy) return;
    for (const publisher of this.publishers) publisher.publishedAtSync = publisher.published;
    journal.sync();
  }

  #onSynced(): void {
    for (const publisher of this.publishers) publisher.confirm(publisher.publishedAtSync);
    this.schedule();
  }

  #dispatch(): void {
    const count = this.subscriptions.length;
    for (let tried = 0; tried < count; tried++) {
      const subscription = this.subscriptions[this.#nextSubscription % count]!;
      this.#nextSubscription++;
      while (subscription.hasRoom) {
        const page = this.log.take();
        if (page === null) {
          subscription.flush();
          return;
        }
        subscription.deliver(page, this.log.takenAt, this.log.takenBytes);
      }
    }
  }

  /** One message to every subscription, then the next; it stops in the middle when a socket is full. */
  #dispatchToAll(): void {
    while (this.subscriptions.length > 0) {
      this.#fanPage ??= this.log.take();
      if (this.#fanPage === null) break;
      for (; this.#fanAt < this.subscriptions.length; this.#fanAt++) {
        const subscription = this.subscriptions[this.#fanAt]!;
        if (!subscription.hasRoom) return;
        subscription.deliver(this.#fanPage, this.log.takenAt, this.log.takenBytes);
      }
      this.#fanPage = null;
      this.#fanAt = 0;
    }
    for (const subscription of this.subscriptions) subscription.flush();
  }

  #pause(): void {
    for (const publisher of this.publishers) publisher.pause();
  }

  /** From the second publisher on, a message that comes in pieces would be torn by the others': they wait aside. */
  addPublisher(connection: FloorConnection): void {
    for (const publisher of this.publishers) publisher.stage();
    this.publishers.add(connection);
  }

  forget(connection: FloorConnection): void {
    this.publishers.delete(connection);
    const kept = this.subscriptions.filter((subscription) => subscription.connection !== connection);
    this.subscriptions.length = 0;
    this.subscriptions.push(...kept);
    this.#fanAt = 0;
  }
}

/** basic.deliver for one consumer tag: a template of which only the delivery tag changes. */
class Subscription {
  readonly connection: FloorConnection;
  readonly #deliver: Buffer;
  readonly #deliverView: DataView;
  readonly #tagAt: number;

  constructor(connection: FloorConnection, consumerTag: string, queue: string) {
    this.connection = connection;
    const frame = new FrameWriter().beginMethod(1, 60, 60).shortString(consumerTag);
    this.#tagAt = frame.size;
    this.#deliver = frame.uint64(0).uint8(0).shortString('').shortString(queue).endFrame().take();
    this.#deliverView = new DataView(this.#deliver.buffer as ArrayBuffer);
  }

  get hasRoom(): boolean {
    return this.connection.hasRoom;
  }

  deliver(page: LogPage, at: number, size: number): void {
    this.#deliverView.setUint32(this.#tagAt + 4, ++this.connection.delivered);
    this.connection.write(this.#deliver, this.#deliverView, 0, this.#deliver.length);
    this.connection.write(page.bytes, page.view, at, size);
  }

  flush(): void {
    this.connection.flush();
  }
}

class FloorConnection {
  delivered = 0;
  published = 0;
  publishedAtSync = 0;
  readonly #floor: Floor;
  readonly #socket: net.Socket;
  #confirms = false;
  #confirmed = 0;
  #greeted = false;
  #carry: Buffer | null = null;
  #carried = 0;
  #copyPage: LogPage | null = null;
  #copyAt = 0;
  #copyLeft = 0;
  #messageBytes = 0;
  #staging: LogPage | null = null;
  #publishes = false;
  #out: LogPage | null = null;
  #free: LogPage[] = [];
  #paused = false;

  constructor(floor: Floor, handle: object) {
    this.#floor = floor;
    // One read buffer for all sockets: Node has that for accepted sockets only by way of their handle.
    const options = { handle, onread: { buffer: floor.readChunk, callback: (size: number) => this.#onChunk(size) } };
    this.#socket = new net.Socket(options as net.SocketConstructorOpts);
    this.#socket.setNoDelay(true);
    this.#socket.on('drain', () => floor.schedule());
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => floor.forget(this));
    this.#socket.resume();
  }

  get hasRoom(): boolean {
    return this.#socket.writableLength < unwrittenMax;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** basic.ack with `multiple` up to message `sequence`, if that is news. */
  confirm(sequence: number): void {
    if (!this.#confirms || sequence === this.#confirmed) return;
    this.#confirmed = sequence;
    this.#socket.write(new FrameWriter().beginMethod(1, 60, 80).uint64(sequence).uint8(1).endFrame().take());
  }

  /** Copies bytes into the open out-buffer; a full one goes to the socket. */
  write(bytes: Buffer, view: DataView, from: number, size: number): void {
    let at = from;
    let left = size;
    while (left > 0) {
      this.#out ??= this.#free.pop() ?? new LogPage(outBufferBytes);
      const count = Math.min(left, outBufferBytes - this.#out.end);
      copyBytes(bytes, view, at, this.#out, this.#out.end, count);
      this.#out.end += count;
      at += count;
      left -= count;
      if (this.#out.end === outBufferBytes) this.flush();
    }
  }

  flush(): void {
    const out = this.#out;
    if (out === null) return;
    this.#out = null;
    this.#socket.write(out.end === outBufferBytes ? out.bytes : out.bytes.subarray(0, out.end), () => {
      out.end = 0;
      this.#free.push(out);
    });
  }

  #onChunk(size: number): boolean {
    const { readBytes, readView } = this.#floor;
    const end = headroomBytes + size;
    let at = headroomBytes - this.#carried;
    if (this.#carried > 0) this.#carry!.copy(readBytes, at, 0, this.#carried);
    if (!this.#greeted) at += this.#greet();
    at = this.#parse(readBytes, readView, at, end);
    this.#carried = end - at;
    if (at < end) {
      this.#carry ??= Buffer.allocUnsafeSlow(headroomBytes);
      readBytes.copy(this.#carry, 0, at, end);
    }
    return true;
  }

  /** The client's protocol header, which is not looked at. */
  #greet(): number {
    this.#greeted = true;
    this.#socket.write(connectionStart);
    return protocolHeaderBytes;
  }

  #parse(bytes: Buffer, view: DataView, from: number, end: number): number {
    let at = this.#copyLeft > 0 ? this.#copyMore(bytes, view, from, end) : from;
    while (at + frameHeaderBytes < end) {
      const type = view.getUint8(at);
      const next = at + frameHeaderBytes + view.getUint32(at + 3) + 1;
      if (next > end) return at;
      if (view.getUint8(next - 1) !== 0xce) throw new Error('a frame with a wrong end');
      if (type === 2) at = this.#takeMessage(bytes, view, at, next, end);
      else {
        if (type === 1) this.#takeMethod(bytes, view, at + frameHeaderBytes);
        at = next;
      }
    }
    return at;
  }

  /** A content header: it and the body frames behind it are copied in as they are; returns the first byte after them. */
  #takeMessage(bytes: Buffer, view: DataView, at: number, bodyAt: number, end: number): number {
    const bodyBytes = view.getUint32(at + 15);
    const framesBytes = bodyBytes + 8 * Math.ceil(bodyBytes / bodyFrameMax);
    const messageBytes = bodyAt - at + framesBytes;
    const messageEnd = at + messageBytes;
    if (messageEnd <= end && bodyBytes > 0 && bodyBytes <= bodyFrameMax) {
      const isWhole = view.getUint8(bodyAt) === 3 && view.getUint32(bodyAt + 3) === bodyBytes;
      if (!isWhole || view.getUint8(messageEnd - 1) !== 0xce) throw new Error('a body that is not its header');
    }
    this.#messageBytes = messageBytes;
    this.#copyLeft = messageBytes;
    if (messageEnd > end && this.#floor.publishers.size > 1) this.#openStaging();
    else this.#openLog();
    return this.#copyMore(bytes, view, at, end);
  }

  #copyMore(bytes: Buffer, view: DataView, at: number, end: number): number {
    const count = Math.min(this.#copyLeft, end - at);
    copyBytes(bytes, view, at, this.#copyPage!, this.#copyAt, count);
    this.#copyAt += count;
    this.#copyLeft -= count;
    if (this.#copyLeft === 0) this.#commit();
    return at + count;
  }

  #openLog(): void {
    this.#copyAt = this.#floor.log.reserve(this.#messageBytes);
    this.#copyPage = this.#floor.log.appendPage;
  }

  #openStaging(): void {
    const size = this.#messageBytes;
    if (this.#staging === null || this.#staging.bytes.length < size) this.#staging = new LogPage(size);
    this.#copyPage = this.#staging;
    this.#copyAt = 0;
  }

  /** Takes a message that came in part aside, out of the log. */
  stage(): void {
    if (this.#copyLeft === 0 || this.#copyPage === this.#staging) return;
    const begun = this.#messageBytes - this.#copyLeft;
    const page = this.#copyPage!;
    const at = this.#copyAt - begun;
    this.#openStaging();
    copyBytes(page.bytes, page.view, at, this.#staging!, 0, begun);
    this.#copyAt = begun;
  }

  #commit(): void {
    if (this.#copyPage === this.#staging) {
      this.#openLog();
      copyBytes(this.#staging!.bytes, this.#staging!.view, 0, this.#copyPage!, this.#copyAt, this.#messageBytes);
    }
    this.#floor.log.commit();
    this.published++;
    this.#floor.schedule();
  }

  #takeMethod(bytes: Buffer, view: DataView, at: number): void {
    const id = view.getUint32(at);
    if (id === basicPublish) {
      if (!this.#publishes) this.#floor.addPublisher(this);
      this.#publishes = true;
    } else if (id === methodId(60, 20)) {
      this.#consume(bytes, at);
    } else {
      if (id === methodId(85, 10)) this.#confirms = true;
      const answer = answers.get(id);
      if (answer) this.#socket.write(answer);
      if (id === methodId(10, 50)) this.#socket.end();
    }
  }

  #consume(bytes: Buffer, at: number): void {
    const queueBytes = bytes[at + 6]!;
    const queue = bytes.toString('latin1', at + 7, at + 7 + queueBytes);
    const tag = `c${this.#floor.subscriptions.length}`;
    this.#socket.write(new FrameWriter().beginMethod(1, 60, 21).shortString(tag).endFrame().take());
    this.#floor.subscriptions.push(new Subscription(this, tag, queue));
    this.#floor.schedule();
  }
}

const connectionStart = method(0, 10, 10, (frame) =>
  frame.uint8(0).uint8(9).table({}).longString('PLAIN').longString('en_US'),
);

/** What a broker would answer, without having done it. */
const answers = new Map<number, Buffer>([
  [methodId(10, 11), method(0, 10, 30, (frame) => frame.uint16(2047).uint32(131_072).uint16(0))],
  [methodId(10, 40), method(0, 10, 41, (frame) => frame.shortString(''))],
  [methodId(10, 50), method(0, 10, 51)],
  [methodId(20, 10), method(1, 20, 11, (frame) => frame.longString(''))],
  [methodId(40, 10), method(1, 40, 11)],
  [methodId(40, 20), method(1, 40, 21)],
  [methodId(50, 10), method(1, 50, 11, (frame) => frame.shortString('floor').uint32(0).uint32(0))],
  [methodId(50, 20), method(1, 50, 21)],
  [methodId(50, 40), method(1, 50, 41, (frame) => frame.uint32(0))],
  [methodId(60, 10), method(1, 60, 11)],
  [methodId(85, 10), method(1, 85, 11)],
]);

function method(channel: number, classId: number, id: number, write: (frame: FrameWriter) => void = () => {}): Buffer {
  const frame = new FrameWriter().beginMethod(channel, classId, id);
  write(frame);
  return frame.endFrame().take();
}

function accept(floor: Floor, accepted: net.Socket): void {
  const socket = accepted as unknown as { _handle: { reading: boolean } | null };
  const handle = socket._handle!;
  socket._handle = null;
  handle.reading = false;
  new FloorConnection(floor, handle);
}

function main(): void {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      journal: { type: 'string' },
      'fan-out': { type: 'boolean', default: false },
    },
  });
  const floor = new Floor(values.journal, values['fan-out']);
  const server = net.createServer({ pauseOnConnect: true }, (socket) => accept(floor, socket));
  server.listen(Number(values.port), '127.0.0.1', () => {
    console.log((server.address() as net.AddressInfo).port);
  });
}

main();
