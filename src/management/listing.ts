/**
 * Lists as the API gives them: filtered by name and cut into pages, sorted by any field, with the columns that were asked for.
 *
 * A list of everything may hold tens of thousands of objects, and the same thread serves messages: it is made in slices, and
 * what is done is sent while the rest is made. What changes meanwhile is shown as it is when its turn comes.
 */
import { compilePattern, PatternError } from '../auth/pattern.ts';
import type { Slices } from '../runtime/slices.ts';
import { ApiError, badRequest } from './api-error.ts';

export type JsonView = { readonly [name: string]: unknown };

/** A query string: the value of a parameter, or undefined. */
export type Query = (name: string) => string | undefined;

/** JSON in UTF-8: whole, or where there is much of it in parts, as they are made. */
export type Json = Buffer | AsyncIterable<Buffer>;

export interface ListOptions<T> {
  readonly query: Query;
  readonly slices: Slices;
  /** What `name` filters; lists without it know no pages, as in RabbitMQ. */
  readonly name?: ((item: T) => string) | undefined;
  /** Of what is not sorted by a field; left out where they come in it. */
  readonly order?: ((one: T, other: T) => number) | undefined;
  readonly view: (item: T) => JsonView;
}

interface Page {
  readonly number: number;
  readonly size: number;
}

/** The fields that were asked for, and what of each: null is all of it. */
type Columns = Map<string, Columns | null>;

const DEFAULT_PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 500;
/** As many may be kept until all are there. */
const PARTS_AT_ONCE = 4;
/** The field whose columns are the client's own names: it is given whole. */
const WHOLE_COLUMN = 'arguments';

/** @throws ApiError 400 for paging that makes no sense */
export async function listJson<T>(items: Iterable<T>, options: ListOptions<T>): Promise<Json> {
  const { query, slices, name, view } = options;
  const page = name === undefined ? undefined : readPage(query);
  const filter = page === undefined || name === undefined ? null : nameFilter(query, name);
  const all = await slices.collected(items);
  const filtered = filter === null ? all : await slices.filtered(all, filter);
  const shown = await shownItems(filtered, page, options);
  const columns = readColumns(query);
  const pieces = listPieces(shown, view, columns);
  if (page === undefined) return jsonOf(pieces, slices);
  const counts = {
    filtered_count: filtered.length,
    item_count: shown.length,
    page: page.number,
    page_count: Math.ceil(filtered.length / page.size),
    page_size: page.size,
    total_count: all.length,
  };
  return jsonOf(pagePieces(counts, pieces), slices);
}

/** What is on the page, in order. Unless it is sorted by a field, nothing else has to be looked at. */
async function shownItems<T>(
  items: readonly T[],
  page: Page | undefined,
  { query, slices, order, view }: ListOptions<T>,
): Promise<readonly T[]> {
  const sort = query('sort');
  const isReverse = query('sort_reverse') === 'true';
  const ordered = order === undefined ? items : await slices.sorted(items, order);
  if (sort === undefined) {
    const shown = page === undefined ? ordered : pageOf(ordered, page);
    return isReverse ? shown.toReversed() : shown;
  }
  const sorted = await sortedByField(ordered, slices, sort, view);
  if (isReverse) sorted.reverse();
  return page === undefined ? sorted : pageOf(sorted, page);
}

/** By one field, in Erlang's order of types; what lacks it comes first, like a zero. */
async function sortedByField<T>(
  items: readonly T[],
  slices: Slices,
  field: string,
  view: (item: T) => JsonView,
): Promise<T[]> {
  const path = field.split('.');
  const keyed: { readonly item: T; readonly key: unknown }[] = [];
  await slices.each(items, (item) => keyed.push({ item, key: valueAt(view(item), path) }));
  const sorted = await slices.sorted(keyed, (one, other) => compare(one.key, other.key));
  return sorted.map(({ item }) => item);
}

function* pagePieces(counts: object, items: Iterable<string>): Iterable<string> {
  yield `${JSON.stringify(counts).slice(0, -1)},"items":`;
  yield* items;
  yield '}';
}

function* listPieces<T>(items: Iterable<T>, view: (item: T) => JsonView, columns: Columns | null): Iterable<string> {
  let before = '[';
  for (const item of items) {
    yield before + JSON.stringify(withColumns(view(item), columns));
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** What is made in one slice is a part. */
async function* partsOf(pieces: Iterable<string>, slices: Slices): AsyncGenerator<Buffer> {
  let texts: string[] = [];
  if (slices.isOver) await slices.next();
  for (const piece of pieces) {
    texts.push(piece);
    if (!slices.isOver) continue;
    yield Buffer.from(texts.join(''));
    texts = [];
    await slices.next();
  }
  yield Buffer.from(texts.join(''));
}

/** What is short is one buffer: its length stands in front of it then. */
async function jsonOf(pieces: Iterable<string>, slices: Slices): Promise<Json> {
  const parts = partsOf(pieces, slices);
  const first: Buffer[] = [];
  while (first.length < PARTS_AT_ONCE) {
    const { value, done } = await parts.next();
    if (done === true) return Buffer.concat(first);
    first.push(value);
  }
  return behind(first, parts);
}

async function* behind(first: readonly Buffer[], parts: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  yield* first;
  yield* parts;
}

/** One object, with the columns that were asked for. */
export function objectJson(view: JsonView, query: Query): string {
  return JSON.stringify(withColumns(view, readColumns(query)));
}

/** An object that has lists among its fields, say generators, with the columns that were asked for. */
export function listsJson(fields: JsonView, query: Query, slices: Slices): Promise<Json> {
  return jsonOf(fieldPieces(fields, readColumns(query)), slices);
}

function* fieldPieces(fields: JsonView, columns: Columns | null): Iterable<string> {
  let before = '{';
  for (const [name, value] of Object.entries(fields)) {
    const inside = columns === null ? null : columns.get(name);
    const isScalar = typeof value !== 'object' || value === null;
    if (inside === undefined || (isScalar && inside !== null)) continue;
    yield `${before}${JSON.stringify(name)}:`;
    if (isScalar) yield JSON.stringify(value);
    else yield* listPieces(value as Iterable<JsonView>, (each) => each, inside);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
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

/** Null: all of it. */
function readColumns(query: Query): Columns | null {
  const text = query('columns');
  if (text === undefined || text === '') return null;
  const columns: Columns = new Map();
  for (const column of text.split(',')) addColumn(columns, column.split('.'));
  return columns;
}

function addColumn(columns: Columns, [name, ...rest]: readonly string[]): void {
  const inside = columns.get(name!);
  if (inside === null) return;
  if (rest.length === 0 || name === WHOLE_COLUMN) {
    columns.set(name!, null);
    return;
  }
  const own: Columns = inside ?? new Map();
  columns.set(name!, own);
  addColumn(own, rest);
}

function withColumns(view: JsonView, columns: Columns | null): JsonView {
  if (columns === null) return view;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(view)) {
    const inside = columns.get(name);
    if (inside === undefined) continue;
    if (inside === null) kept[name] = value;
    else if (Array.isArray(value)) kept[name] = value.map((each) => (isView(each) ? withColumns(each, inside) : each));
    else if (isView(value)) kept[name] = withColumns(value, inside);
  }
  return kept;
}

function isView(value: unknown): value is JsonView {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
