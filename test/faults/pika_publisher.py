"""Publishes what it reads, `QUEUE BODY` a line, and prints a line when it is blocked or unblocked."""

import sys
import threading

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
told = lambda text: print(text, flush=True)
connection.add_on_connection_blocked_callback(lambda _, frame: told(f"blocked: {frame.method.reason}"))
connection.add_on_connection_unblocked_callback(lambda _, frame: told("unblocked"))
ended = threading.Event()


def read_lines():
    for line in sys.stdin:
        queue, body = line.split()
        connection.add_callback_threadsafe(lambda: channel.basic_publish("", queue, body.encode()))
    ended.set()


threading.Thread(target=read_lines, daemon=True).start()
told("ready")
while not ended.is_set():
    connection.process_data_events(0.05)
connection.close()
