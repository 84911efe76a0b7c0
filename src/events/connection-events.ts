/** Events of connections, channels and consumers, with RabbitMQ's keys and headers in RabbitMQ's order. */
import { suiteOf } from '../auth/cipher-suite.ts';
import type { Channel } from '../connection/channel.ts';
import type { ChannelConsumer } from '../connection/channel-consumer.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionDescription } from '../connection/connection-description.ts';
import { givenName } from '../connection/connection-log.ts';
import type { Lifecycle } from '../connection/lifecycle.ts';
import type { Pids } from '../connection/pids.ts';
import { addressTerm } from './address-term.ts';
import { by, type EventExchange, flag, type Header, number, terms, text } from './event-exchange.ts';

/** As Erlang has the version of the protocol. */
const PROTOCOL = text('protocol', '{0,9,1}');

export class ConnectionEvents implements Lifecycle {
  readonly #exchange: EventExchange;
  readonly #pids: Pids;

  constructor(exchange: EventExchange, pids: Pids) {
    this.#exchange = exchange;
    this.#pids = pids;
  }

  loggedIn(connection: Connection, user: string, refusal: string | null): void {
    if (!this.#exchange.isHeard) return;
    const { peerHost, peerPort, host, tls, mechanism } = connection.describe();
    const headers = [
      flag('ssl', tls !== null),
      text('auth_mechanism', mechanism),
      PROTOCOL,
      number('peer_port', peerPort),
      text('peer_host', addressTerm(peerHost)),
      text('connection_name', connection.name),
      text('host', addressTerm(host)),
      text('name', user),
      text('connection_type', 'network'),
    ];
    if (refusal === null) this.#exchange.publish({ key: 'user.authentication.success', headers });
    else {
      const failed = [text('error', refusal), ...headers];
      this.#exchange.publish({ key: 'user.authentication.failure', headers: failed });
    }
  }

  connectionOpened(connection: Connection): void {
    if (!this.#exchange.isHeard) return;
    const described = connection.describe();
    const headers = [
      by(connection.user),
      text('node', this.#exchange.nodeName),
      number('connected_at', described.openedAtMs),
      terms('client_properties', described.clientProperties),
      number('channel_max', described.channelMax),
      number('frame_max', described.frameMaxBytes),
      number('timeout', described.heartbeatSeconds),
      text('vhost', connection.vhostName ?? ''),
      text('user', connection.user),
      PROTOCOL,
      ...tlsHeaders(described),
      text('peer_host', addressTerm(described.peerHost)),
      text('host', addressTerm(described.host)),
      number('peer_port', described.peerPort),
      number('port', described.port),
      text('name', connection.name),
      text('pid', this.#pids.full(connection.pid)),
      text('type', 'network'),
      ...givenNameOf(connection),
    ];
    this.#exchange.publish({ key: 'connection.created', headers });
  }

  connectionClosed(connection: Connection): void {
    if (!this.#exchange.isHeard) return;
    const headers = [
      terms('client_properties', connection.clientProperties),
      text('node', this.#exchange.nodeName),
      text('pid', this.#pids.full(connection.pid)),
      text('name', connection.name),
      ...givenNameOf(connection),
    ];
    this.#exchange.publish({ key: 'connection.closed', headers });
  }

  channelOpened(channel: Channel): void {
    if (!this.#exchange.isHeard) return;
    const { connection, number: channelNumber, pid } = channel;
    const headers = [
      by(connection.user),
      text('vhost', connection.vhostName ?? ''),
      text('user', connection.user),
      number('number', channelNumber),
      text('connection', this.#pids.full(connection.pid)),
      text('name', `${connection.name} (${channelNumber})`),
      text('pid', this.#pids.full(pid)),
    ];
    this.#exchange.publish({ key: 'channel.created', headers });
  }

  channelClosed({ connection, pid }: Channel): void {
    if (!this.#exchange.isHeard) return;
    const headers = [by(connection.user), text('pid', this.#pids.full(pid))];
    this.#exchange.publish({ key: 'channel.closed', headers });
  }

  consumerAdded(consumer: ChannelConsumer): void {
    if (!this.#exchange.isHeard) return;
    const headers = [
      by(consumer.channel.connection.user),
      terms('arguments', consumer.arguments),
      number('prefetch_count', consumer.prefetch),
      ...this.#placeOf(consumer),
      flag('ack_required', !consumer.noAck),
      flag('exclusive', consumer.exclusive),
      text('consumer_tag', consumer.tag),
    ];
    this.#exchange.publish({ key: 'consumer.created', headers });
  }

  consumerGone(consumer: ChannelConsumer): void {
    if (!this.#exchange.isHeard) return;
    const headers = [
      by(consumer.channel.connection.user),
      ...this.#placeOf(consumer),
      text('consumer_tag', consumer.tag),
    ];
    this.#exchange.publish({ key: 'consumer.deleted', headers });
  }

  #placeOf({ queue, channel }: ChannelConsumer): Header[] {
    return [text('queue', queue.name), text('vhost', queue.vhost), text('channel', this.#pids.full(channel.pid))];
  }
}

function givenNameOf({ clientProperties }: Connection): Header[] {
  const name = givenName(clientProperties);
  return name === undefined ? [] : [text('user_provided_name', name)];
}

function tlsHeaders({ tls, mechanism }: ConnectionDescription): Header[] {
  const certificate = tls?.certificate?.description;
  const suite = tls === null ? undefined : suiteOf(tls.cipher);
  return [
    text('ssl_hash', suite?.hash ?? ''),
    text('ssl_cipher', suite?.cipher ?? ''),
    text('ssl_key_exchange', suite?.keyExchange ?? ''),
    text('ssl_protocol', tls?.protocol.toLowerCase() ?? ''),
    text('auth_mechanism', mechanism),
    text('peer_cert_validity', certificate?.validity ?? ''),
    text('peer_cert_issuer', certificate?.issuer ?? ''),
    text('peer_cert_subject', certificate?.subject ?? ''),
    flag('ssl', tls !== null),
  ];
}
