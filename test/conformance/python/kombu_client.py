"""kombu, the messaging library under Celery, over py-amqp: what Celery does, and what its users do by hand."""

import datetime
import functools
import itertools
import socket
import uuid
from decimal import Decimal

import amqp.exceptions
from kombu import Connection, Consumer, Exchange, Producer, Queue, binding
from kombu.common import Broadcast, collect_replies, maybe_declare
from kombu.mixins import ConsumerMixin
from kombu.pidbox import Mailbox
from kombu.pools import producers

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


def with_connection(function):
    """Hands a scenario a connection that confirms what it publishes, and closes it afterwards."""

    @functools.wraps(function)
    def run(url):
        with Connection(url, transport_options={"confirm_publish": True}) as connection:
            function(connection)

    return run


def drain_until(connection, what, probe):
    """Lets kombu call its callbacks until probe gives something true."""

    def drain():
        try:
            connection.drain_events(timeout=0.05)
        except socket.timeout:
            pass  # Nothing came; the probe decides.
        return probe()

    return probe() or eventually(what, drain)


def temporary_queue(channel, exchange="", routing_key="", **options):
    lifetime = {"durable": False, "exclusive": True, "auto_delete": True}
    queue = Queue(unique_name("kombu"), exchange, routing_key, channel=channel, **lifetime, **options)
    queue.declare()
    return queue


@scenario("the server is a RabbitMQ whose prefetch Celery may raise while it consumes")
@with_connection
def _(connection):
    connection.connect()
    # Celery asks for this before its first basic.qos: it goes by the product and version of the server's properties.
    expect(connection.qos_semantics_matches_spec, False)
    expect(connection.connection.server_properties["capabilities"]["consumer_cancel_notify"], True)


@scenario("heartbeats are agreed on, and checked in both directions")
def _(url):
    with Connection(url, heartbeat=1) as connection:
        connection.connect()
        expect(connection.get_heartbeat_interval(), 1)
        transport = connection.connection
        received_before = transport.bytes_recv
        sent_before = transport.bytes_sent

        def beat():
            try:
                connection.drain_events(timeout=0.1)
            except socket.timeout:
                connection.heartbeat_check(rate=2)
            # Counted in frames: two a second from the broker, and a peer may be silent for two or three.
            return transport.bytes_recv >= received_before + 8 and transport.bytes_sent >= sent_before + 3

        eventually("heartbeats each way", beat)
        connection.channel().close()


@scenario("a wrong password is AccessRefused, and a vhost that does not exist is NotAllowed")
def _(url):
    with Connection(variant_of(url, password="wrong")) as connection:
        error = raises(amqp.exceptions.AccessRefused, connection.connect)
        expect(error.reply_code, 403)
    with Connection(variant_of(url, vhost="no-such-vhost")) as connection:
        error = raises(amqp.exceptions.NotAllowed, connection.connect)
        expect(error.reply_text, "NOT_ALLOWED - vhost no-such-vhost not found")


@scenario("SimpleQueue puts, gets, acknowledges, requeues, counts and clears")
@with_connection
def _(connection):
    name = unique_name("simple")
    with connection.SimpleQueue(name, queue_opts={"expires": 60}) as queue:
        for number in range(3):
            queue.put({"number": number}, headers={"number": number}, compression="zlib")
        eventually("three messages", lambda: queue.qsize() == 3)
        message = queue.get(timeout=DEADLINE_SECONDS)
        expect((message.payload, message.headers["number"]), ({"number": 0}, 0))
        message.requeue()
        for number, redelivered in ((1, False), (2, False), (0, True)):
            message = queue.get(timeout=DEADLINE_SECONDS)
            expect((message.payload["number"], message.delivery_info["redelivered"]), (number, redelivered))
            message.ack()
    with connection.SimpleQueue(name, queue_opts={"expires": 60}) as queue:
        queue.put("cleared")
        expect(queue.clear(), 1)
        raises(queue.Empty, queue.get_nowait)
        queue.queue.delete()


@scenario("exchanges of every type with queues bound to them are declared by kombu's entities")
@with_connection
def _(connection):
    channel = connection.default_channel
    for kind in ("direct", "fanout", "topic", "headers"):
        arguments = {"x-match": "any", "color": "blue"} if kind == "headers" else None
        exchange = Exchange(unique_name(kind), kind, durable=False, auto_delete=True)
        queue = Queue(
            unique_name(kind),
            [binding(exchange, routing_key="a.key", arguments=arguments)],
            exclusive=True,
            channel=channel,
        )
        queue.declare()
        Producer(channel, exchange, "a.key").publish({"kind": kind}, headers={"color": "blue"})
        expect(queue.get(no_ack=True).payload, {"kind": kind})
        queue.unbind_from(exchange, "a.key", arguments=arguments)
        queue.delete()


@scenario("exchanges are bound to exchanges")
@with_connection
def _(connection):
    channel = connection.default_channel
    inner = Exchange(unique_name("inner"), "topic", durable=False, channel=channel)
    outer = Exchange(unique_name("outer"), "fanout", durable=False, channel=channel)
    inner.declare()
    outer.declare()
    inner.bind_to(outer, routing_key="")
    queue = temporary_queue(channel, inner, "#")
    Producer(channel, outer).publish("through both")
    expect(queue.get(no_ack=True).payload, "through both")
    inner.unbind_from(outer, routing_key="")
    outer.delete(if_unused=True)
    inner.delete()


@scenario("queue arguments of kombu's names expire, limit and order messages")
@with_connection
def _(connection):
    channel = connection.default_channel
    dead = temporary_queue(channel)
    limited = temporary_queue(
        channel,
        expires=60,
        message_ttl=60.0,
        max_length=1,
        max_length_bytes=1000,
        max_priority=9,
        queue_arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name},
    )
    producer = Producer(channel)
    producer.publish("first", routing_key=limited.name, priority=1)
    producer.publish("second", routing_key=limited.name, priority=9)
    letter = eventually("the dead letter", lambda: dead.get(no_ack=True))
    expect(letter.headers["x-death"][0]["reason"], "maxlen")
    producer.publish("late", routing_key=dead.name, expiration=0.01)
    eventually("the expiry", lambda: dead.queue_declare(passive=True).message_count == 0)


@scenario("an unroutable mandatory message comes back to on_return")
@with_connection
def _(connection):
    returned = []
    producer = Producer(connection.default_channel, on_return=lambda error, *rest: returned.append((error, *rest)))
    producer.publish("lost", exchange="amq.direct", routing_key="nowhere", mandatory=True)
    drain_until(connection, "the returned message", lambda: returned)
    error, exchange, routing_key, message = returned[0]
    expect((error.reply_code, error.reply_text, exchange, routing_key), (312, "NO_ROUTE", "amq.direct", "nowhere"))
    expect(message.body, "lost")


@scenario("a message that the queue refuses raises MessageNacked")
@with_connection
def _(connection):
    channel = connection.default_channel
    queue = temporary_queue(channel, max_length=1, queue_arguments={"x-overflow": "reject-publish"})
    producer = Producer(channel, routing_key=queue.name)
    producer.publish("fits")
    raises(amqp.exceptions.MessageNacked, lambda: producer.publish("does not fit"))


@scenario("a consumer honours prefetch, raised on the way as Celery does for tasks with a countdown")
@with_connection
def _(connection):
    channel = connection.channel()
    queue = temporary_queue(channel)
    producer = Producer(connection.default_channel, routing_key=queue.name)
    for number in range(5):
        producer.publish(number)
    received = []
    consumer = Consumer(channel, [queue], on_message=received.append)
    consumer.qos(prefetch_count=2, apply_global=True)
    with consumer:
        drain_until(connection, "two messages", lambda: len(received) == 2)
        expect(queue.queue_declare(passive=True).message_count, 3)
        consumer.qos(prefetch_count=4, apply_global=True)
        drain_until(connection, "four messages", lambda: len(received) == 4)
        expect(queue.queue_declare(passive=True).message_count, 1)
        for message in received:
            message.ack()
        drain_until(connection, "the last message", lambda: len(received) == 5)
        expect([message.payload for message in received], [0, 1, 2, 3, 4])
        received[4].reject()


@scenario("requeue gives a message back, reject dead-letters it")
@with_connection
def _(connection):
    channel = connection.default_channel
    dead = temporary_queue(channel)
    queue = temporary_queue(
        channel, queue_arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name}
    )
    Producer(channel, routing_key=queue.name).publish({"poison": True})
    deliveries = []

    def decide(message):
        deliveries.append(message.delivery_info["redelivered"])
        message.reject() if message.delivery_info["redelivered"] else message.requeue()

    with Consumer(channel, [queue], on_message=decide):
        drain_until(connection, "both deliveries", lambda: len(deliveries) == 2)
    expect(deliveries, [False, True])
    letter = eventually("the dead letter", lambda: dead.get(no_ack=True))
    expect((letter.payload, letter.headers["x-first-death-reason"]), ({"poison": True}, "rejected"))


@scenario("a consumer is told when its queue is deleted")
@with_connection
def _(connection):
    consuming = connection.channel()
    queue = temporary_queue(consuming)
    consumer = Consumer(consuming, [queue])
    consumer.consume()

    def delete_and_listen():
        # The cancellation may come before delete-ok or after it; py-amqp raises it from whatever reads it.
        queue.bind(connection.default_channel).delete()
        drain_until(connection, "the cancellation", lambda: None)

    raises(amqp.exceptions.ConsumerCancelled, delete_and_listen)


@scenario("errors of a channel are exceptions of their own kind, and the connection stays")
@with_connection
def _(connection):
    other = connection.clone()
    foreign = temporary_queue(other.default_channel)
    for kind, text, provoke in (
        (
            amqp.exceptions.NotFound,
            "NOT_FOUND - no queue 'nowhere' in vhost '/'",
            lambda ch: ch.queue_declare("nowhere", passive=True),
        ),
        (
            amqp.exceptions.PreconditionFailed,
            "PRECONDITION_FAILED - inequivalent arg 'type'",
            lambda ch: ch.exchange_declare("amq.topic", "direct", durable=True),
        ),
        (
            amqp.exceptions.AccessRefused,
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
            lambda ch: ch.exchange_declare("amq.mine", "direct"),
        ),
        (
            amqp.exceptions.ResourceLocked,
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue",
            lambda ch: ch.queue_declare(foreign.name, passive=True),
        ),
    ):
        error = raises(kind, lambda: provoke(connection.channel()))
        if not error.reply_text.startswith(text):
            raise error
    expect(connection.connected, True)
    other.release()


@scenario("a message of 8 MiB crosses in both directions")
@with_connection
def _(connection):
    queue = temporary_queue(connection.default_channel)
    body = bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1)
    Producer(connection.default_channel, routing_key=queue.name).publish(
        body, content_type="application/data", content_encoding="binary"
    )
    expect(queue.get(no_ack=True).body == body, True)


@scenario("two thousand channels of one connection are open at once")
@with_connection
def _(connection):
    queue = temporary_queue(connection.default_channel)
    channels = [connection.channel() for _ in range(1999)]
    for channel in channels:
        Producer(channel, auto_declare=False).publish(channel.channel_id, routing_key=queue.name)
    expect({queue.get(no_ack=True).payload for _ in channels}, {channel.channel_id for channel in channels})


@scenario("names hold any Unicode, up to 255 bytes of it, the vhost's too")
def _(url):
    options = {"confirm_publish": True}
    with Connection(variant_of(url, vhost=TENANT_VHOST), transport_options=options) as connection:
        channel = connection.default_channel
        exchange = Exchange(unique_name("обмен"), "topic", durable=False, auto_delete=True)
        name = unique_name("名前 \U0001f430")
        name += "." * (255 - len(name.encode()))
        queue = Queue(name, exchange, "ключ.*.#", exclusive=True, channel=channel)
        expect(queue.declare(), name)
        headers = {"schlüssel ☃": "wert \U0001f955"}
        Producer(channel, exchange, "ключ.é.\U0001f407").publish("körper", headers=headers)
        message = queue.get(no_ack=True)
        expect((message.headers, message.payload), (headers, "körper"))
        expect(message.delivery_info["routing_key"], "ключ.é.\U0001f407")


@scenario("a connection that breaks takes its exclusive and auto-delete queues with it, and gives its unacked back")
@with_connection
def _(witness):
    leaving = witness.clone()
    channel = leaving.default_channel
    kept = Queue(unique_name("kept"), durable=False, expires=60, channel=witness.default_channel)
    kept.declare()
    exclusive = temporary_queue(channel)
    auto_delete = Queue(unique_name("auto-delete"), durable=False, auto_delete=True, channel=channel)
    auto_delete.declare()
    auto_delete.consume("tag", lambda message: None)
    Producer(channel, routing_key=kept.name).publish("unacked")
    expect(kept.bind(channel).get().payload, "unacked")
    leaving.connection.transport.sock.shutdown(socket.SHUT_RDWR)
    message = eventually("the unacked message", lambda: kept.get(no_ack=True))
    expect((message.payload, message.delivery_info["redelivered"]), ("unacked", True))

    def is_gone(queue):
        try:
            queue.bind(witness.channel()).queue_declare(passive=True)
        except amqp.exceptions.NotFound:
            return True
        except amqp.exceptions.ResourceLocked:
            return False

    for queue in (exclusive, auto_delete):
        # It is there until its end is synced.
        eventually(f"the end of {queue.name}", lambda: is_gone(queue))
    raises(leaving.connection_errors, lambda: leaving.drain_events(timeout=DEADLINE_SECONDS))


@scenario("a publisher is told that the broker blocks it, and what it sent is there when there is room again")
def _(url):
    told = []
    options = {"on_blocked": lambda reason: told.append("blocked"), "on_unblocked": lambda: told.append("unblocked")}
    with Connection(url, transport_options=options) as connection:
        queue = Queue(unique_name("blocked"), durable=True, expires=60, channel=connection.default_channel)
        queue.declare()
        if not fill_disk():
            return
        Producer(connection.default_channel).publish("while blocked", routing_key=queue.name, delivery_mode=2)
        drain_until(connection, "connection.blocked", lambda: told == ["blocked"])
        free_disk()
        drain_until(connection, "connection.unblocked", lambda: told == ["blocked", "unblocked"])
        expect(queue.get(no_ack=True).payload, "while blocked")
        queue.delete()


@scenario("another user of the URL may do what its permissions say")
@with_connection
def _(guests):
    guests_queue = temporary_queue(guests.default_channel)
    url = variant_of(guests.as_uri(include_password=True), user=OWN_USER, password=OWN_USER)
    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        channel = connection.default_channel
        own = Queue(f"{OWN_PREFIX}{unique_name('q')}", exclusive=True, channel=channel)
        own.declare()
        Producer(channel, routing_key=own.name).publish("mine")
        expect(own.get(no_ack=True).payload, "mine")
        for kind, name, provoke in (
            ("queue", guests_queue.name, lambda ch: guests_queue.bind(ch).get()),
            ("queue", "foreign", lambda ch: ch.queue_declare("foreign")),
            ("exchange", "amq.topic", lambda ch: Producer(ch).publish("x", exchange="amq.topic")),
        ):
            error = raises(amqp.exceptions.AccessRefused, lambda: provoke(connection.channel()))
            text = f"ACCESS_REFUSED - access to {kind} '{name}' in vhost '/' refused for user '{OWN_USER}'"
            expect(error.reply_text, text)
    with Connection(variant_of(url, vhost=TENANT_VHOST)) as connection:
        raises(amqp.exceptions.NotAllowed, connection.connect)


@scenario("publishing to an exchange that is not there is NotFound, declaring it passively too")
@with_connection
def _(connection):
    missing = Exchange("nowhere", "direct", passive=True)
    for provoke in (
        lambda ch: Producer(ch).publish("lost", exchange="nowhere"),
        lambda ch: missing.bind(ch).declare(passive=True),
    ):
        error = raises(amqp.exceptions.NotFound, lambda: provoke(connection.channel()))
        expect(error.reply_text, "NOT_FOUND - no exchange 'nowhere' in vhost '/'")
    Exchange("amq.topic", "topic").bind(connection.default_channel).declare(passive=True)


@scenario("a broker that is stopped says so")
@with_connection
def _(connection):
    connection.connect()
    is_told = take_broker_down()
    error = raises(connection.connection_errors, lambda: connection.drain_events(timeout=DEADLINE_SECONDS))
    if is_told:
        expect((type(error), error.reply_text), (amqp.exceptions.ConnectionForced, SHUTDOWN))
    bring_broker_back()


@scenario("headers of every type that py-amqp writes and reads alike come back equal")
@with_connection
def _(connection):
    queue = temporary_queue(connection.default_channel)
    headers = {
        "text": "grüße, 世界",
        "yes": True,
        "no": False,
        "int": -(2**31) + 1,
        "long": 2**62 + 1,
        "longest": 2**63 - 1,
        "negative": -(2**40),
        "most negative": -(2**63),
        "double": 1.0 / 3.0,
        "decimal": Decimal("3.14"),
        "when": datetime.datetime(2023, 11, 14, 22, 13, 20),
        "nothing": None,
        "list": ["one", 2, 3.5, [True]],
        "table": {"inner": {"deep": 1}},
    }
    sent = {
        "correlation_id": "c",
        "reply_to": "r",
        "priority": 3,
        "message_id": "m",
        "app_id": "a",
        "type": "t",
        "user_id": "guest",
    }
    Producer(connection.default_channel, routing_key=queue.name).publish("x", headers=headers, **sent)
    message = queue.get(no_ack=True)
    expect(message.headers, headers)
    expect({name: message.properties[name] for name in sent}, sent)


@scenario("a transaction publishes at its commit only")
@with_connection
def _(connection):
    queue = temporary_queue(connection.default_channel)
    with Connection(connection.as_uri(include_password=True)) as plain:
        channel = plain.channel()
        channel.tx_select()
        producer = Producer(channel, routing_key=queue.name)
        producer.publish("undone")
        channel.tx_rollback()
        producer.publish("done")
        # A passive declare would be refused from here: the queue is exclusive to the other connection.
        expect(queue.get(no_ack=True), None)
        channel.tx_commit()
    expect(queue.get(no_ack=True).payload, "done")


@scenario("an RPC over the direct reply-to, and one over a reply queue, are answered")
@with_connection
def _(connection):
    channel = connection.default_channel
    requests = temporary_queue(channel)
    replies = []
    answers = Producer(connection.channel())

    def answer(message):
        answers.publish(
            message.payload * 2,
            routing_key=message.properties["reply_to"],
            correlation_id=message.properties["correlation_id"],
        )
        message.ack()

    direct = Queue("amq.rabbitmq.reply-to", no_declare=True, no_ack=True)
    asking = connection.channel()
    with Consumer(connection.channel(), [requests], on_message=answer):
        with Consumer(asking, [direct], on_message=replies.append, no_ack=True, auto_declare=False):
            # A direct reply must be asked for on the channel that consumes it.
            Producer(asking).publish(21, routing_key=requests.name, reply_to=direct.name, correlation_id="direct")
            drain_until(connection, "the direct reply", lambda: len(replies) == 1)
    expect((replies[0].payload, replies[0].properties["correlation_id"]), (42, "direct"))
    own = temporary_queue(channel)
    with Consumer(connection.channel(), [requests], on_message=answer):
        Producer(channel).publish(4, routing_key=requests.name, reply_to=own.name, correlation_id="own")
        (reply,) = collect_replies(connection, channel, own, limit=1, timeout=DEADLINE_SECONDS)
    expect(reply, 8)


@scenario("Celery's topology: a task queue, its result over a reply queue, and events by topic")
@with_connection
def _(connection):
    suffix = uuid.uuid4().hex[:8]
    channel = connection.default_channel
    tasks_exchange = Exchange(f"celery.{suffix}", "direct", durable=True, auto_delete=True)
    tasks = Queue(f"celery.{suffix}", tasks_exchange, routing_key="celery", durable=True, expires=60)
    results = Queue(str(uuid.uuid4()), Exchange(""), durable=False, exclusive=False, auto_delete=True, expires=60)
    events_exchange = Exchange(f"celeryev.{suffix}", "topic", durable=True, auto_delete=True)
    events = Queue(
        f"celeryev.{uuid.uuid4()}",
        events_exchange,
        routing_key="#",
        auto_delete=True,
        durable=False,
        message_ttl=5.0,
        expires=60.0,
    )
    for entity in (tasks, results, events):
        maybe_declare(entity, channel)
    task_id = str(uuid.uuid4())
    with producers[connection].acquire(block=True) as producer:
        producer.publish(
            ([2, 3], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}),
            exchange=tasks_exchange,
            routing_key="celery",
            declare=[tasks],
            retry=True,
            headers={
                "lang": "py",
                "task": "tasks.add",
                "id": task_id,
                "shadow": None,
                "eta": None,
                "expires": None,
                "group": None,
                "retries": 0,
                "timelimit": [None, None],
                "root_id": task_id,
                "parent_id": None,
                "argsrepr": "(2, 3)",
                "kwargsrepr": "{}",
                "origin": "gen1@localhost",
                "ignore_result": False,
            },
            correlation_id=task_id,
            reply_to=results.name,
            serializer="json",
            delivery_mode=2,
        )
        producer.publish({"type": "task-sent", "uuid": task_id}, exchange=events_exchange, routing_key="task.sent")

    def work(message):
        (first, second), _, _ = message.payload
        Producer(channel).publish(
            {"task_id": message.headers["id"], "status": "SUCCESS", "result": first + second},
            routing_key=message.properties["reply_to"],
            correlation_id=message.properties["correlation_id"],
        )
        message.ack()

    with Consumer(connection.channel(), [tasks], on_message=work, prefetch_count=4):
        (result,) = collect_replies(connection, channel, results(channel), limit=1, timeout=DEADLINE_SECONDS)
    expect((result["task_id"], result["result"]), (task_id, 5))
    event = eventually("the event", lambda: events(channel).get(no_ack=True))
    expect((event.payload["type"], event.delivery_info["routing_key"]), ("task-sent", "task.sent"))
    for queue in (tasks, events):
        queue(channel).delete()


@scenario("Celery's remote control: a broadcast over a mailbox is answered by every worker")
@with_connection
def _(connection):
    mailbox = Mailbox(unique_name("control"), type="fanout")(connection)
    workers = [mailbox.Node(f"worker{number}@localhost", channel=connection.channel()) for number in (1, 2)]
    for worker in workers:
        worker.handlers["ping"] = functools.partial(lambda name, state, **_: {name: "pong"}, worker.hostname)
    consumers = [worker.listen() for worker in workers]
    replies = mailbox.multi_call("ping", timeout=DEADLINE_SECONDS, limit=2)
    answered = sorted(name for reply in replies for answer in reply.values() for name in answer)
    expect(answered, [worker.hostname for worker in workers])
    for consumer in consumers:
        consumer.cancel()


@scenario("a broadcast queue gives every subscriber its own copy")
@with_connection
def _(connection):
    name = unique_name("broadcast")
    received = []
    subscribers = []
    for number in (1, 2):
        channel = connection.channel()
        consumer = Consumer(
            channel,
            [Broadcast(name, exchange=Exchange(name, "fanout", auto_delete=True))],
            on_message=lambda message, number=number: received.append((number, message.payload)),
            no_ack=True,
        )
        consumer.consume()
        subscribers.append(consumer)
    Producer(connection.default_channel, Exchange(name, "fanout", auto_delete=True)).publish("all")
    drain_until(connection, "both copies", lambda: len(received) == 2)
    expect(sorted(received), [(1, "all"), (2, "all")])
    for consumer in subscribers:
        consumer.cancel()


@scenario("publishing with a retry policy outlives the broker's restart, and the message with it")
def _(url):
    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        queue = Queue(unique_name("retry"), durable=True, expires=60)
        producer = Producer(connection.default_channel)
        producer.publish("before", routing_key=queue.name, declare=[queue], delivery_mode=2)
        take_broker_down()
        attempts = []

        def on_error(error, _interval):
            attempts.append(error)
            if len(attempts) == 2:
                bring_broker_back()

        producer.publish(
            "after",
            routing_key=queue.name,
            declare=[queue],
            delivery_mode=2,
            retry=True,
            retry_policy={
                "interval_start": 0.01,
                "interval_step": 0.01,
                "interval_max": 0.1,
                "max_retries": 100,
                "errback": on_error,
            },
        )
        bound = queue(connection.default_channel)
        expect([bound.get(no_ack=True).payload for _ in range(2)], ["before", "after"])
        expect(len(attempts) >= 2, True)
        bound.delete()


@scenario("a worker built on ConsumerMixin reconnects by itself and goes on consuming")
def _(url):
    queue = Queue(unique_name("worker"), durable=True, expires=60)

    class Worker(ConsumerMixin):
        def __init__(self, connection):
            self.connection = connection
            self.received = []
            self.consumer_starts = itertools.count(1)

        def get_consumers(self, consumer_class, channel):
            return [consumer_class([queue], on_message=self.on_message)]

        def on_consume_ready(self, connection, channel, consumers, **kwargs):
            number = next(self.consumer_starts)
            Producer(connection.clone().default_channel).publish(number, routing_key=queue.name, delivery_mode=2)

        def on_message(self, message):
            self.received.append(message.payload)
            message.ack()
            if len(self.received) == 2:
                self.should_stop = True
            else:
                take_broker_down()
                bring_broker_back()

        def on_connection_revived(self):
            self.revived = True

    with Connection(url) as connection:
        worker = Worker(connection)
        worker.connect_max_retries = 100
        worker.run(_tokens=1, safety_interval=0.01, timeout=DEADLINE_SECONDS)
        # An acknowledgement may be lost with the connection, and then the first message comes a second time.
        expect(worker.received[0], 1)
        expect(worker.revived, True)
        queue(connection.clone().default_channel).delete()


run_all()
