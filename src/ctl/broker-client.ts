/**
 * A broker's HTTP API, over its control socket or at a URL. Requests of one command go over one connection, one after the other;
 * those that do not wait for one another go over a few.
 * @see docs/http-api.md
 */
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { EXIT, Failure } from './failure.ts';
import { elementsOf } from './json-elements.ts';
import type { Target } from './target.ts';

/** What the API gives for an object. */
// biome-ignore lint/suspicious/noExplicitAny: its fields are those of the path that was asked for
export type Json = any;

/** What the API answers instead of doing what it was asked for. */
export class ApiRefusal extends Error {
  readonly status: number;
  /** In RabbitMQ's words. */
  readonly reason: string;
  /** The kind of refusal, such as `not_found`. */
  readonly error: string | undefined;

  constructor(status: number, reason: string, error?: string) {
    super(`${status} ${reason}`);
    this.name = 'ApiRefusal';
    this.status = status;
    this.reason = reason;
    this.error = error;
  }
}

type Headers = Readonly<Record<string, string>>;

/** A command that asks for many things may ask for so many of them before the first one is answered. */
export const REQUESTS_AT_ONCE = 8;

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

  /** @throws ApiRefusal; Failure when there is no answer; so do the others */
  get(path: string): Promise<Json> {
    return this.#json('GET', path);
  }

  /** A check of health. @returns null while all is well; otherwise what is not, which is answered with 503 */
  async check(path: string): Promise<Json | null> {
    const response = await this.#response('GET', path);
    const { statusCode: status } = response;
    if (status! >= 400 && status !== 503) throw await this.#refusal(response);
    const found = parsed(await this.#text(response));
    if (found.error !== undefined) throw new ApiRefusal(status!, words(found.reason), found.error);
    return status === 503 ? found : null;
  }

  put(path: string, body: object = {}): Promise<Json> {
    return this.#json('PUT', path, JSON.stringify(body));
  }

  /** @param body an object, or what is JSON already */
  post(path: string, body: object | string = {}): Promise<Json> {
    return this.#json('POST', path, typeof body === 'string' ? body : JSON.stringify(body));
  }

  delete(path: string, headers: Headers = {}): Promise<Json> {
    return this.#json('DELETE', path, undefined, headers);
  }

  /** The objects of a list, each as soon as it is here: the list may be longer than what fits into memory. */
  async *list(path: string): AsyncIterable<Json> {
    try {
      yield* elementsOf(this.octets(path));
    } catch (error) {
      throw error instanceof SyntaxError ? noApi(error) : error;
    }
  }

  /** What is answered to GET, as it comes. */
  async *octets(path: string): AsyncIterable<Buffer> {
    const response = await this.#response('GET', path);
    if (response.statusCode! >= 400) throw await this.#refusal(response);
    yield* this.#received(response);
  }

  close(): void {
    this.#agent?.destroy();
  }

  async #json(method: string, path: string, body?: string, headers: Headers = {}): Promise<Json> {
    const response = await this.#response(method, path, body, headers);
    if (response.statusCode! >= 400) throw await this.#refusal(response);
    const text = await this.#text(response);
    return text === '' ? undefined : parsed(text);
  }

  async #response(method: string, path: string, body?: string, headers: Headers = {}): Promise<IncomingMessage> {
    this.#open ??= await this.#opener();
    const open = this.#open;
    const { basePath, authorization } = this.#target;
    const all = {
      ...headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...(authorization === null ? {} : { authorization }),
    };
    try {
      return await new Promise((done, failed) => {
        const sent = open({ method, path: `${basePath}/api/${path}`, headers: all, signal: this.#signal });
        sent.once('response', done).once('error', failed).end(body);
      });
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async *#received(response: IncomingMessage): AsyncIterable<Buffer> {
    try {
      yield* response;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async #text(response: IncomingMessage): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of this.#received(response)) parts.push(part);
    return Buffer.concat(parts).toString();
  }

  async #refusal(response: IncomingMessage): Promise<ApiRefusal> {
    const text = await this.#text(response);
    const { reason, error } = text === '' ? {} : parsed(text);
    return new ApiRefusal(
      response.statusCode!,
      reason === undefined ? reasonOf(response.statusCode!) : words(reason),
      error,
    );
  }

  #broken(error: unknown): unknown {
    return this.#signal.aborted ? error : this.#target.unreachable(error as Error);
  }

  async #opener(): Promise<(options: RequestOptions) => ClientRequest> {
    const { protocol, address } = this.#target;
    const http = protocol === 'https:' ? await import('node:https') : { Agent, request };
    const agent = new http.Agent({ keepAlive: true, maxSockets: REQUESTS_AT_ONCE });
    this.#agent = agent;
    return (options) => http.request({ ...address, ...options, agent });
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw noApi(error);
  }
}

function noApi(cause: unknown): Failure {
  return new Failure(EXIT.software, 'Error: what answers there is no HTTP API of a broker', { cause });
}

/** Some reasons are terms, which RabbitMQ writes as lists. */
function words(reason: Json): string {
  return Array.isArray(reason) ? reason.map(words).join(': ') : String(reason);
}

/** Where the answer gives none. */
function reasonOf(status: number): string {
  if (status !== 401) return `HTTP status ${status}`;
  return 'there is none; --url takes http://USER:PASSWORD@HOST:PORT';
}
