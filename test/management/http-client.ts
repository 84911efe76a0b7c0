/** Asks an HTTP API of RabbitMQ's kind, and brings the answer into a form in which two brokers can be compared. */
import { request as httpRequest } from 'node:http';

export interface ApiCall {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'OPTIONS' | 'PATCH';
  readonly path: string;
  /** Sent as JSON, or as it is where it is a text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `name:password`; null: nobody. */
  readonly user?: string | null;
  /** What of an answer is compared: all of it unless told; of a refusal all of it in any case. */
  readonly compare?: 'shape' | 'status';
  /** What has to be in the answer: until then it is asked again. RabbitMQ takes seconds to show what clients do. */
  readonly until?: (body: unknown) => boolean;
}

export interface ApiReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What JSON.parse() gives; the text itself where it is none; undefined for an empty body. */
  readonly body: unknown;
}

/** @param base such as `http://127.0.0.1:15672` */
export function ask(base: string, call: ApiCall): Promise<ApiReply> {
  const { method, path, body, user = 'guest:guest' } = call;
  const headers: Record<string, string> = { ...call.headers };
  if (user !== null) headers.authorization ??= `Basic ${Buffer.from(user).toString('base64')}`;
  const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  if (payload !== undefined) {
    headers['content-type'] ??= 'application/json';
    headers['content-length'] = String(Buffer.byteLength(payload));
  }
  const { hostname, port } = new URL(base);
  return new Promise((done, failed) => {
    // The path goes out as it is written: URL would take dots and slashes out of it.
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        done({ status: response.statusCode!, headers: response.headers as Record<string, string>, body: parsed(text) });
      });
    });
    request.on('error', failed);
    request.end(payload);
  });
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
