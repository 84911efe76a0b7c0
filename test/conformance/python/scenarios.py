"""How a Python client reports to the test that started it: see external-program.ts for the lines it speaks."""

import json
import sys
import time
import traceback
import uuid
from urllib.parse import quote, urlsplit, urlunsplit

DEADLINE_SECONDS = 10

# See definitions.ts.
OWN_USER = "own"
OWN_PREFIX = "conformance.own."
TENANT_VHOST = "tenant/ß €"

SHUTDOWN = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"

_scenarios = []


def scenario(sentence):
    """Registers a function of one argument, the broker's URL, under the sentence that it proves."""

    def register(function):
        _scenarios.append((sentence, function))
        return function

    return register


def run_all():
    """Runs every scenario against the URL of the command line and reports each."""
    url = sys.argv[-1]
    for sentence, function in _scenarios:
        error = None
        try:
            function(url)
        except Exception:
            error = traceback.format_exc()
        _say({"scenario": sentence, "error": error})
    _say({"finished": len(_scenarios)})


def take_broker_down():
    """Returns when the broker is gone and refuses connections: whether it was stopped in order, which clients are told."""
    return _ask("go-down") == "stopped"


def bring_broker_back():
    """Returns when the broker accepts connections again, on the same address."""
    _ask("come-back")


def fill_disk():
    """From now on the broker cannot write, until free_disk. Returns False where the broker's disk is out of reach."""
    return _ask("fill-disk") == "full"


def free_disk():
    _ask("free-disk")


def unique_name(word):
    return f"conformance.{word}.{uuid.uuid4().hex[:8]}"


def variant_of(url, user=None, password=None, vhost=None):
    """The URL with another user, password or vhost."""
    parts = urlsplit(url)
    netloc = f"{user or parts.username}:{password or parts.password}@{parts.hostname}:{parts.port}"
    path = parts.path if vhost is None else "/" + quote(vhost, safe="")
    return urlunsplit(parts._replace(netloc=netloc, path=path))


def eventually(what, probe):
    """Calls probe until it gives something true, and returns that. The probe itself waits on the connection."""
    give_up_at = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > give_up_at:
            raise AssertionError(f"still waiting for {what} after {DEADLINE_SECONDS} s")


def expect(actual, expected):
    """An assertion that shows both sides, also where Python runs with -O."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def raises(kind, function):
    """Calls function, which must raise kind, and returns the exception."""
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def _ask(what):
    _say({"ask": what})
    answer = sys.stdin.readline().strip()
    if answer not in ("stopped", "cut", "back", "full", "impossible", "free"):
        raise AssertionError(f"the test did not answer {what}")
    return answer


def _say(line):
    print(json.dumps(line), flush=True)
