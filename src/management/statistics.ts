/**
 * What the API knows of the past: figures of queues, channels, connections, vhosts and the node, sampled at a fixed interval.
 *
 * Figures themselves are read where they are counted, at the moment that somebody asks; only rates and graphs come from samples.
 */
import type { Channel } from '../connection/channel.ts';
import { DeliveryCounts } from '../connection/channel-counts.ts';
import type { Connection } from '../connection/connection.ts';
import type { Churn } from '../metrics/churn.ts';
import type { Sampled, Window } from '../metrics/sampled.ts';
import type { DelayLine } from '../queues/delay-line.ts';
import type { Queue } from '../queues/queue.ts';
import type { QueueCounts } from '../queues/queue-totals.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Figures, type FiguresView } from './figures.ts';
import { DELIVERY_COLUMNS, FlowStatistics, readDeliveries } from './flow-statistics.ts';
import { type NodeFigures, readNodeFigures } from './node-figures.ts';
import type { BrokerSources } from './sources.ts';

const LENGTH_COLUMNS = ['messages', 'messages_ready', 'messages_unacknowledged'] as const;
const PUBLISH_COLUMNS = ['publish', 'confirm', 'return_unroutable', 'drop_unroutable'] as const;
const QUEUE_PUBLISH_COLUMNS = ['publish'] as const;
const QUEUE_COLUMNS = [...LENGTH_COLUMNS, ...QUEUE_PUBLISH_COLUMNS, ...DELIVERY_COLUMNS] as const;
const TOTAL_MESSAGE_COLUMNS = [...PUBLISH_COLUMNS, ...DELIVERY_COLUMNS] as const;
const TOTAL_COLUMNS = [...LENGTH_COLUMNS, ...PUBLISH_COLUMNS, ...DELIVERY_COLUMNS] as const;
const CHANNEL_COLUMNS = [...PUBLISH_COLUMNS, ...DELIVERY_COLUMNS] as const;
const DELAY_COLUMNS = ['released', 'unroutable', 'cancelled'] as const;
const CONNECTION_COLUMNS = ['recv_oct', 'send_oct'] as const;
const NODE_COLUMNS = ['mem_used', 'fd_used', 'sockets_used', 'disk_free'] as const;
const CHURN_COLUMNS = [
  'channel_closed',
  'channel_created',
  'connection_closed',
  'connection_created',
  'queue_created',
  'queue_declared',
  'queue_deleted',
] as const;

export interface StatisticsWindows {
  readonly lengths?: Window;
  readonly rates?: Window;
}

export class Statistics {
  readonly #sources: BrokerSources;
  /** Where messages come from and go to; null where that is not counted, or not to be shown. */
  readonly flows: FlowStatistics | null;
  readonly #queues: Figures<Queue>;
  readonly #lines: Figures<DelayLine>;
  readonly #vhosts: Figures<Vhost>;
  readonly #channels: Figures<Channel>;
  readonly #connections: Figures<Connection>;
  readonly #everything: Figures<Statistics>;
  readonly #churn: Figures<Churn>;
  readonly #node: Figures<NodeFigures>;
  readonly #nodeFigures: NodeFigures = { mem_used: 0, fd_used: 0, sockets_used: 0, disk_free: 0 };
  readonly #scratch = new Float64Array(QUEUE_COLUMNS.length);
  readonly #figures: readonly { readonly sampled: Pick<Sampled<object>, 'begin' | 'forget'> }[];
  #totals: Totals = { everything: new Float64Array(TOTAL_COLUMNS.length), vhosts: new Map() };
  #isSampling = false;
  readonly #timer: Timer;

  constructor(sources: BrokerSources) {
    this.#sources = sources;
    const { ratesMode, intervalMs, retention } = sources.statisticsOptions;
    const intervalSeconds = intervalMs / 1000;
    const ofAll = { intervalSeconds, spans: retention.global };
    const ofEach = { intervalSeconds, spans: retention.basic };
    const showsFlows = ratesMode !== 'none' && sources.context.counting !== 'coarse';
    this.flows = showsFlows ? new FlowStatistics(sources, intervalSeconds) : null;
    this.#queues = new Figures(QUEUE_COLUMNS, ofEach, readQueue);
    this.#lines = new Figures(DELAY_COLUMNS, ofEach, readLine);
    this.#vhosts = new Figures(TOTAL_COLUMNS, ofAll, (vhost, into) => {
      into.set(this.#totals.vhosts.get(vhost) ?? NOTHING);
    });
    this.#channels = new Figures(CHANNEL_COLUMNS, ofEach, readChannel);
    this.#connections = new Figures(CONNECTION_COLUMNS, ofEach, readConnection);
    this.#everything = new Figures(TOTAL_COLUMNS, ofAll, (_, into) => into.set(this.#totals.everything));
    this.#churn = new Figures(CHURN_COLUMNS, ofAll, readChurn);
    this.#node = new Figures(NODE_COLUMNS, ofAll, readNode);
    const ofThings = [this.#queues, this.#lines, this.#channels, this.#connections, this.#churn, this.#node];
    this.#figures = [...ofThings, this.#vhosts, this.#everything];
    this.sample();
    this.#timer = sources.context.clock.every(intervalMs, () => this.sample());
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** Takes one sample of everything, in slices; of what is slower than that, the next one is left out. */
  async sample(): Promise<void> {
    if (this.#isSampling) return;
    this.#isSampling = true;
    const { vhosts, context, slices, statisticsOptions } = this.#sources;
    const { intervalMs } = statisticsOptions;
    const atMs = Math.round(context.clock.nowMs() / intervalMs) * intervalMs;
    for (const { sampled } of this.#figures) sampled.begin(atMs);
    this.#churn.sampled.sample([context.churn], atMs);
    readNodeFigures(this.#sources, this.#nodeFigures);
    this.#node.sampled.sample([this.#nodeFigures], atMs);
    await slices.each(vhosts.queues(), (queue) => this.#queues.sampled.sampleOne(queue, atMs));
    await slices.each(vhosts.lines(), (line) => this.#lines.sampled.sampleOne(line, atMs));
    await slices.each(this.#sources.connections(), (connection) => {
      this.#connections.sampled.sampleOne(connection, atMs);
      this.#channels.sampled.sample(connection.channels.values(), atMs);
    });
    await this.flows?.sample(atMs);
    await this.countTotals();
    this.#vhosts.sampled.sample(vhosts.all(), atMs);
    this.#everything.sampled.sample([this], atMs);
    this.#isSampling = false;
  }

  /** To be awaited before what is shown of vhosts and of everything: it is as of then. */
  async countTotals(): Promise<void> {
    const { vhosts, slices } = this.#sources;
    const totals = new Map<Vhost, Float64Array>();
    for (const vhost of vhosts.all()) totals.set(vhost, this.#goneOf(vhost));
    // All that there is at this moment: what goes while it is counted is not among what had gone, and must not be missing.
    const queues = Array.from(totals.keys(), (vhost) => [...vhost.queues.values()]);
    const channels = this.#openChannels();
    for (const [index, into] of [...totals.values()].entries()) {
      await slices.each(queues[index]!, (queue) => this.#addQueue(into, queue));
    }
    await slices.each(channels, (channel) => {
      const into = totals.get(channel.vhost);
      if (into !== undefined) addPublishes(into, channel);
    });
    const everything = new Float64Array(TOTAL_COLUMNS.length);
    for (const into of totals.values()) for (const column of into.keys()) everything[column]! += into[column]!;
    this.#totals = { everything, vhosts: totals };
  }

  #goneOf({ gone }: Vhost): Float64Array {
    const into = new Float64Array(TOTAL_COLUMNS.length);
    this.#addQueue(into, gone.classicQueues);
    this.#addQueue(into, gone.quorumQueues);
    addPublishes(into, gone.channels);
    return into;
  }

  #openChannels(): Channel[] {
    const open: Channel[] = [];
    for (const { channels } of this.#sources.connections()) {
      for (const channel of channels.values()) if (channel.open) open.push(channel);
    }
    return open;
  }

  /** All samples are gone, and the first new one is taken; resolves when it is. */
  async forget(): Promise<void> {
    for (const { sampled } of this.#figures) sampled.forget();
    this.flows?.forget();
    await this.sample();
  }

  // --- what is shown ---

  queueLengths(queue: Queue, windows: StatisticsWindows): FiguresView {
    return this.#queues.view(queue, LENGTH_COLUMNS, windows.lengths);
  }

  /** What is published to it, and what it gives out: each only where there has been any. */
  queueMessages(queue: Queue, windows: StatisticsWindows): FiguresView | undefined {
    if (this.flows === null) return undefined;
    const published = this.#queues.viewUnlessZero(queue, QUEUE_PUBLISH_COLUMNS, windows.rates);
    const delivered = this.#queues.viewUnlessZero(queue, DELIVERY_COLUMNS, windows.rates);
    return published === undefined ? delivered : { ...published, ...delivered };
  }

  delayed(line: DelayLine, windows: StatisticsWindows): FiguresView {
    return this.#lines.view(line, DELAY_COLUMNS, windows.rates);
  }

  vhostLengths(vhost: Vhost, windows: StatisticsWindows): FiguresView {
    return this.#vhosts.view(vhost, LENGTH_COLUMNS, windows.lengths);
  }

  vhostMessages(vhost: Vhost, windows: StatisticsWindows): FiguresView | undefined {
    if (this.flows === null) return undefined;
    return this.#vhosts.viewUnlessZero(vhost, TOTAL_MESSAGE_COLUMNS, windows.rates);
  }

  totalLengths(windows: StatisticsWindows): FiguresView {
    return this.#everything.view(this, LENGTH_COLUMNS, windows.lengths);
  }

  totalMessages(windows: StatisticsWindows): FiguresView | undefined {
    if (this.flows === null) return undefined;
    return this.#everything.viewUnlessZero(this, TOTAL_MESSAGE_COLUMNS, windows.rates);
  }

  /** What it publishes, and what it is delivered: each only where there has been any. */
  channelMessages(channel: Channel, windows: StatisticsWindows): FiguresView | undefined {
    if (this.flows === null) return undefined;
    const published = this.#channels.viewUnlessZero(channel, PUBLISH_COLUMNS, windows.rates);
    const delivered = this.#channels.viewUnlessZero(channel, DELIVERY_COLUMNS, windows.rates);
    return published === undefined ? delivered : { ...published, ...delivered };
  }

  connectionOctets(connection: Connection, window: Window | undefined): FiguresView {
    return this.#connections.view(connection, CONNECTION_COLUMNS, window);
  }

  churn(): FiguresView {
    return this.#churn.view(this.#sources.context.churn, CHURN_COLUMNS, undefined);
  }

  node(window: Window | undefined): FiguresView {
    readNodeFigures(this.#sources, this.#nodeFigures);
    return this.#node.view(this.#nodeFigures, NODE_COLUMNS, window);
  }

  #addQueue(into: Float64Array, queue: CountedQueue): void {
    readQueue(queue, this.#scratch);
    addQueue(into, this.#scratch);
  }
}

/** Sums over queues and channels. */
interface Totals {
  readonly everything: Float64Array;
  readonly vhosts: ReadonlyMap<Vhost, Float64Array>;
}

/** Of a vhost that was made since. */
const NOTHING = new Float64Array(TOTAL_COLUMNS.length);

/** A queue; or what deleted ones had counted, in which nothing lies any more. */
type CountedQueue = QueueCounts & Partial<Pick<Queue, 'readyCount' | 'unackedCount'>>;

function readQueue(queue: CountedQueue, into: Float64Array): void {
  const {
    readyCount = 0,
    unackedCount = 0,
    deliveredTotal,
    deliveredNoAckTotal,
    gottenTotal,
    gottenNoAckTotal,
  } = queue;
  into[0] = readyCount + unackedCount;
  into[1] = readyCount;
  into[2] = unackedCount;
  into[3] = queue.publishedTotal;
  into[4] = deliveredTotal - deliveredNoAckTotal - gottenTotal;
  into[5] = deliveredNoAckTotal - gottenNoAckTotal;
  into[6] = gottenTotal;
  into[7] = gottenNoAckTotal;
  into[8] = queue.gottenEmptyTotal;
  into[9] = queue.redeliveredTotal;
  into[10] = queue.acknowledgedTotal;
  into[11] = deliveredTotal;
}

function readLine({ releasedTotal, unroutableTotal, cancelledTotal }: DelayLine, into: Float64Array): void {
  into[0] = releasedTotal;
  into[1] = unroutableTotal;
  into[2] = cancelledTotal;
}

/** Adds what queues know to totals. */
function addQueue(into: Float64Array, figures: Float64Array): void {
  for (let column = 0; column < LENGTH_COLUMNS.length; column++) into[column]! += figures[column]!;
  const shift = TOTAL_COLUMNS.length - QUEUE_COLUMNS.length;
  for (let column = QUEUE_COLUMNS.indexOf('deliver'); column < QUEUE_COLUMNS.length; column++) {
    into[column + shift]! += figures[column]!;
  }
}

function addPublishes(
  into: Float64Array,
  { publishedTotal, confirmedTotal, returnedTotal, droppedTotal }: Pick<Channel, PublishTotal>,
): void {
  const first = LENGTH_COLUMNS.length;
  into[first]! += publishedTotal;
  into[first + 1]! += confirmedTotal;
  into[first + 2]! += returnedTotal;
  into[first + 3]! += droppedTotal;
}

type PublishTotal = 'publishedTotal' | 'confirmedTotal' | 'returnedTotal' | 'droppedTotal';

function readChannel(channel: Channel, into: Float64Array): void {
  into[0] = channel.publishedTotal;
  into[1] = channel.confirmedTotal;
  into[2] = channel.returnedTotal;
  into[3] = channel.droppedTotal;
  const deliveries = new DeliveryCounts();
  channel.counts?.totalDeliveries(deliveries);
  readDeliveries(deliveries, into, PUBLISH_COLUMNS.length);
}

function readConnection({ receivedBytes, out }: Connection, into: Float64Array): void {
  into[0] = receivedBytes;
  into[1] = out.sentBytes;
}

function readChurn(churn: Churn, into: Float64Array): void {
  into[0] = churn.channelClosed;
  into[1] = churn.channelCreated;
  into[2] = churn.connectionClosed;
  into[3] = churn.connectionCreated;
  into[4] = churn.queueCreated;
  into[5] = churn.queueDeclared;
  into[6] = churn.queueDeleted;
}

function readNode(figures: NodeFigures, into: Float64Array): void {
  NODE_COLUMNS.forEach((name, column) => {
    into[column] = figures[name];
  });
}
