/** /api/operate: the log while the broker runs. */
import { LOG_CATEGORIES, LOG_LEVELS, type LogCategory, type LogLevel } from '../../runtime/log.ts';
import { type LogCursor, lastLines, linesSince, readCursor, writtenCursor } from '../../runtime/log-reading.ts';
import { badRequest } from '../api-error.ts';
import { one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, NO_CONTENT, ok, type Resource } from '../resource.ts';

const DEFAULT_LINES = 50;

export const operateLogResources: readonly Resource[] = [
  {
    path: '/api/operate/log',
    docs: {
      GET: {
        text: 'The last lines of the log file, or with `since` those after what was read before.',
        gives: one('LogLines'),
        query: ['lines', 'since'],
      },
    },
    requires: 'administrator',
    whileStopped: true,
    GET: read,
  },
  {
    path: '/api/operate/log/level',
    docs: {
      PUT: { text: 'How much is logged, of a category or of all, until the broker stops.', takes: 'NewLogLevel' },
    },
    requires: 'administrator',
    PUT: setLevel,
  },
  {
    path: '/api/operate/log/rotate',
    docs: { POST: { text: 'Begins new log files.', takes: 'Nothing' } },
    requires: 'administrator',
    POST: ({ sources }) => {
      sources.logs.rotate();
      return NO_CONTENT;
    },
  },
];

/** @throws ApiError 400 where the log has no file */
async function read({ sources, query }: ApiRequest): Promise<Answer> {
  const [path] = sources.logs.files;
  if (path === undefined) return ok({ lines: [], cursor: null });
  const since = query('since');
  const { lines, cursor } = await (since === undefined
    ? lastLines(path, lineCount(query))
    : linesSince(path, cursorIn(since)));
  return ok({ lines, cursor: writtenCursor(cursor) });
}

function lineCount(query: ApiRequest['query']): number {
  const text = query('lines') ?? String(DEFAULT_LINES);
  if (!/^\d+$/.test(text)) throw badRequest('lines is to be a number from 0 up');
  return Number(text);
}

function cursorIn(text: string): LogCursor {
  const cursor = readCursor(text);
  if (cursor === null) throw badRequest('since is to be the cursor of an earlier answer');
  return cursor;
}

function setLevel({ sources, body }: ApiRequest): Answer {
  body.require('level');
  const level = body.text('level') as LogLevel;
  if (!LOG_LEVELS.includes(level)) throw badRequest(`level is to be one of ${LOG_LEVELS.join(', ')}`);
  const category = body.has('category') ? body.text('category') : undefined;
  const categories: readonly string[] = ['default', ...LOG_CATEGORIES];
  if (category !== undefined && !categories.includes(category)) {
    throw badRequest(`category is to be one of ${categories.join(', ')}`);
  }
  sources.logs.setLevel(level, category as LogCategory | undefined);
  return NO_CONTENT;
}
