"""Typical sessions of pika, to be recorded: pika_sessions.py NAME URL."""

import datetime
import sys
from decimal import Decimal

import pika

PROPERTIES = pika.BasicProperties(
    content_type="text/plain",
    content_encoding="utf-8",
    headers={
        "text": "a text",
        "count": 42,
        "large": 2**40,
        "negative": -7,
        "true": True,
        "nothing": None,
        "list": [1, "two", {"three": 3}],
        "table": {"nested": {"deeper": "x"}},
        "at": datetime.datetime(2024, 1, 1),
        "price": Decimal("19.99"),
        "octets": b"\x00\x01\x02",
    },
    delivery_mode=2,
    priority=1,
    correlation_id="c-1",
    reply_to="answers",
    expiration="60000",
    message_id="m-1",
    timestamp=1_700_000_000,
    type="greeting",
    app_id="fuzz",
)


def work(connection):
    """Declares, publishes, consumes, acknowledges in every way."""
    channel = connection.channel()
    channel.exchange_declare("pika.direct", "direct", durable=True)
    channel.exchange_declare("pika.fanout", "fanout", internal=True, auto_delete=True)
    channel.exchange_bind("pika.fanout", "pika.direct", routing_key="copy")
    channel.queue_declare("pika.work", durable=True, arguments={"x-expires": 60000, "x-single-active-consumer": True})
    channel.queue_bind("pika.work", "pika.direct", "key")
    channel.queue_bind("pika.work", "pika.fanout")
    channel.basic_qos(prefetch_count=4)
    for number in range(10):
        channel.basic_publish("pika.direct", "key", b"x" * number, PROPERTIES)
    channel.basic_publish("pika.direct", "copy", b"copied", pika.BasicProperties(headers={"CC": ["key"], "BCC": ["copy"]}))
    taken = 0
    for method, _, _ in channel.consume("pika.work", inactivity_timeout=5):
        taken += 1
        if taken % 3 == 0:
            channel.basic_nack(method.delivery_tag, multiple=False, requeue=taken < 6)
        elif taken % 3 == 1:
            channel.basic_ack(method.delivery_tag)
        else:
            channel.basic_reject(method.delivery_tag, requeue=False)
        if taken == 10:
            break
    channel.cancel()
    channel.basic_recover(requeue=True)
    channel.basic_get("pika.work", auto_ack=True)
    channel.queue_unbind("pika.work", "pika.direct", "key")
    channel.queue_purge("pika.work")
    channel.queue_delete("pika.work")
    channel.exchange_unbind("pika.fanout", "pika.direct", "copy")
    channel.exchange_delete("pika.direct")
    channel.close()


def transactions(connection):
    """tx.select, commits, rollbacks, and a second channel beside it with confirms."""
    channel = connection.channel()
    confirming = connection.channel()
    confirming.confirm_delivery()
    channel.queue_declare("pika.tx", durable=True)
    channel.tx_select()
    for number in range(3):
        channel.basic_publish("", "pika.tx", b"%d" % number * 100, PROPERTIES)
        channel.tx_commit()
    channel.basic_publish("", "pika.tx", b"never")
    channel.tx_rollback()
    confirming.basic_publish("", "pika.tx", b"y" * 10000, PROPERTIES, mandatory=True)
    method, _, _ = channel.basic_get("pika.tx")
    channel.basic_ack(method.delivery_tag)
    channel.tx_commit()
    method, _, _ = channel.basic_get("pika.tx")
    channel.basic_nack(method.delivery_tag)
    channel.tx_rollback()
    channel.queue_delete("pika.tx")


SESSIONS = {"work": work, "transactions": transactions}

if __name__ == "__main__":
    parameters = pika.URLParameters(sys.argv[2])
    parameters.frame_max = 8192
    opened = pika.BlockingConnection(parameters)
    SESSIONS[sys.argv[1]](opened)
    opened.close()
