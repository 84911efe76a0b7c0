/** /api/connections, /api/channels and /api/consumers: what clients have open. */
import type { Channel } from '../../connection/channel.ts';
import type { Connection } from '../../connection/connection.ts';
import { connectionForced } from '../../protocol/errors.ts';
import { notAuthorised, objectNotFound } from '../api-error.ts';
import { CHANNEL_SAMPLES, CONNECTION_SAMPLES, listOf, one, pageOf } from '../reference/doc.ts';
import {
  type Answer,
  type ApiRequest,
  isWithoutStats,
  listed,
  NO_CONTENT,
  needStats,
  paged,
  type Resource,
  shown,
  vhostOf,
} from '../resource.ts';
import { channelName, channelView } from '../views/channel.ts';
import { bareConnectionView, connectionName, connectionView } from '../views/connection.ts';
import { consumersOf, consumerView, type ShownConsumer } from '../views/consumer.ts';
import { channelFlows } from '../views/flows.ts';
import { windowOf, windowsOf } from '../windows.ts';

const DEFAULT_REASON = 'Closed via management plugin';

export const connectionResources: readonly Resource[] = [
  {
    path: '/api/connections',
    docs: {
      GET: {
        text: 'All connections of AMQP clients that the caller may see.',
        gives: pageOf('Connection'),
        query: CONNECTION_SAMPLES,
      },
    },
    requires: 'management',
    GET: (request) => {
      return (isWithoutStats(request) ? listBare : listConnections)(request, visibleConnections(request));
    },
  },
  {
    path: '/api/vhosts/:vhost/connections',
    docs: { GET: { text: 'Those to a vhost.', gives: pageOf('Connection'), query: CONNECTION_SAMPLES } },
    requires: 'management',
    inVhost: true,
    GET: (request) => {
      const vhost = vhostOf(request);
      return listConnections(
        request,
        visibleConnections(request).filter((connection) => connection.vhost === vhost),
      );
    },
  },
  {
    path: '/api/connections/username/:user',
    docs: {
      GET: { text: 'Those of a user, in short.', gives: pageOf('ConnectionOfUser') },
      DELETE: { text: 'Closes them, with `X-Reason` as the reason.' },
    },
    requires: 'management',
    GET: (request) => listBare(request, connectionsOfUser(request)),
    DELETE: async (request) => {
      const { slices } = request.sources;
      await slices.each(connectionsOfUser(request), (connection) => close(request, connection));
      return NO_CONTENT;
    },
  },
  {
    path: '/api/connections/:name',
    docs: {
      GET: { text: 'A connection.', gives: one('Connection'), query: CONNECTION_SAMPLES },
      DELETE: { text: 'Closes it, with `X-Reason` as the reason.' },
    },
    requires: 'management',
    GET: (request) => {
      const { sources } = request;
      return shown(request, connectionView(sources, connectionOf(request), windowOf(request, 'data_rates')));
    },
    DELETE: (request) => {
      close(request, connectionOf(request));
      return NO_CONTENT;
    },
  },
  {
    path: '/api/connections/:name/channels',
    docs: { GET: { text: 'Its channels.', gives: pageOf('Channel'), query: CHANNEL_SAMPLES } },
    requires: 'management',
    GET: (request) => listChannels(request, [...connectionOf(request).channels.values()]),
  },
  {
    path: '/api/channels',
    docs: { GET: { text: 'All channels that the caller may see.', gives: pageOf('Channel'), query: CHANNEL_SAMPLES } },
    requires: 'management',
    GET: (request) => listChannels(request, channelsOf(visibleConnections(request))),
  },
  {
    path: '/api/vhosts/:vhost/channels',
    docs: { GET: { text: 'Those to a vhost.', gives: pageOf('Channel'), query: CHANNEL_SAMPLES } },
    requires: 'management',
    inVhost: true,
    GET: (request) => {
      const vhost = vhostOf(request);
      return listChannels(
        request,
        channelsOf(visibleConnections(request)).filter((channel) => channel.vhost === vhost),
      );
    },
  },
  {
    path: '/api/channels/:name',
    docs: { GET: { text: 'A channel, with its consumers.', gives: one('Channel'), query: CHANNEL_SAMPLES } },
    requires: 'management',
    GET: showChannel,
  },
  {
    path: '/api/consumers',
    docs: { GET: { text: 'All consumers that the caller may see.', gives: listOf('Consumer') } },
    requires: 'management',
    GET: (request) => listConsumers(request, visibleConsumers(request)),
  },
  {
    path: '/api/consumers/:vhost',
    docs: { GET: { text: 'Those of a vhost.', gives: listOf('Consumer') } },
    requires: 'management',
    GET: (request) => {
      const vhost = vhostOf(request);
      return listConsumers(
        request,
        visibleConsumers(request).filter(({ channel }) => channel.vhost === vhost),
      );
    },
  },
];

// --- connections ---

function visibleConnections(request: ApiRequest): Connection[] {
  const seesAll = request.caller.is('monitoring');
  return [...request.sources.connections()].filter((connection) => isVisible(request, connection, seesAll));
}

/** Whoever does not monitor sees its own. A connection is one once it has been opened. */
function isVisible({ caller }: ApiRequest, { vhost, identity }: Connection, seesAll: boolean): boolean {
  return vhost !== null && (seesAll || identity.user === caller.name);
}

function listConnections(request: ApiRequest, connections: Connection[]): Promise<Answer> {
  const window = windowOf(request, 'data_rates');
  return paged(request, connections, connectionName, (each) => connectionView(request.sources, each, window));
}

/** Without what is counted; those of a user are never shown with it, as in RabbitMQ. */
function listBare(request: ApiRequest, connections: Connection[]): Promise<Answer> {
  return paged(request, connections, connectionName, (each) => bareConnectionView(request.sources, each));
}

/** @throws ApiError 404, also for somebody else's where the caller may not see it */
function connectionOf(request: ApiRequest): Connection {
  const wanted = request.param('name');
  const seesAll = request.caller.is('monitoring');
  // All of thousands may be asked for one by one: the name goes first, and no list is made.
  for (const connection of request.sources.connections()) {
    if (connectionName(connection) === wanted && isVisible(request, connection, seesAll)) return connection;
  }
  throw objectNotFound();
}

/** @throws ApiError 401 for somebody else's where the caller may not see them */
function connectionsOfUser(request: ApiRequest): Connection[] {
  const { caller } = request;
  const user = request.param('user');
  if (!caller.is('monitoring') && user !== caller.name) throw notAuthorised('User not authorised to access object');
  return visibleConnections(request).filter(({ identity }) => identity.user === user);
}

/** Only an administrator closes what is not its own. @throws ApiError 401 */
function close({ caller, header }: ApiRequest, connection: Connection): void {
  if (!caller.is('administrator') && connection.identity.user !== caller.name) {
    throw notAuthorised('User not authorised to access object');
  }
  const reason = header('x-reason');
  connection.close(connectionForced(reason === undefined ? DEFAULT_REASON : Buffer.from(reason, 'latin1').toString()));
}

// --- channels ---

function channelsOf(connections: readonly Connection[]): Channel[] {
  return connections.flatMap(({ channels }) => [...channels.values()]);
}

function listChannels(request: ApiRequest, channels: Channel[]): Promise<Answer> {
  needStats(request);
  const windows = windowsOf(request);
  return paged(request, channels, channelName, (channel) => channelView(request.sources, channel, windows));
}

/** With its consumers. */
async function showChannel(request: ApiRequest): Promise<Answer> {
  needStats(request);
  const wanted = request.param('name');
  const channel = channelsOf(visibleConnections(request)).find((each) => channelName(each) === wanted);
  if (channel === undefined) throw objectNotFound();
  const { sources } = request;
  const consumers = [...channel.consumers.values()].map((consumer) => consumerView(sources, { consumer, channel }));
  const windows = windowsOf(request);
  const flows = await channelFlows(sources, channel, windows);
  return shown(request, { ...channelView(sources, channel, windows), consumer_details: consumers, ...flows });
}

// --- consumers ---

function visibleConsumers({ sources, caller }: ApiRequest): ShownConsumer[] {
  return [...consumersOf(sources)].filter(({ channel }) => caller.sees(channel.vhost.name));
}

function listConsumers(request: ApiRequest, consumers: ShownConsumer[]): Promise<Answer> {
  needStats(request);
  return listed(request, consumers, (consumer) => consumerView(request.sources, consumer));
}
