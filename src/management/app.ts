/**
 * From an HTTP request to the resource that it names, in the order in which RabbitMQ decides:
 * the method, who asks, whether the vhost is there and open, whether the tags allow it, what kind of body it is; then the work.
 */
import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import type { Identity } from '../auth/access.ts';
import { PatternError } from '../auth/pattern.ts';
import { ActingStore } from '../metadata/acting-store.ts';
import { MetadataError } from '../metadata/port.ts';
import { MaskedSecretError } from '../metadata/uri-secrets.ts';
import { AmqpError } from '../protocol/errors.ts';
import { ApiError, appStopped, badRequest, foreignPage, notOurs, objectNotFound } from './api-error.ts';
import { Caller } from './caller.ts';
import { packed, takesGzip } from './compression.ts';
import { corsHeaders, isForeignChange } from './cors.ts';
import { ChannelClosed } from './direct-channel.ts';
import { type HttpOptions, headerFields } from './http-options.ts';
import { RequestBody } from './request-body.ts';
import { type Answer, type ApiRequest, checkVhost, type HttpMethod, METHODS, type Resource } from './resource.ts';
import type { ManagementSources } from './sources.ts';

const RABBITMQADMIN = '/cli/rabbitmqadmin';
const REALM = 'Basic realm="RabbitMQ Management"';
const JSON_TYPE = 'application/json';
const HTML_TYPE = 'text/html; charset=utf-8';
const NOBODY: Identity = { user: '', tags: [] };

/** Who sends a request with these. Null: somebody who has not said so. @throws ApiError 401 */
export type Asked = (from: { readonly authorization: string | undefined; readonly peer: string }) => Identity | null;

export interface AppOptions extends Desk {
  readonly resources: readonly Resource[];
}

/** What requests are answered with. */
interface Desk {
  /** Of the application that runs now, or ran last. */
  readonly sources: () => ManagementSources;
  readonly options: HttpOptions;
  readonly whoAsks: Asked;
}

export function managementApp({ resources, ...desk }: AppOptions): Hono {
  const { sources, options } = desk;
  const { cors, pathPrefix } = options;
  const fields = headerFields(options.headers);
  const app = new Hono({ getPath: (request) => pathOf(request, pathPrefix) });
  app.use(async (context, next) => {
    const header = (name: string) => context.req.header(name);
    if (isForeignChange(cors, context.req.method, header)) context.res = errorResponse(foreignPage());
    else await next();
    const headers = corsHeaders(cors, header);
    for (const [name, value] of [...Object.entries(headers), ...fields]) context.res.headers.set(name, value);
  });
  for (const resource of resources) {
    app.all(resource.path, (context) => answerTo(context, resource, desk));
  }
  app.notFound(({ req }) => errorResponse(req.path === RABBITMQADMIN ? notOurs() : objectNotFound()));
  app.onError((error) => {
    if (error instanceof ApiError) return errorResponse(error);
    sources().context.log.error('management', error.stack ?? error.message);
    return errorResponse(new ApiError(500));
  });
  return app;
}

/**
 * As it stands in the request line, so that an encoded slash stays one; the default exchange may have no name at all.
 * @returns without the prefix; a path that is none where it lacks it
 */
function pathOf(request: Request, prefix: string): string {
  const whole = /^[a-z]+:\/\/[^/]*([^?#]*)/.exec(request.url)?.[1] ?? '/';
  if (!whole.startsWith(`${prefix}/`)) return '';
  const path = whole.slice(prefix.length);
  return path.replace('/e//', '/e/amq.default/').replace(/(?<=.)\/$/, '');
}

async function answerTo(context: Context, resource: Resource, desk: Desk): Promise<Response> {
  const method = context.req.method === 'HEAD' ? 'GET' : context.req.method;
  const allowed = METHODS.filter((each) => resource[each] !== undefined);
  if (method === 'OPTIONS') return new Response(null, { status: 200, headers: { allow: allowHeader(allowed) } });
  const handler = resource[method as HttpMethod];
  if (handler === undefined) return new Response(null, { status: 405, headers: { allow: allowHeader(allowed) } });
  try {
    const request = await readRequest(context, resource, method as HttpMethod, desk);
    if (request === null) return new Response(null, { status: 401, headers: { 'www-authenticate': REALM } });
    const gzip = desk.options.compress && takesGzip(context.req.header('accept-encoding'));
    return await response(await handler(request), gzip);
  } catch (error) {
    return errorResponse(apiErrorOf(error));
  }
}

function allowHeader(methods: readonly string[]): string {
  return [...methods.flatMap((method) => (method === 'GET' ? ['HEAD', 'GET'] : [method])), 'OPTIONS'].join(', ');
}

/** @returns null for a request without credentials. @throws ApiError */
async function readRequest(
  context: Context,
  resource: Resource,
  method: HttpMethod,
  desk: Desk,
): Promise<ApiRequest | null> {
  const { options, whoAsks } = desk;
  const sources = desk.sources();
  if (resource.whileStopped !== true && sources.node.state() !== 'running') throw appStopped();
  const authorization = context.req.header('authorization');
  const peer = getConnInfo(context).remote.address ?? '';
  const identity = resource.requires === 'nobody' ? NOBODY : whoAsks({ authorization, peer });
  if (identity === null) return null;
  const caller = new Caller(identity, sources.accounts);
  const request = {
    sources: method === 'GET' ? sources : onBehalfOf(sources, identity.user),
    caller,
    peer,
    param: (name: string) => context.req.param(name) ?? '',
    query: (name: string) => context.req.query(name),
    header: (name: string) => context.req.header(name),
  };
  const changes = method !== 'GET';
  if (resource.isPage !== true && !takesJson(context)) throw new ApiError(406);
  caller.mustBe((changes ? resource.requiresToChange : undefined) ?? resource.requires);
  const bodyless = { ...request, body: new RequestBody('') };
  if (resource.inVhost === true) checkVhost(bodyless, method, resource.refusal);
  if (method !== 'PUT' && method !== 'POST') return bodyless;
  const octets = await readOctets(context, options.bodyBytesMax);
  return { ...request, body: await readBody(context, octets, resource.takesForm === true) };
}

/** The same sources; what is changed through them is known to be this user's doing. */
function onBehalfOf(sources: ManagementSources, user: string): ManagementSources {
  const context = { ...sources.context, metadata: new ActingStore(sources.context.metadata, user) };
  // Not copied: who looks at its statistics begins to take samples.
  return Object.create(sources, { context: { value: context } });
}

async function readBody(context: Context, octets: Buffer, isForm: boolean): Promise<RequestBody> {
  if (isForm) return RequestBody.ofForm(octets.toString());
  const type = context.req.header('content-type') ?? JSON_TYPE;
  const name = type.split(';', 1)[0]!.trim().toLowerCase();
  if (octets.length > 0 && name === 'multipart/form-data') return new RequestBody(await uploadedFile(octets, type));
  return new RequestBody(octets.toString());
}

/** Whether the caller has not said that it wants something else. */
function takesJson(context: Context): boolean {
  const accept = context.req.header('accept') ?? JSON_TYPE;
  return accept.split(',').some((each) => /^\s*(\*\/\*|application\/(\*|json))\s*(;|$)/i.test(each));
}

/** @throws ApiError 413 as soon as it is too much */
async function readOctets(context: Context, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.length;
    if (size > bytesMax) throw new ApiError(413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a browser's form sends as its field `file`. @throws ApiError 400 */
async function uploadedFile(octets: Buffer, type: string): Promise<string> {
  const form = await new Response(new Uint8Array(octets), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw badRequest('not_a_form');
    });
  const file = form.get('file');
  if (file === null) throw badRequest('the form has no field named file');
  return typeof file === 'string' ? file : file.text();
}

/** Errors of the broker as the API tells them. @throws what nobody foresaw */
function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ChannelClosed) return refusalOf(error);
  if (error instanceof AmqpError) return badRequest(error.replyText.replace(/^[A-Z_]+ - /, ''));
  if (error instanceof PatternError) return badRequest(['invalid_regexp', error.source, error.message]);
  if (error instanceof MaskedSecretError) return badRequest(error.message);
  if (error instanceof MetadataError) return metadataError(error);
  throw error;
}

/** What a declaration, a deletion or a binding is refused with. */
function refusalOf(closed: ChannelClosed): ApiError {
  if (closed.replyCode === 403) return new ApiError(401, 'not_authorised', 'Access refused.');
  if (closed.replyCode === 404) return new ApiError(404, 'not_found', closed.reason);
  return badRequest(closed.reason);
}

function metadataError(error: MetadataError): ApiError {
  const isTheirs = error.fault === 'missing' || error.fault === 'conflict';
  return isTheirs ? badRequest(error.message) : new ApiError(503, error.fault, error.message);
}

async function response(answer: Answer, gzip: boolean): Promise<Response> {
  const { status, html, json = html, location, fileName } = answer;
  const headers: Record<string, string> = { 'cache-control': 'no-cache' };
  if (json !== undefined) headers['content-type'] = html === undefined ? JSON_TYPE : HTML_TYPE;
  if (location !== undefined) headers.location = location;
  if (fileName !== undefined) headers['content-disposition'] = `attachment; filename=${fileName}`;
  const small = gzip && json !== undefined ? await packed(json) : null;
  if (small !== null) headers['content-encoding'] = 'gzip';
  const sent = small ?? json;
  const isStream = typeof sent === 'object' && Symbol.asyncIterator in sent;
  const body = isStream ? ReadableStream.from(sent) : (sent ?? null);
  return new Response(body as ConstructorParameters<typeof Response>[0], { status, headers });
}

function errorResponse({ status, error, reason }: ApiError): Response {
  const headers: Record<string, string> = { 'cache-control': 'no-cache' };
  if (status === 401 && error === 'not_authorized') headers['www-authenticate'] = REALM;
  if (error === undefined) return new Response(null, { status, headers });
  headers['content-type'] = JSON_TYPE;
  return new Response(JSON.stringify({ error, reason }), { status, headers });
}
