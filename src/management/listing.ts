/**
 * Lists as the API gives them: filtered by name and cut into pages, sorted by any field, with the columns that were asked for.
 *
 * A list of everything may hold tens of thousands of objects, and the same thread serves messages: it is made in slices of
 * a millisecond, with a turn of the event loop between each two.
 */
import { compilePattern, PatternError } from '../auth/pattern.ts';
import { ApiError, badRequest } from './api-error.ts';

export type JsonView = { readonly [name: string]: unknown };

/** A query string: the value of a parameter, or undefined. */
export type Query = (name: string) => string | undefined;

export interface ListOptions<T> {
  readonly query: Query;
  /** What `name` filters; lists without it know no pages, as in RabbitMQ. */
  readonly name?: (item: T) => string;
  readonly view: (item: T) => JsonView;
}

interface Page {
  readonly number: number;
  readonly size: number;
}

const DEFAULT_PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 500;
const SLICE_MS = 1;
/** Texts that are joined at a time. */
const PART_COUNT = 200;
/** The field whose columns are the client's own names: it is given whole. */
const WHOLE_COLUMN = 'arguments';

/** @returns the JSON of the list in UTF-8. @throws ApiError 400 for paging that makes no sense */
export async function listJson<T>(items: Iterable<T>, options: ListOptions<T>): Promise<Buffer> {
  const { query, name, view } = options;
  const page = name === undefined ? undefined : readPage(query);
  const all = [...items];
  const filtered = page === undefined || name === undefined ? all : all.filter(nameFilter(query, name));
  const sort = query('sort');
  const columns = readColumns(query);
  // Unless it is sorted by a field, only what is on the page has to be looked at.
  const needed = sort === undefined && page !== undefined ? pageOf(filtered, page) : filtered;
  let views = await inSlices(needed, view);
  if (sort !== undefined) {
    views = sorted(views, sort, query('sort_reverse') === 'true');
    if (page !== undefined) views = pageOf(views, page);
  } else if (query('sort_reverse') === 'true') views.reverse();
  const list = await encoded(await inSlices(views, (each) => JSON.stringify(withColumns(each, columns))));
  if (page === undefined) return Buffer.concat([Buffer.from('['), list, Buffer.from(']')]);
  const counts = {
    filtered_count: filtered.length,
    item_count: views.length,
    page: page.number,
    page_count: Math.ceil(filtered.length / page.size),
    page_size: page.size,
    total_count: all.length,
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(counts).slice(0, -1)},"items":[`), list, Buffer.from(']}')]);
}

/** The texts with commas between; joined by parts, because one long text holds the thread up. */
async function encoded(texts: readonly string[]): Promise<Buffer> {
  const starts = Array.from({ length: Math.ceil(texts.length / PART_COUNT) }, (_, index) => index * PART_COUNT);
  const parts = await inSlices(starts, (start) => {
    const part = texts.slice(start, start + PART_COUNT).join(',');
    return Buffer.from(start === 0 ? part : `,${part}`);
  });
  return Buffer.concat(parts);
}

/** One object, with the columns that were asked for. */
export function objectJson(view: JsonView, query: Query): string {
  return JSON.stringify(withColumns(view, readColumns(query)));
}

function readPage(query: Query): Page | undefined {
  const number = query('page');
  if (number === undefined) return undefined;
  const size = query('page_size');
  for (const text of [number, size ?? '1']) {
    if (!/^-?\d+$/.test(text)) throw badRequest('Pagination parameters are invalid');
  }
  const page = { number: Number(number), size: size === undefined ? DEFAULT_PAGE_SIZE : Number(size) };
  if (page.number >= 1 && page.size >= 1 && page.size <= LARGEST_PAGE_SIZE) return page;
  const shown = `page number ${page.number}, page size ${size ?? 'undefined'}`;
  throw new ApiError(400, 'invalid_pagination_parameters', `Invalid pagination parameters: ${shown}`);
}

/** @throws ApiError 400 for a page behind the last one; the first is there for an empty list, too */
function pageOf<T>(items: readonly T[], { number, size }: Page): T[] {
  if (number > 1 && (number - 1) * size >= items.length) {
    const text = `Page out of range, page: ${number} page size: ${size}, len: ${items.length}`;
    throw new ApiError(400, 'page_out_of_range', text);
  }
  return items.slice((number - 1) * size, number * size);
}

function nameFilter<T>(query: Query, name: (item: T) => string): (item: T) => boolean {
  const wanted = query('name') ?? '';
  if (wanted === '') return () => true;
  if (query('use_regex') !== 'true') {
    const lower = wanted.toLowerCase();
    return (item) => name(item).toLowerCase().includes(lower);
  }
  try {
    const pattern = compilePattern(`(?i)${wanted}`);
    return (item) => pattern.matches(name(item));
  } catch (error) {
    if (error instanceof PatternError) throw badRequest('Pagination parameters are invalid');
    throw error;
  }
}

async function inSlices<T, R>(items: readonly T[], each: (item: T) => R): Promise<R[]> {
  const made: R[] = [];
  let began = performance.now();
  for (const item of items) {
    made.push(each(item));
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((next) => setImmediate(next));
    began = performance.now();
  }
  return made;
}

/** By one field, in Erlang's order of types; what lacks it comes first, like a zero. */
function sorted(views: readonly JsonView[], field: string, reverse: boolean): JsonView[] {
  const path = field.split('.');
  const keyed = views.map((view) => ({ view, key: valueAt(view, path) }));
  keyed.sort((one, other) => compare(one.key, other.key));
  if (reverse) keyed.reverse();
  return keyed.map(({ view }) => view);
}

function valueAt(view: JsonView, path: readonly string[]): unknown {
  let value: unknown = view;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return 0;
    value = (value as JsonView)[name];
  }
  return value;
}

function compare(one: unknown, other: unknown): number {
  const byType = typeRank(one) - typeRank(other);
  if (byType !== 0) return byType;
  if (typeof one === 'number') return one - (other as number);
  const [left, right] = [textOf(one), textOf(other)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function typeRank(value: unknown): number {
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean' || value === null) return 1;
  return typeof value === 'string' ? 3 : 2;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Paths of names; undefined: all of it. */
function readColumns(query: Query): readonly (readonly string[])[] | undefined {
  const columns = query('columns');
  if (columns === undefined || columns === '') return undefined;
  return columns.split(',').map((column) => column.split('.'));
}

function withColumns(view: JsonView, columns: readonly (readonly string[])[] | undefined): JsonView {
  if (columns === undefined) return view;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(view)) {
    const rests = columns.filter((column) => column[0] === name).map((column) => column.slice(1));
    if (rests.length === 0) continue;
    const isWhole = name === WHOLE_COLUMN || rests.some((rest) => rest.length === 0);
    if (isWhole) kept[name] = value;
    else if (Array.isArray(value)) kept[name] = value.map((each) => (isView(each) ? withColumns(each, rests) : each));
    else if (isView(value)) kept[name] = withColumns(value, rests);
  }
  return kept;
}

function isView(value: unknown): value is JsonView {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
