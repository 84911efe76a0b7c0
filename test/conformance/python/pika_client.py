"""pika, the Python client of RabbitMQ's tutorials: its blocking adapter, and the callback one once."""

import datetime
import functools
import socket
from decimal import Decimal

import pika
import pika.exceptions
from pika.exchange_type import ExchangeType

from scenarios import (
    DEADLINE_SECONDS,
    OWN_PREFIX,
    OWN_USER,
    SHUTDOWN,
    TENANT_VHOST,
    bring_broker_back,
    eventually,
    expect,
    fill_disk,
    free_disk,
    raises,
    run_all,
    scenario,
    take_broker_down,
    unique_name,
    variant_of,
)

REPLY_TO = "amq.rabbitmq.reply-to"


def with_channel(function):
    """Hands a scenario a connection and a channel, and closes the connection after it."""

    @functools.wraps(function)
    def run(url):
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            function(connection, connection.channel())
        finally:
            if connection.is_open:
                connection.close()

    return run


def exclusive_queue(channel, **arguments):
    return channel.queue_declare("", exclusive=True, arguments=arguments or None).method.queue


def ready_count(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def get_body(channel, queue):
    _, _, body = channel.basic_get(queue, auto_ack=True)
    return body


def deliveries_of(connection, channel, queue, count, **options):
    """Consumes until count messages have come, and returns them as (method, properties, body)."""
    inbox = []
    channel.basic_consume(queue, lambda _, *delivery: inbox.append(delivery), **options)
    eventually(f"{count} deliveries", lambda: connection.process_data_events(0.05) or len(inbox) >= count)
    return inbox


def refused(url, **changes):
    parameters = pika.URLParameters(url)
    for name, value in changes.items():
        setattr(parameters, name, value)
    return raises(pika.exceptions.AMQPConnectionError, lambda: pika.BlockingConnection(parameters))


@scenario("the server announces its capabilities, and the heartbeat of the URL is agreed on")
def _(url):
    connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=7"))
    expect(connection._impl.params.heartbeat, 7)
    for supported in (
        connection.publisher_confirms_supported,
        connection.exchange_exchange_bindings_supported,
        connection.basic_nack_supported,
        connection.consumer_cancel_notify_supported,
    ):
        expect(supported, True)
    connection.close()


@scenario("a connection that idles under a heartbeat of one second stays open")
def _(url):
    connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=1"))
    received_at_start = connection._impl._heartbeat_checker.bytes_received_on_connection
    # Two a second, and a peer may be silent for two or three.
    eventually(
        "eight heartbeats of 8 bytes from the broker",
        lambda: connection.process_data_events(0.05)
        or connection._impl._heartbeat_checker.bytes_received_on_connection >= received_at_start + 64,
    )
    expect(connection.is_open, True)
    connection.channel().close()
    connection.close()


@scenario("a wrong password is a ProbableAuthenticationError, with the broker's words")
def _(url):
    error = refused(url, credentials=pika.PlainCredentials("guest", "wrong"))
    expect(type(error), pika.exceptions.ProbableAuthenticationError)
    if "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN" not in str(error):
        raise error


@scenario("a vhost that does not exist is refused with 530")
def _(url):
    error = refused(url, virtual_host="no-such-vhost")
    expect(type(error), pika.exceptions.ProbableAccessDeniedError)
    if "(530) 'NOT_ALLOWED - vhost no-such-vhost not found" not in str(error):
        raise error


@scenario("exchanges of every type are declared, bound, used, unbound and deleted")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel)
    headers = {"x-match": "all", "color": "blue", "size": 3}
    for kind in ExchangeType:
        outer, inner = unique_name(kind.name), unique_name(kind.name)
        channel.exchange_declare(outer, kind, auto_delete=False)
        channel.exchange_declare(inner, kind, durable=True)
        channel.exchange_bind(inner, outer, "a.key", headers)
        channel.queue_bind(queue, inner, "a.key", headers)
        properties = pika.BasicProperties(headers={"color": "blue", "size": 3})
        channel.basic_publish(outer, "a.key", kind.name.encode(), properties)
        expect(get_body(channel, queue), kind.name.encode())
        channel.queue_unbind(queue, inner, "a.key", headers)
        channel.basic_publish(outer, "a.key", b"unbound", properties)
        expect(get_body(channel, queue), None)
        channel.exchange_unbind(inner, outer, "a.key", headers)
        channel.exchange_delete(outer, if_unused=True)
        channel.exchange_delete(inner)


@scenario("a confirmed mandatory message without a queue raises UnroutableError with the message in it")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    error = raises(
        pika.exceptions.UnroutableError,
        lambda: channel.basic_publish("amq.direct", "nowhere", b"lost", mandatory=True),
    )
    (returned,) = error.messages
    expect((returned.method.reply_code, returned.method.reply_text, returned.body), (312, "NO_ROUTE", b"lost"))


@scenario("a message that the queue refuses raises NackError")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.basic_publish("", queue, b"fits")
    raises(pika.exceptions.NackError, lambda: channel.basic_publish("", queue, b"does not fit"))


@scenario("prefetch bounds the unacked deliveries, and acknowledging lets more through")
@with_channel
def _(connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel)
    for number in range(5):
        channel.basic_publish("", queue, b"%d" % number)
    channel.basic_qos(prefetch_count=2)
    inbox = deliveries_of(connection, channel, queue, 2)
    expect(ready_count(channel, queue), 3)
    expect([body for _, _, body in inbox], [b"0", b"1"])
    channel.basic_ack(inbox[1][0].delivery_tag, multiple=True)
    eventually("two more", lambda: connection.process_data_events(0.05) or len(inbox) == 4)
    expect(ready_count(channel, queue), 1)


@scenario("the consume generator ends, and its channel gives back what it did not acknowledge")
@with_channel
def _(connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel)
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", queue, body)
    for method, _properties, body in channel.consume(queue, inactivity_timeout=DEADLINE_SECONDS):
        expect(body, b"1")
        channel.basic_ack(method.delivery_tag)
        break
    channel.cancel()
    channel.close()
    expect(ready_count(connection.channel(), queue), 2)


@scenario("nack with requeue redelivers, reject without it dead-letters with its story")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    dead = exclusive_queue(channel)
    queue = exclusive_queue(channel, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.basic_publish("", queue, b"poison")
    method, _, _ = channel.basic_get(queue)
    channel.basic_nack(method.delivery_tag)
    method, _, _ = channel.basic_get(queue)
    expect(method.redelivered, True)
    channel.basic_reject(method.delivery_tag, requeue=False)
    _, properties, body = eventually("the dead letter", lambda: got(channel.basic_get(dead, auto_ack=True)))
    expect(body, b"poison")
    (death,) = properties.headers["x-death"]
    expect(isinstance(death.pop("time"), datetime.datetime), True)
    expect(death, {"count": 1, "reason": "rejected", "queue": queue, "exchange": "", "routing-keys": [queue]})


def got(delivery):
    """None instead of pika's triple of Nones, which is true."""
    return delivery if delivery[0] is not None else None


@scenario("messages expire by their own TTL and by the queue's, whichever is shorter")
@with_channel
def _(_connection, channel):
    dead = exclusive_queue(channel)
    queue = exclusive_queue(
        channel,
        **{"x-message-ttl": 600000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead},
    )
    channel.basic_publish("", queue, b"short-lived", pika.BasicProperties(expiration="10"))
    _, properties, _ = eventually("the expiry", lambda: got(channel.basic_get(dead, auto_ack=True)))
    (death,) = properties.headers["x-death"]
    expect((death["reason"], death["original-expiration"]), ("expired", "10"))


@scenario("a priority queue serves the higher priority first")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel, **{"x-max-priority": 10})
    for priority in (1, 9, 5):
        channel.basic_publish("", queue, b"%d" % priority, pika.BasicProperties(priority=priority))
    expect([get_body(channel, queue) for _ in range(3)], [b"9", b"5", b"1"])


@scenario("an RPC is answered through the direct reply-to")
@with_channel
def _(connection, channel):
    requests = exclusive_queue(channel)

    def answer(ch, method, properties, body):
        reply_properties = pika.BasicProperties(correlation_id=properties.correlation_id)
        ch.basic_publish("", properties.reply_to, body.upper(), reply_properties)
        ch.basic_ack(method.delivery_tag)

    server = connection.channel()
    server.basic_consume(requests, answer)
    replies = []
    channel.basic_consume(REPLY_TO, lambda *delivery: replies.append(delivery), auto_ack=True)
    properties = pika.BasicProperties(reply_to=REPLY_TO, correlation_id="42")
    channel.basic_publish("", requests, b"ping", properties)
    eventually("the reply", lambda: connection.process_data_events(0.05) or replies)
    (_, _, properties, body) = replies[0]
    expect((properties.correlation_id, body), ("42", b"PING"))


@scenario("a consumer is told when its queue is deleted")
@with_channel
def _(connection, channel):
    queue = exclusive_queue(channel)
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    tag = channel.basic_consume(queue, lambda *_: None)
    connection.channel().queue_delete(queue)
    eventually("the cancellation", lambda: connection.process_data_events(0.05) or cancelled)
    expect(cancelled[0].method.consumer_tag, tag)


@scenario("errors of a channel raise ChannelClosedByBroker, and the connection stays")
@with_channel
def _(connection, channel):
    queue = unique_name("error")
    channel.queue_declare(queue, auto_delete=True)
    for code, text, provoke in (
        (
            404,
            f"NOT_FOUND - no queue '{queue}.missing' in vhost '/'",
            lambda ch: ch.queue_declare(f"{queue}.missing", passive=True),
        ),
        (
            406,
            f"PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue '{queue}' in vhost '/': "
            "received 'false' but current is 'true'",
            lambda ch: ch.queue_declare(queue),
        ),
        (
            403,
            "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
            lambda ch: ch.queue_declare("amq.mine"),
        ),
        (
            403,
            "ACCESS_REFUSED - operation not permitted on the default exchange",
            lambda ch: ch.queue_bind(queue, "", "key"),
        ),
    ):
        failing = connection.channel()
        error = raises(pika.exceptions.ChannelClosedByBroker, lambda: provoke(failing))
        expect((error.reply_code, error.reply_text), (code, text))
        expect((failing.is_open, channel.is_open), (False, True))
    channel.queue_delete(queue)


@scenario("a message of 8 MiB crosses in both directions, in small frames and in large ones")
def _(url):
    body = bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1)
    for frame_max in (4096, 131072):
        parameters = pika.URLParameters(url)
        parameters.frame_max = frame_max
        connection = pika.BlockingConnection(parameters)
        channel = connection.channel()
        channel.confirm_delivery()
        queue = exclusive_queue(channel)
        channel.basic_publish("", queue, body)
        expect(get_body(channel, queue) == body, True)
        connection.close()


@scenario("two thousand channels of one connection are open at once")
@with_channel
def _(connection, channel):
    queue = exclusive_queue(channel)
    channels = [connection.channel() for _ in range(1999)]
    for each in channels:
        each.basic_publish("", queue, b"%d" % each.channel_number)
    eventually("a message from each", lambda: ready_count(channel, queue) == len(channels))
    bodies = {get_body(channel, queue) for _ in channels}
    expect(len(bodies), len(channels))


@scenario("a thousand persistent messages are confirmed, one after the other, and kept in their order")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    queue = unique_name("confirms")
    channel.queue_declare(queue, durable=True, arguments={"x-expires": 60000})
    bodies = [b"%d" % number for number in range(1000)]
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))
    expect([get_body(channel, queue) for _ in bodies], bodies)
    channel.queue_delete(queue)


@scenario("names hold any Unicode, up to 255 bytes of it, the vhost's too")
def _(url):
    parameters = pika.URLParameters(url)
    parameters.virtual_host = TENANT_VHOST
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()
    queue = unique_name("名前 \U0001f430")
    queue += "." * (255 - len(queue.encode()))
    expect(channel.queue_declare(queue, exclusive=True).method.queue, queue)
    exchange, key, headers = unique_name("обмен"), "ключ.é.\U0001f407", {"schlüssel ☃": "wert \U0001f955"}
    channel.exchange_declare(exchange, "topic", auto_delete=True)
    channel.queue_bind(queue, exchange, "ключ.*.#")
    channel.basic_publish(exchange, key, "körper".encode(), pika.BasicProperties(headers=headers))
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    expect((method.exchange, method.routing_key), (exchange, key))
    expect((properties.headers, body.decode()), (headers, "körper"))
    connection.close()


@scenario("a connection that breaks takes its exclusive and auto-delete queues with it, and gives its unacked back")
@with_channel
def _(witness_connection, witness):
    parameters = witness_connection._impl.params
    leaving = pika.BlockingConnection(parameters)
    channel = leaving.channel()
    channel.confirm_delivery()
    kept, auto_delete = unique_name("kept"), unique_name("auto-delete")
    witness.queue_declare(kept, arguments={"x-expires": 60000})
    exclusive = exclusive_queue(channel)
    channel.queue_declare(auto_delete, auto_delete=True)
    channel.basic_consume(auto_delete, lambda *_: None)
    channel.basic_publish("", kept, b"unacked")
    method, _, _ = channel.basic_get(kept)
    expect((method.redelivered, ready_count(witness, kept)), (False, 0))
    leaving._impl._transport._sock.shutdown(socket.SHUT_RDWR)
    method, _, body = eventually("the unacked message", lambda: got(witness.basic_get(kept, auto_ack=True)))
    expect((method.redelivered, body), (True, b"unacked"))
    def not_found(queue):
        try:
            ready_count(witness_connection.channel(), queue)
        except pika.exceptions.ChannelClosedByBroker as error:
            return error if error.reply_code == 404 else None

    for queue in (exclusive, auto_delete):
        # It is there until its end is synced.
        error = eventually(f"the end of {queue}", lambda: not_found(queue))
        expect(error.reply_text, f"NOT_FOUND - no queue '{queue}' in vhost '/'")
    raises(pika.exceptions.AMQPConnectionError, lambda: leaving.process_data_events(DEADLINE_SECONDS))


@scenario("a publisher is told that the broker blocks it, and what it sent is there when there is room again")
@with_channel
def _(connection, channel):
    queue = unique_name("blocked")
    channel.queue_declare(queue, durable=True, arguments={"x-expires": 60000})
    told = []
    connection.add_on_connection_blocked_callback(lambda _, frame: told.append(frame.method.reason))
    connection.add_on_connection_unblocked_callback(lambda _, frame: told.append(None))
    if not fill_disk():
        return
    channel.basic_publish("", queue, b"while blocked", pika.BasicProperties(delivery_mode=2))
    eventually("connection.blocked", lambda: connection.process_data_events(0.05) or told)
    free_disk()
    eventually("connection.unblocked", lambda: connection.process_data_events(0.05) or len(told) == 2)
    expect((told[0].startswith("low on disk"), told[1]), (True, None))
    expect(get_body(channel, queue), b"while blocked")
    channel.queue_delete(queue)


@scenario("another user of the URL may do what its permissions say")
@with_channel
def _(_connection, guests):
    guests_queue = exclusive_queue(guests)
    parameters = guests.connection._impl.params
    url = f"amqp://{OWN_USER}:{OWN_USER}@{parameters.host}:{parameters.port}/%2F"
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    queue = f"{OWN_PREFIX}{unique_name('q')}"
    channel.queue_declare(queue, exclusive=True)
    channel.basic_publish("", queue, b"mine")
    expect(get_body(channel, queue), b"mine")
    for kind, name, provoke in (
        ("queue", guests_queue, lambda ch: ch.basic_get(guests_queue)),
        ("queue", "foreign", lambda ch: ch.queue_declare("foreign")),
        ("exchange", "foreign", lambda ch: ch.exchange_declare("foreign")),
        ("exchange", "amq.topic", lambda ch: ch.queue_bind(queue, "amq.topic", "#")),
        ("exchange", "amq.topic", lambda ch: ch.confirm_delivery() or ch.basic_publish("amq.topic", "key", b"x")),
    ):
        refusing = connection.channel()
        error = raises(pika.exceptions.ChannelClosedByBroker, lambda: provoke(refusing))
        text = f"ACCESS_REFUSED - access to {kind} '{name}' in vhost '/' refused for user '{OWN_USER}'"
        expect((error.reply_code, error.reply_text), (403, text))
    connection.close()
    error = refused(variant_of(url, vhost=TENANT_VHOST))
    if f"NOT_ALLOWED - access to vhost '{TENANT_VHOST}' refused for user '{OWN_USER}'" not in str(error):
        raise error


@scenario("publishing to an exchange that is not there closes the channel with 404, declaring it passively too")
@with_channel
def _(connection, _channel):
    for provoke in (
        lambda ch: ch.confirm_delivery() or ch.basic_publish("nowhere", "key", b"lost"),
        lambda ch: ch.exchange_declare("nowhere", passive=True),
    ):
        failing = connection.channel()
        error = raises(pika.exceptions.ChannelClosedByBroker, lambda: provoke(failing))
        expect((error.reply_code, error.reply_text), (404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"))
    channel = connection.channel()
    for kind in ExchangeType:
        channel.exchange_declare(f"amq.{kind.value}", passive=True)


@scenario("every property, and headers of every type that pika writes, come back equal")
@with_channel
def _(_connection, channel):
    queue = exclusive_queue(channel)
    headers = {
        "text": "grüße, 世界",
        "bytes": b"\x00\xff",
        "yes": True,
        "no": False,
        "int": -(2**31),
        "long": 2**62 + 1,
        # Not a negative one: pika reads all of 64 bits as unsigned.
        "longest": 2**63 - 1,
        "decimal": Decimal("3.14"),
        "when": datetime.datetime(2023, 11, 14, 22, 13, 20),
        "nothing": None,
        "list": ["one", 2, None, [False]],
        "table": {"inner": {"deep": 1}},
    }
    sent = pika.BasicProperties(
        content_type="text/plain",
        content_encoding="utf-8",
        headers=headers,
        delivery_mode=2,
        priority=1,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        message_id="m",
        timestamp=2**33 + 1,
        type="t",
        user_id="guest",
        app_id="a",
        cluster_id="k",
    )
    channel.basic_publish("", queue, b"x", sent)
    _, received, _ = channel.basic_get(queue, auto_ack=True)
    expect(received.headers, headers)
    expect(received, sent)


@scenario("a transaction publishes and acknowledges at its commit only")
@with_channel
def _(connection, channel):
    queue = exclusive_queue(channel)
    witness = connection.channel()
    channel.tx_select()
    channel.basic_publish("", queue, b"undone")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"done")
    expect(ready_count(witness, queue), 0)
    channel.tx_commit()
    expect(ready_count(witness, queue), 1)
    method, _, body = channel.basic_get(queue)
    expect(body, b"done")
    channel.basic_ack(method.delivery_tag)
    channel.close()
    expect(ready_count(witness, queue), 1)


@scenario("get, purge, delete and recover answer with their counts")
@with_channel
def _(_connection, channel):
    channel.confirm_delivery()
    queue = exclusive_queue(channel)
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", queue, body)
    method, _, body = channel.basic_get(queue)
    expect((method.message_count, method.redelivered, body), (2, False, b"1"))
    channel.basic_recover(requeue=True)
    method, _, body = channel.basic_get(queue)
    expect((method.message_count, method.redelivered, body), (2, True, b"1"))
    expect(channel.queue_purge(queue).method.message_count, 2)
    channel.basic_nack(method.delivery_tag)
    expect(channel.queue_delete(queue).method.message_count, 1)


@scenario("the callback adapter opens a connection, a channel and a consumer, and closes in order")
def _(url):
    seen = []

    def on_open(connection):
        connection.channel(on_open_callback=on_channel)

    def on_channel(channel):
        channel.add_on_close_callback(lambda _, reason: seen.append(("channel", reason.reply_code)))
        channel.queue_declare("", exclusive=True, callback=lambda ok: on_queue(channel, ok.method.queue))

    def on_queue(channel, queue):
        channel.basic_consume(queue, on_message, callback=lambda _: channel.basic_publish("", queue, b"hello"))

    def on_message(channel, method, _properties, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)
        channel.connection.close()

    def on_close(connection, reason):
        seen.append(("connection", reason.reply_code))
        connection.ioloop.stop()

    def on_open_error(connection, error):
        seen.append(error)
        connection.ioloop.stop()

    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=on_open,
        on_close_callback=on_close,
        on_open_error_callback=on_open_error,
    )
    connection.ioloop.call_later(DEADLINE_SECONDS, connection.ioloop.stop)
    connection.ioloop.start()
    expect(seen, [b"hello", ("channel", 200), ("connection", 200)])


@scenario("a consumer loop that reconnects goes on after the broker's restart, and loses no persistent message")
def _(url):
    queue = unique_name("survivor")
    parameters = pika.URLParameters(url)

    def connect():
        connection = pika.BlockingConnection(parameters)
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True, arguments={"x-expires": 60000})
        return connection, channel

    connection, channel = connect()
    channel.basic_publish("", queue, b"kept", pika.BasicProperties(delivery_mode=2))
    method, _, _ = channel.basic_get(queue)
    expect(method.redelivered, False)
    is_told = take_broker_down()

    def use_the_dead_connection():
        channel.basic_ack(method.delivery_tag)
        connection.process_data_events(DEADLINE_SECONDS)

    error = raises(pika.exceptions.AMQPConnectionError, use_the_dead_connection)
    if is_told:
        expect((error.reply_code, error.reply_text), (320, SHUTDOWN))
    raises(pika.exceptions.AMQPConnectionError, connect)
    bring_broker_back()
    connection, channel = eventually("a connection", lambda: connected(connect))
    method, _, body = eventually("the unacked message", lambda: got(channel.basic_get(queue)))
    expect((body, method.redelivered), (b"kept", True))
    channel.queue_delete(queue)
    connection.close()


def connected(connect):
    """The loop that pika's own examples recommend: connect again until it works."""
    try:
        return connect()
    except pika.exceptions.AMQPConnectionError:
        return None


run_all()
