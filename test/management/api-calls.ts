/** Calls of the HTTP API in few words. */
import type { ApiCall } from './http-client.ts';

export type Method = ApiCall['method'];

export function call(method: Method, path: string, body?: unknown, rest: Partial<ApiCall> = {}): ApiCall {
  return { method, path: `/api/${path}`, ...(body === undefined ? {} : { body }), ...rest };
}

export const get = (path: string, rest?: Partial<ApiCall>) => call('GET', path, undefined, rest);
export const put = (path: string, body?: unknown, rest?: Partial<ApiCall>) => call('PUT', path, body, rest);
export const post = (path: string, body?: unknown, rest?: Partial<ApiCall>) => call('POST', path, body, rest);
export const del = (path: string, rest?: Partial<ApiCall>) => call('DELETE', path, undefined, rest);

/** For the default exchange, and the queue `q1`. */
export const message = { properties: {}, routing_key: 'q1', payload: 'hello', payload_encoding: 'string' };
