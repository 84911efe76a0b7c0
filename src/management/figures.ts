/** The figures of one kind of thing: what they are called, how they are read, and their samples. */
import { type Details, type ReadFigures, Sampled, type SampleSpan, type Window } from '../metrics/sampled.ts';

/** Figures by name, and beside each the rate: `publish`, `publish_details`. */
export type FiguresView = { readonly [name: string]: number | Details };

/** When samples are taken, and how long they are kept. */
export interface SampleTimes {
  readonly intervalSeconds: number;
  readonly spans: readonly SampleSpan[];
}

/** Where a figure is found, and what it is called. */
interface FigureField {
  readonly name: string;
  readonly details: string;
  readonly column: number;
}

export class Figures<T extends object> {
  readonly sampled: Sampled<T>;
  readonly #columns: readonly string[];
  readonly #read: ReadFigures<T>;
  readonly #now: Float64Array;
  readonly #fields = new Map<readonly string[], readonly FigureField[]>();

  constructor(columns: readonly string[], times: SampleTimes, read: ReadFigures<T>) {
    this.sampled = new Sampled<T>({ width: columns.length, read, ...times, startsAtZero: false });
    this.#columns = columns;
    this.#read = read;
    this.#now = new Float64Array(columns.length);
  }

  view(item: T, names: readonly string[], window: Window | undefined): FiguresView {
    this.#read(item, this.#now);
    return this.#viewNow(item, names, window);
  }

  /** Undefined while all of them are zero: RabbitMQ leaves such figures out. */
  viewUnlessZero(item: T, names: readonly string[], window: Window | undefined): FiguresView | undefined {
    this.#read(item, this.#now);
    const isAny = this.#fieldsOf(names).some(({ column }) => this.#now[column]! > 0);
    return isAny ? this.#viewNow(item, names, window) : undefined;
  }

  #viewNow(item: T, names: readonly string[], window: Window | undefined): FiguresView {
    const view: Record<string, number | Details> = {};
    for (const { name, details, column } of this.#fieldsOf(names)) {
      view[name] = this.#now[column]!;
      view[details] = this.sampled.details(item, column, window);
    }
    return view;
  }

  /** Worked out once for each list of names: listings ask for the same ones thousands of times. */
  #fieldsOf(names: readonly string[]): readonly FigureField[] {
    let fields = this.#fields.get(names);
    if (fields === undefined) {
      fields = names.map((name) => ({ name, details: `${name}_details`, column: this.#columns.indexOf(name) }));
      this.#fields.set(names, fields);
    }
    return fields;
  }
}
