/** A path of the API, what it answers to each method, and who may ask. */
import type { Vhost } from '../vhost/vhost.ts';
import { badRequest, notAuthorised, objectNotFound, referenceNotFound } from './api-error.ts';
import type { Caller, Requirement } from './caller.ts';
import { ChannelClosed, type DirectChannel, withDirectChannel } from './direct-channel.ts';
import { type Json, type JsonView, listJson, listsJson, objectJson } from './listing.ts';
import type { Doc } from './reference/doc.ts';
import type { RequestBody } from './request-body.ts';
import type { ManagementSources } from './sources.ts';

export const METHODS = ['GET', 'PUT', 'POST', 'DELETE'] as const;
export type HttpMethod = (typeof METHODS)[number];

/** What is sent: a status, and where there is one a body of JSON. */
export interface Answer {
  readonly status: 200 | 201 | 204 | 301 | 503;
  readonly json?: string | Json;
  /** A page for people, in place of it. */
  readonly html?: string;
  readonly location?: string;
  /** The name of the file that a browser is to keep it as. */
  readonly fileName?: string;
}

export type Handler = (request: ApiRequest) => Answer | Promise<Answer>;

export type Resource = {
  /** With the names of its parameters behind a colon. */
  readonly path: string;
  /** What the reference says of each method. */
  readonly docs: { readonly [Method in HttpMethod]?: Doc };
  /** For every method, unless the method has its own. */
  readonly requires: Requirement;
  readonly requiresToChange?: Requirement;
  /** The vhost that is named in the path has to be there and open to the caller before anything else is looked at. */
  readonly inVhost?: boolean;
  /** What the caller is told where it may not enter the vhost. */
  readonly refusal?: string;
  /** What is posted is an HTML form's, not JSON. */
  readonly takesForm?: boolean;
  /** It is about the node, and answers while an operator has stopped the application, too. */
  readonly whileStopped?: boolean;
  /** What is answered is a page for people, not JSON. */
  readonly isPage?: boolean;
} & { readonly [Method in HttpMethod]?: Handler };

/** One request, after authentication. */
export interface ApiRequest {
  readonly sources: ManagementSources;
  readonly caller: Caller;
  /** The address that it calls from. */
  readonly peer: string;
  readonly body: RequestBody;
  /** A parameter of the path, decoded. */
  param(name: string): string;
  query(name: string): string | undefined;
  header(name: string): string | undefined;
}

export const CREATED: Answer = { status: 201 };
export const NO_CONTENT: Answer = { status: 204 };

export function ok(view: unknown): Answer {
  return { status: 200, json: JSON.stringify(view) };
}

/** One object, with the columns that were asked for. */
export function shown(request: ApiRequest, view: JsonView): Answer {
  return { status: 200, json: objectJson(view, (name) => request.query(name)) };
}

/** An object that has long lists among its fields. */
export async function shownLists(request: ApiRequest, fields: JsonView): Promise<Answer> {
  return { status: 200, json: await listsJson(fields, (name) => request.query(name), request.sources.slices) };
}

/** A list without pages. @param order left out where the items come in it */
export async function listed<T>(
  request: ApiRequest,
  items: Iterable<T>,
  view: (item: T) => JsonView,
  order?: Order<T>,
): Promise<Answer> {
  const { slices } = request.sources;
  return { status: 200, json: await listJson(items, { query: (name) => request.query(name), slices, order, view }) };
}

/** A list with pages and a filter by name. */
export async function paged<T>(
  request: ApiRequest,
  items: Iterable<T>,
  name: (item: T) => string,
  view: (item: T) => JsonView,
  order?: Order<T>,
): Promise<Answer> {
  const { slices } = request.sources;
  const query = (parameter: string) => request.query(parameter);
  return { status: 200, json: await listJson(items, { query, slices, name, order, view }) };
}

type Order<T> = (one: T, other: T) => number;

/** Whether what is counted is left out: so it is set, or so the caller wants it. */
export function isWithoutStats({ sources, query }: ApiRequest): boolean {
  return sources.disableStats || query('disable_stats') === 'true';
}

/** For lists that are about nothing else. @throws ApiError 400 where what is counted is left out */
export function needStats(request: ApiRequest): void {
  if (isWithoutStats(request)) throw badRequest('Stats in management UI are disabled on this node');
}

/** The vhost in the path. @throws ApiError 404 */
export function vhostOf(request: ApiRequest): Vhost {
  const vhost = request.sources.vhosts.get(request.param('vhost'));
  if (vhost === undefined) throw objectNotFound();
  return vhost;
}

/** The vhost in the path, of something that is to be changed in it. @throws ApiError 404, which says that it is the vhost */
export function vhostOfChange(request: ApiRequest): Vhost {
  const vhost = request.sources.vhosts.get(request.param('vhost'));
  if (vhost === undefined) throw referenceNotFound('vhost_not_found');
  return vhost;
}

/** Those that listings show the caller, by name. */
export function visibleVhosts({ sources, caller }: ApiRequest): Vhost[] {
  return byName([...sources.vhosts.all()].filter((vhost) => caller.sees(vhost.name)));
}

/** @throws ApiError 404, 401 */
export function checkVhost(
  request: ApiRequest,
  method: HttpMethod,
  refusal = 'User not authorised to access virtual host',
): void {
  const name = request.param('vhost');
  const isThere = request.sources.vhosts.get(name) !== undefined;
  if (!isThere && method !== 'PUT') throw objectNotFound();
  if (isThere && !request.caller.sees(name)) throw notAuthorised(refusal);
}

/** Does `work` on a channel of the caller's in a vhost. @throws ApiError 401 where it may not enter; ChannelClosed */
export async function onChannel<T>(
  { sources, caller }: ApiRequest,
  vhost: string,
  work: (channel: DirectChannel) => Promise<T>,
): Promise<T> {
  if (!caller.mayEnter(vhost)) throw notAuthorised('Access refused.');
  return withDirectChannel(
    { context: sources.context, identity: caller.identity, vhost, stopping: sources.stopping },
    work,
  );
}

/** What a channel was closed with where RabbitMQ leaves the name of the code in front of the text. */
export function namedRefusal(error: unknown): never {
  if (!(error instanceof ChannelClosed)) throw error;
  const { replyCode, replyText, message } = error;
  if (replyCode === 403) throw notAuthorised(replyText);
  throw replyCode === 404 ? referenceNotFound(replyText) : badRequest(message);
}

export function byName<T extends Named>(items: T[]): T[] {
  return items.sort(compareNames);
}

interface Named {
  readonly name: string;
}

export function compareNames(one: Named, other: Named): number {
  return compareTexts(one.name, other.name);
}

/** By vhost, and by name in each. */
export function comparePlacedNames(one: PlacedNamed, other: PlacedNamed): number {
  return compareTexts(one.vhost, other.vhost) || compareTexts(one.name, other.name);
}

interface PlacedNamed extends Named {
  readonly vhost: string;
}

export function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
