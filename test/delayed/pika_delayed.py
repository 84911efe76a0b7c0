"""pika on an x-delayed-message exchange. See ../conformance/external-program.ts for how it reports."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance" / "python"))

import pika
from scenarios import DEADLINE_SECONDS, expect, run_all, scenario


def declared(url, name):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare(name, "x-delayed-message", arguments={"x-delayed-type": "topic"})
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, name, "a.*")
    return connection, channel, queue


def publish(channel, name, body, headers):
    channel.basic_publish(name, "a.b", body, pika.BasicProperties(headers=headers, delivery_mode=2), mandatory=True)


def taken(connection, channel, queue):
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            return body, properties.headers
        connection.process_data_events(0.005)
    raise AssertionError("nothing came")


@scenario("confirmed publishes come in the order of their delays, with x-delay negated")
def _(url):
    connection, channel, queue = declared(url, "pika.later")
    channel.confirm_delivery()
    publish(channel, "pika.later", b"second", {"x-delay": 2000})
    publish(channel, "pika.later", b"first", {"x-delay": 100})
    expect(taken(connection, channel, queue), (b"first", {"x-delay": -100}))
    expect(taken(connection, channel, queue), (b"second", {"x-delay": -2000}))
    connection.close()


@scenario("a mandatory message that no queue would get comes back as unroutable")
def _(url):
    connection, channel, _ = declared(url, "pika.mandatory")
    channel.confirm_delivery()
    properties = pika.BasicProperties(headers={"x-delay": 10})
    try:
        channel.basic_publish("pika.mandatory", "nobody", b"", properties, mandatory=True)
    except pika.exceptions.UnroutableError:
        connection.close()
        return
    raise AssertionError("it was taken")


@scenario("a transaction holds a delayed message back, and a rollback takes it away")
def _(url):
    connection, channel, queue = declared(url, "pika.tx")
    channel.tx_select()
    publish(channel, "pika.tx", b"undone", {"x-delay": 10})
    channel.tx_rollback()
    publish(channel, "pika.tx", b"done", {"x-delay": 30})
    channel.tx_commit()
    expect(taken(connection, channel, queue), (b"done", {"x-delay": -30}))
    expect(channel.basic_get(queue)[0], None)
    connection.close()


run_all()
