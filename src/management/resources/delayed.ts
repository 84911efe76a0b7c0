/**
 * What waits in x-delayed-message exchanges, and the dead letters that wait in a vhost, which are shown as those of its default
 * exchange. RabbitMQ's plugin has no paths for it. Of the permissions for the exchange,
 *
 *   read        is for looking, as it is for bindings from it
 *   write       for releasing: whoever may publish to it could have published without a delay
 *   configure   for cancelling: whoever may delete it deletes what waits in it, too
 */
import type { Operation } from '../../auth/access.ts';
import { AmqpError } from '../../protocol/errors.ts';
import type { FieldTable } from '../../protocol/field-table.ts';
import {
  cancelOne,
  cancelWaiting,
  purgeWaiting,
  releaseOne,
  releaseWaiting,
  type Selection,
  visitWaiting,
  waitingRecord,
} from '../../queues/delay-control.ts';
import type { DelayLine } from '../../queues/delay-line.ts';
import type { WaitingId } from '../../queues/delay-walk.ts';
import { wantsOf } from '../../vhost/delayed-filter.ts';
import { badRequest, notAuthorised, objectNotFound } from '../api-error.ts';
import type { JsonView } from '../listing.ts';
import { DELAY_FILTER, one, pageOf } from '../reference/doc.ts';
import { RequestBody } from '../request-body.ts';
import {
  type Answer,
  type ApiRequest,
  comparePlacedNames,
  isWithoutStats,
  NO_CONTENT,
  ok,
  paged,
  type Resource,
  shown,
  shownLists,
  vhostOf,
  visibleVhosts,
} from '../resource.ts';
import { delayedView, idIn, idText, waitingView, wholeView } from '../views/delayed.ts';
import { payloadOptions } from '../views/message.ts';
import { windowsOf } from '../windows.ts';

const PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 500;
/** Of a page with a filter, so many are looked at: where few match, there may be less on a page than it has room for. */
const EXAMINED_MOST = 100_000;

export const delayedResources: readonly Resource[] = [
  {
    path: '/api/delayed',
    docs: {
      GET: {
        text: 'Exchanges that delay messages, and how many wait in each; dead letters wait in `amq.default`.',
        gives: pageOf('DelayedExchange'),
        query: ['msg_rates_age', 'msg_rates_incr', 'disable_stats'],
      },
    },
    requires: 'management',
    GET: listLines,
  },
  {
    path: '/api/exchanges/:vhost/:exchange/delayed',
    docs: {
      GET: {
        text: 'What waits in an exchange that delays messages, in the order in which it is due. Read permission.',
        gives: one('DelayedMessages'),
        query: ['page_size', 'after', ...DELAY_FILTER],
      },
      DELETE: {
        text: 'Cancels what waits: all of it, or what a filter lets pass. Configure permission.',
        gives: one('DelayedCancelled'),
        query: [...DELAY_FILTER, 'all'],
      },
    },
    requires: 'management',
    inVhost: true,
    GET: list,
    DELETE: cancelSelected,
  },
  {
    path: '/api/exchanges/:vhost/:exchange/delayed/release',
    docs: {
      POST: {
        text: 'Releases what waits, before its time: all of it, or what a filter lets pass. Write permission.',
        takes: 'DelayedSelection',
        gives: one('DelayedReleased'),
      },
    },
    requires: 'management',
    inVhost: true,
    POST: releaseSelected,
  },
  {
    path: '/api/exchanges/:vhost/:exchange/delayed/:id',
    docs: {
      GET: {
        text: 'A message that waits, with its payload.',
        gives: one('DelayedMessage'),
        query: ['encoding', 'truncate'],
      },
      DELETE: { text: 'Cancels it.' },
    },
    requires: 'management',
    inVhost: true,
    GET: show,
    DELETE: async (request) => {
      if (!(await cancelOne(lineOf(request, 'configure'), idOf(request)))) throw objectNotFound();
      return NO_CONTENT;
    },
  },
  {
    path: '/api/exchanges/:vhost/:exchange/delayed/:id/release',
    docs: { POST: { text: 'Releases it before its time.' } },
    requires: 'management',
    inVhost: true,
    POST: async (request) => {
      if (!(await releaseOne(lineOf(request, 'write'), idOf(request), request.sources.slices))) throw objectNotFound();
      return NO_CONTENT;
    },
  },
];

function listLines(request: ApiRequest): Promise<Answer> {
  const { statistics } = request.sources;
  const windows = windowsOf(request);
  const isWithout = isWithoutStats(request);
  const lines = visibleVhosts(request).flatMap((vhost) => [...vhost.allLines()]);
  const view = (line: DelayLine) => delayedView(line, isWithout ? undefined : statistics.delayed(line, windows));
  return paged(request, lines, ({ name }) => name, view, comparePlacedNames);
}

async function list(request: ApiRequest): Promise<Answer> {
  const line = lineOf(request, 'read');
  const { slices } = request.sources;
  const asked = queryOf(request, ['page_size', 'after']);
  const count = asked.has('page_size') ? asked.count('page_size') : PAGE_SIZE;
  if (count < 1 || count > LARGEST_PAGE_SIZE) throw badRequest(`page_size must be from 1 to ${LARGEST_PAGE_SIZE}`);
  const behind = asked.has('after') ? idIn(asked.text('after')) : undefined;
  if (asked.has('after') && behind === undefined) throw badRequest('after must be the id of a message');
  const { selection } = readFilter(queryOf(request, DELAY_FILTER));
  const messages: JsonView[] = [];
  const from = { ...selection, after: behind ?? selection.after };
  const next = await visitWaiting(line, from, { count, examined: EXAMINED_MOST }, slices, (record) => {
    messages.push(waitingView(record));
  });
  return shownLists(request, {
    messages,
    next: next === null ? null : idText(next),
    page_size: count,
    total_count: line.count,
  });
}

async function show(request: ApiRequest): Promise<Answer> {
  const line = lineOf(request, 'read');
  const options = payloadOptions(queryOf(request, ['encoding', 'truncate']));
  const record = await waitingRecord(line, idOf(request));
  if (record === null) throw objectNotFound();
  return shown(request, wholeView(record, options));
}

async function cancelSelected(request: ApiRequest): Promise<Answer> {
  const line = lineOf(request, 'configure');
  const { slices } = request.sources;
  const { selection, isAll } = chosen(queryOf(request, [...DELAY_FILTER, 'all']));
  const count = isAll ? await purgeWaiting(line, slices) : await cancelWaiting(line, selection, slices);
  return ok({ cancelled: count });
}

async function releaseSelected(request: ApiRequest): Promise<Answer> {
  const line = lineOf(request, 'write');
  const { selection } = chosen(request.body);
  return ok({ released: await releaseWaiting(line, selection, request.sources.slices) });
}

/** @throws ApiError 404; 400 for an exchange that delays nothing; 401 */
function lineOf(request: ApiRequest, operation: Operation): DelayLine {
  const vhost = vhostOf(request);
  const name = request.param('exchange');
  const isDefault = name === '' || name === 'amq.default';
  const exchange = isDefault ? undefined : vhost.exchanges.get(name);
  if (exchange === undefined && !isDefault) throw objectNotFound();
  check(request, vhost.name, name, operation);
  const line = isDefault ? vhost.deadLetterLine : vhost.lines.get(name);
  if (line !== null && line !== undefined) return line;
  throw badRequest(
    `exchange '${name}' delays nothing: its type is ${exchange?.type ?? 'direct'}, not x-delayed-message`,
  );
}

/** @throws ApiError 401 */
function check({ sources, caller }: ApiRequest, vhost: string, exchange: string, operation: Operation): void {
  try {
    sources.context.access(caller.identity, vhost).check('exchange', exchange, operation);
  } catch (error) {
    throw error instanceof AmqpError ? notAuthorised('Access refused.') : error;
  }
}

/** @throws ApiError 404 for what no message has as its id */
function idOf(request: ApiRequest): WaitingId {
  const id = idIn(request.param('id'));
  if (id === undefined) throw objectNotFound();
  return id;
}

// --- which of them ---

interface Chosen {
  readonly selection: Selection;
  /** Nothing limits it. */
  readonly isAll: boolean;
}

/** A filter, or the word that all are meant: a name that is misspelt must not mean all. @throws ApiError 400 */
function chosen(fields: RequestBody): Chosen {
  const filter = readFilter(fields);
  const isAll = fields.flag('all');
  if (filter.isAll === isAll) return filter;
  const names = DELAY_FILTER.join(', ');
  throw badRequest(isAll ? `all is for all messages: leave out ${names}` : `say which messages: ${names}; or all=true`);
}

/** @throws ApiError 400 */
function readFilter(fields: RequestBody): Chosen {
  const routingKey = fields.has('routing_key') ? fields.text('routing_key') : undefined;
  const headers = fields.has('headers') ? readHeaders(fields) : undefined;
  const fromMs = fields.has('due_from') ? fields.count('due_from') : undefined;
  const untilMs = fields.has('due_until') ? fields.count('due_until') : undefined;
  const after = fromMs === undefined ? undefined : { dueAtMs: fromMs, position: -1 };
  const isAll = [routingKey, headers, fromMs, untilMs].every((each) => each === undefined);
  return { selection: { after, untilMs, wants: wantsOf({ routingKey, headers }) }, isAll };
}

/** @throws ApiError 400 */
function readHeaders(fields: RequestBody): FieldTable {
  const headers = fields.table('headers');
  if (headers.size === 0) throw badRequest('headers must name at least one header');
  return headers;
}

/** Parameters of the query, read as fields of a body are. @throws ApiError 400 */
function queryOf(request: ApiRequest, names: readonly string[]): RequestBody {
  const fields: Record<string, unknown> = {};
  for (const name of names) {
    const value = request.query(name);
    if (value !== undefined) fields[name] = name === 'headers' ? parsed(value) : value;
  }
  return new RequestBody(JSON.stringify(fields));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('headers must be an object of JSON');
  }
}
