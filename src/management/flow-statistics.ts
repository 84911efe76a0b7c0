/** Where messages come from and where they go: exchanges, and with `rates_mode` detailed what passes between each two. */
import type { DeliveryCounts, ExchangePublishes } from '../connection/channel-counts.ts';
import type { Window } from '../metrics/sampled.ts';
import type { ExchangeFlow } from '../routing/exchange.ts';
import type { IncomingCount } from '../vhost/vhost.ts';
import { Figures, type FiguresView } from './figures.ts';
import type { BrokerSources } from './sources.ts';

export const DELIVERY_COLUMNS = [
  'deliver',
  'deliver_no_ack',
  'get',
  'get_no_ack',
  'get_empty',
  'redeliver',
  'ack',
  'deliver_get',
] as const;
const EXCHANGE_COLUMNS = ['publish_in', 'publish_out'] as const;
const PUBLISHES_COLUMNS = ['publish', 'confirm', 'return_unroutable', 'drop_unroutable'] as const;
const INCOMING_COLUMNS = ['publish'] as const;

export class FlowStatistics {
  readonly detailed: boolean;
  readonly #sources: BrokerSources;
  readonly #exchanges: Figures<ExchangeFlow>;
  readonly #deliveries: Figures<DeliveryCounts>;
  readonly #publishes: Figures<ExchangePublishes>;
  readonly #incoming: Figures<IncomingCount>;

  /** @param intervalSeconds between two samples */
  constructor(sources: BrokerSources, intervalSeconds: number) {
    this.#sources = sources;
    const { basic, detailed } = sources.statisticsOptions.retention;
    const ofEach = { intervalSeconds, spans: basic };
    const ofPairs = { intervalSeconds, spans: detailed };
    this.detailed = sources.context.counting === 'detailed';
    this.#exchanges = new Figures(EXCHANGE_COLUMNS, ofEach, readFlow);
    this.#deliveries = new Figures(DELIVERY_COLUMNS, ofPairs, (counts, into) => readDeliveries(counts, into, 0));
    this.#publishes = new Figures(PUBLISHES_COLUMNS, ofPairs, readPublishes);
    this.#incoming = new Figures(INCOMING_COLUMNS, ofPairs, ({ published }, into) => {
      into[0] = published;
    });
  }

  /** Brings the counts up to date; to be awaited before they are shown. */
  async carry(): Promise<void> {
    const { slices, connections } = this.#sources;
    await slices.each(connections(), ({ channels }) => {
      for (const { publisher } of channels.values()) publisher.carryCounts();
    });
  }

  async sample(atMs: number): Promise<void> {
    const { slices, vhosts, connections } = this.#sources;
    for (const { sampled } of [this.#exchanges, this.#deliveries, this.#publishes, this.#incoming]) sampled.begin(atMs);
    await this.carry();
    for (const vhost of vhosts.all()) {
      this.#exchanges.sampled.sampleOne(vhost.defaultFlow, atMs);
      await slices.each(vhost.exchanges.values(), ({ flow }) => this.#exchanges.sampled.sampleOne(flow, atMs));
      if (!this.detailed) continue;
      await slices.each(vhost.queues.values(), (queue) => {
        this.#incoming.sampled.sample(vhost.incomingOf(queue).values(), atMs);
      });
    }
    if (!this.detailed) return;
    await slices.each(connections(), ({ channels }) => {
      for (const { counts } of channels.values()) {
        this.#deliveries.sampled.sample(counts?.deliveries().values() ?? [], atMs);
        this.#publishes.sampled.sample(counts?.publishes.values() ?? [], atMs);
      }
    });
  }

  forget(): void {
    for (const { sampled } of [this.#exchanges, this.#deliveries, this.#publishes, this.#incoming]) sampled.forget();
  }

  /** Undefined as long as nothing has come to it. */
  exchange(flow: ExchangeFlow, window: Window | undefined): FiguresView | undefined {
    return this.#exchanges.viewUnlessZero(flow, EXCHANGE_COLUMNS, window);
  }

  deliveries(counts: DeliveryCounts, window: Window | undefined): FiguresView {
    return this.#deliveries.view(counts, DELIVERY_COLUMNS, window);
  }

  publishes(counts: ExchangePublishes, window: Window | undefined): FiguresView {
    return this.#publishes.view(counts, PUBLISHES_COLUMNS, window);
  }

  incoming(count: IncomingCount, window: Window | undefined): FiguresView {
    return this.#incoming.view(count, INCOMING_COLUMNS, window);
  }
}

/** Eight figures, in the order of the columns. @param at where the first one goes */
export function readDeliveries(counts: DeliveryCounts, into: Float64Array, at: number): void {
  const { delivered, deliveredNoAck, gotten, gottenNoAck } = counts;
  into[at] = delivered;
  into[at + 1] = deliveredNoAck;
  into[at + 2] = gotten;
  into[at + 3] = gottenNoAck;
  into[at + 4] = counts.gottenEmpty;
  into[at + 5] = counts.redelivered;
  into[at + 6] = counts.acknowledged;
  into[at + 7] = delivered + deliveredNoAck + gotten + gottenNoAck;
}

function readFlow({ publishedIn, publishedOut }: ExchangeFlow, into: Float64Array): void {
  into[0] = publishedIn;
  into[1] = publishedOut;
}

function readPublishes(publishes: ExchangePublishes, into: Float64Array): void {
  into[0] = publishes.published;
  into[1] = publishes.confirmed;
  into[2] = publishes.returned;
  into[3] = publishes.dropped;
}
