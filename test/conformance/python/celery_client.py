"""Celery with a worker of its own: what an application that hands tasks on relies upon."""

import os
import subprocess
import sys
import time
import uuid

from celery import Celery, chain, group

from scenarios import DEADLINE_SECONDS, bring_broker_back, run_all, scenario, take_broker_down

URL = sys.argv[-1]
QUEUE = os.environ.setdefault("CELERY_QUEUE", f"celery.{uuid.uuid4()}")

app = Celery("conformance", broker=URL, backend="rpc://")
app.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_queue_max_priority=5,
    worker_prefetch_multiplier=1,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@app.task
def add(one, other):
    return one + other


@app.task(bind=True, max_retries=3)
def fail_twice(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.05)
    return self.request.retries


@scenario("a task is done, and its result comes back")
def one_task(_url):
    assert add.delay(2, 3).get(timeout=DEADLINE_SECONDS) == 5


@scenario("many tasks at a time and tasks one behind the other give all their results")
def many_tasks(_url):
    assert group(add.s(number, number) for number in range(100))().get(timeout=3 * DEADLINE_SECONDS) == [
        2 * number for number in range(100)
    ]
    assert chain(add.s(1, 1), add.s(5), add.s(10))().get(timeout=DEADLINE_SECONDS) == 17


@scenario("a task that fails is tried again")
def tried_again(_url):
    assert fail_twice.delay().get(timeout=DEADLINE_SECONDS) == 2


@scenario("a task with a priority, and one for later, are done")
def later(_url):
    assert add.apply_async((1, 2), priority=4).get(timeout=DEADLINE_SECONDS) == 3
    started = time.time()
    assert add.apply_async((3, 4), countdown=0.5).get(timeout=DEADLINE_SECONDS) == 7
    assert time.time() - started >= 0.5


@scenario("workers answer when they are asked")
def asked(_url):
    until = time.time() + DEADLINE_SECONDS
    found = []
    while not found and time.time() < until:
        answers = app.control.inspect(timeout=0.5).active_queues() or {}
        found = [queue["name"] for queues in answers.values() for queue in queues]
    assert found == [QUEUE], found


@scenario("a worker whose broker goes and comes back goes on")
def goes_on(_url):
    take_broker_down()
    bring_broker_back()
    # Celery's own wait for results does not outlive its connection, so another client asks.
    other = Celery("other", broker=URL, backend="rpc://")
    other.conf.update(task_default_queue=QUEUE, task_queue_max_priority=5)
    result = other.send_task(add.name, (5, 6))
    assert result.get(timeout=3 * DEADLINE_SECONDS) == 11


if __name__ == "__main__":
    if "worker" in sys.argv:
        app.worker_main(["worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "CRITICAL"])
    else:
        program = [sys.executable, "-B", __file__, "worker", URL]
        worker = subprocess.Popen(program, stdout=sys.stderr)
        try:
            run_all()
        finally:
            worker.kill()
            worker.wait()
