"""Taking webhooks in: signed ones over HTTP, against an empty Flask view in the same server and run.

The floor is a bare Flask application with one view that answers with nothing, in the same web server with as many
processes and threads. Both take turns. Every webhook is another one, so each of ours verifies, seals and inserts.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count

from app.db import transaction
from app.services import gateway_accounts
from bench.figures import Figure
from bench.lab import Lab, lab

ROUNDS, REQUESTS, CLIENTS = 6, 100, 4
SECRET = "whsec_bench"
_numbers = count()


def run() -> Sequence[Figure]:
    """Requests in a second, by four clients."""
    with lab() as place, place.served() as port, place.served("bench.empty_view") as floor_port:
        path, ours, floor = _address(place), 0.0, 0.0
        _seconds(port, path, 20)
        _seconds(floor_port, path, 20)
        for _ in range(ROUNDS):
            floor += _seconds(floor_port, path, REQUESTS)
            ours += _seconds(port, path, REQUESTS)
        sent = ROUNDS * REQUESTS * CLIENTS
        return [Figure("webhook_intake", sent / ours, sent / floor, "requests/s")]


def _address(place: Lab) -> str:
    credentials = {"api_key": "sk_test_bench", "webhook_secrets": SECRET, "base_url": "http://127.0.0.1:9"}
    with place.in_tenant(), transaction():
        account = gateway_accounts.create("Bench", "stripe", credentials, datetime.now(UTC))
    return f"/webhooks/stripe/{account.webhook_key}"


def _seconds(port: int, path: str, each: int) -> float:
    """How long it takes all clients to send so many webhooks each, which are signed beforehand."""
    letters = [[_letter() for _ in range(each)] for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        for sent in [pool.submit(_send_all, port, path, some) for some in letters]:
            sent.result()
        return time.perf_counter() - started


def _send_all(port: int, path: str, letters: Sequence[tuple[bytes, dict[str, str]]]) -> None:
    with _line(port) as line:
        for body, headers in letters:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a webhook was not taken: {answer.status}")


def _letter() -> tuple[bytes, dict[str, str]]:
    n, now = next(_numbers), int(time.time())
    intent = {"object": "payment_intent", "id": f"pi_{n}", "metadata": {"key": ""}, "amount": 2260, "currency": "cad"}
    body = json.dumps({"id": f"evt_{n}", "type": "payment_intent.succeeded", "data": {"object": intent}}).encode()
    mark = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Stripe-Signature": f"t={now},v1={mark}", "Content-Type": "application/json"}


@contextmanager
def _line(port: int) -> Iterator[HTTPConnection]:
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    yield line
    line.close()
