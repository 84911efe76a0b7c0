/**
 * A broker's HTTP API, over its control socket or at a URL. Requests of one command go over one connection, one after the other.
 * @see docs/http-api.md
 */
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { EXIT, Failure } from './failure.ts';
import type { Target } from './target.ts';

/** What the API gives for an object. */
// biome-ignore lint/suspicious/noExplicitAny: its fields are those of the path that was asked for
export type Json = any;

/** What the API answers instead of doing what it was asked for. */
export class ApiRefusal extends Error {
  readonly status: number;
  /** In RabbitMQ's words. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(`${status} ${reason}`);
    this.name = 'ApiRefusal';
    this.status = status;
    this.reason = reason;
  }
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** Objects of a long list that are read at a time: the most that RabbitMQ's API gives. */
const PAGE_SIZE = 500;
/** A page, the one before it, and both of them again. */
const RECENT_PAGES = 3;

export class BrokerClient {
  readonly #target: Target;
  readonly #signal: AbortSignal;
  #open: ((options: RequestOptions) => ClientRequest) | null = null;
  #agent: Agent | null = null;

  /** @param signal ends what is being waited for */
  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  get(path: string): Promise<Json> {
    return this.#json('GET', path);
  }

  put(path: string, body: object = {}): Promise<Json> {
    return this.#json('PUT', path, body);
  }

  post(path: string, body: object = {}): Promise<Json> {
    return this.#json('POST', path, body);
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Json> {
    return this.#json('DELETE', path, undefined, headers);
  }

  /**
   * A long list, page by page. Where objects went meanwhile the later ones have moved up, some of them to the page before: that
   * is read again then, and what was given already is left out.
   * @param key what tells one object from another
   */
  async *pages(path: string, columns: readonly string[], key: (object: Json) => string): AsyncIterable<Json> {
    const recent: ReadonlySet<string>[] = [];
    let count = 0;
    for (let page = 1, pageCount = 1; page <= pageCount; page++) {
      const read = await this.#page(`${path}?page=${page}&page_size=${PAGE_SIZE}&columns=${columns}`, page);
      if (read === null) return;
      for (const object of read.items) if (!recent.some((keys) => keys.has(key(object)))) yield object;
      recent.unshift(new Set(read.items.map(key)));
      recent.splice(RECENT_PAGES);
      if (page > 1 && read.total_count < count) page -= 2;
      count = read.total_count;
      pageCount = read.page_count;
    }
  }

  /** Null when the list has become too short to have it. */
  async #page(path: string, page: number): Promise<Json> {
    try {
      return await this.get(path);
    } catch (error) {
      if (page > 1 && error instanceof ApiRefusal && error.reason.startsWith('Page out of range')) return null;
      throw error;
    }
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** @throws ApiRefusal; Failure when there is no answer */
  async #json(method: Method, path: string, body?: object, headers = {}): Promise<Json> {
    const { status, text } = await this.#exchange(method, path, body, headers);
    const json = text === '' ? undefined : parsed(text);
    if (status >= 400) throw new ApiRefusal(status, reasonIn(json) ?? `HTTP status ${status}`);
    return json;
  }

  async #exchange(
    method: Method,
    path: string,
    body: object | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string }> {
    this.#open ??= await this.#opener();
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const type = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': sent.length };
    const { basePath, authorization } = this.#target;
    const all = { ...headers, ...type, ...(authorization === null ? {} : { authorization }) };
    const open = this.#open;
    try {
      const response = await new Promise<IncomingMessage>((done, failed) => {
        const request = open({ method, path: `${basePath}/api/${path}`, headers: all, signal: this.#signal });
        request.once('response', done).once('error', failed).end(sent);
      });
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      return { status: response.statusCode!, text: Buffer.concat(parts).toString() };
    } catch (error) {
      throw this.#signal.aborted ? error : this.#target.unreachable(error as Error);
    }
  }

  async #opener(): Promise<(options: RequestOptions) => ClientRequest> {
    const { protocol, address } = this.#target;
    const http = protocol === 'https:' ? await import('node:https') : { Agent, request };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.#agent = agent;
    return (options) => http.request({ ...address, ...options, agent });
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(EXIT.software, 'Error: what answers there is no HTTP API of a broker', { cause: error });
  }
}

function reasonIn(json: Json): string | undefined {
  const reason = json?.reason;
  if (reason === undefined) return undefined;
  return typeof reason === 'string' ? reason : JSON.stringify(reason);
}
