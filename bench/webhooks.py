"""Taking webhooks in: signed ones over HTTP, against an empty Flask view in the same server and run.

The floor is a bare Flask application with one view that answers with nothing, in the same web server with as many
processes and threads. Both take turns, and hear the same clients, which are processes of their own: one alone would be
busier with asking than the server with empty answers. Every webhook is another one, so each of ours verifies, seals and
inserts.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from multiprocessing import get_context

from app.db import transaction
from app.services import gateway_accounts
from bench.figures import Figure
from bench.lab import Lab, lab

ROUNDS, REQUESTS, LINES, CLIENTS = 6, 50, 8, 4
SECRET = "whsec_bench"
_numbers = count()


def run() -> Sequence[Figure]:
    """Requests in a second, by four clients with eight lines each."""
    clients = ProcessPoolExecutor(CLIENTS, get_context("spawn"))
    with lab() as place, place.served() as port, place.served("bench.empty_view") as floor_port, clients:
        path, ours, floor = _address(place), 0.0, 0.0
        _seconds(clients, port, path)
        _seconds(clients, floor_port, path)
        for _ in range(ROUNDS):
            floor += _seconds(clients, floor_port, path)
            ours += _seconds(clients, port, path)
        sent = ROUNDS * REQUESTS * LINES * CLIENTS
        return [Figure("webhook_intake", sent / ours, sent / floor, "requests/s")]


def _address(place: Lab) -> str:
    credentials = {"api_key": "sk_test_bench", "webhook_secrets": SECRET, "base_url": "http://127.0.0.1:9"}
    with place.in_tenant(), transaction():
        account = gateway_accounts.create("Bench", "stripe", credentials, datetime.now(UTC))
    return f"/webhooks/stripe/{account.webhook_key}"


def _seconds(clients: ProcessPoolExecutor, port: int, path: str) -> float:
    """From the first webhook that any client sends to the last answer that any of them hears."""
    spans = [one.result() for one in [clients.submit(_send, port, path) for _ in range(CLIENTS)]]
    return max(ended for _, ended in spans) - min(began for began, _ in spans)


def _send(port: int, path: str) -> tuple[float, float]:
    """Send webhooks, signed beforehand, on all lines of a client; gives when it began and ended."""
    letters = [[_letter() for _ in range(REQUESTS)] for _ in range(LINES)]
    with ThreadPoolExecutor(LINES) as lines:
        began = time.monotonic()
        for sent in [lines.submit(_send_all, port, path, some) for some in letters]:
            sent.result()
        return began, time.monotonic()


def _send_all(port: int, path: str, letters: Sequence[tuple[bytes, dict[str, str]]]) -> None:
    with _line(port) as line:
        for body, headers in letters:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a webhook was not taken: {answer.status}")


def _letter() -> tuple[bytes, dict[str, str]]:
    n, now = f"{os.getpid()}_{next(_numbers)}", int(time.time())
    intent = {"object": "payment_intent", "id": f"pi_{n}", "metadata": {"key": ""}, "amount": 2260, "currency": "cad"}
    body = json.dumps({"id": f"evt_{n}", "type": "payment_intent.succeeded", "data": {"object": intent}}).encode()
    mark = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Stripe-Signature": f"t={now},v1={mark}", "Content-Type": "application/json"}


@contextmanager
def _line(port: int) -> Iterator[HTTPConnection]:
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    yield line
    line.close()
