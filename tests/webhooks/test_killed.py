"""A web server that is killed while hundreds of webhooks come: what it answered with 200 is kept, each exactly once."""

import hashlib
import hmac
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPConnection, HTTPException

from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.db import session, tenant_scope, transaction
from app.models import InboxNotice
from app.processes import Child, Program, wait_until
from app.services import gateway_accounts
from tests.commands import QUITTANCE, free_port, quittance_variables

SECRET = "whsec_of_the_killed"
SENDERS, EACH, ENOUGH = 8, 100, 120
Letter = tuple[str, bytes, dict[str, str]]


def letter(name: str) -> Letter:
    """A signed webhook about a payment, and its mark."""
    intent = {"object": "payment_intent", "id": f"pi_{name}", "metadata": {}}
    body = json.dumps({"id": f"evt_{name}", "data": {"object": intent}}).encode()
    now = int(time.time())
    mark = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"evt_{name}", body, {"Stripe-Signature": f"t={now},v1={mark}", "Content-Type": "application/json"}


def send(port: int, path: str, letters: Sequence[Letter], taken: list[str]) -> None:
    """Send them on one line until it breaks; those that are answered with 200 are `taken`."""
    line = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for name, body, headers in letters:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
            taken.append(name)
    except (OSError, HTTPException):
        pass
    finally:
        line.close()


def answers(port: int) -> bool:
    line = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/health/live")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def served(settings: Settings, port: int) -> Child:
    """The web server on the servers of the tests, in processes of its own."""
    words = (*QUITTANCE, "web", "--host", "127.0.0.1", "--port", str(port))
    return Child("web", Program(words, quittance_variables(settings, LOG_LEVEL="ERROR")))


def test_what_was_answered_is_kept_once_though_the_server_is_killed(
    app: Flask, tenant: str, at: datetime, settings: Settings
) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        account = gateway_accounts.create("Till", "stripe", {"api_key": "sk_test_x", "webhook_secrets": SECRET}, at)
        path = f"/webhooks/stripe/{account.webhook_key}"
    letters = [[letter(f"{sender}_{number}") for number in range(EACH)] for sender in range(SENDERS)]
    port = free_port()
    web, taken = served(settings, port), []  # type: Child, list[str]
    web.start()
    try:
        assert wait_until(lambda: answers(port), 60)
        with ThreadPoolExecutor(SENDERS) as pool:
            for some in letters:
                pool.submit(send, port, path, some, taken)
            assert wait_until(lambda: len(taken) >= ENOUGH, 60)
            os.killpg(web.pid or 0, signal.SIGKILL)
    finally:
        web.stop()
    assert ENOUGH <= len(taken) < SENDERS * EACH, "it was killed amid the storm"
    kept = marks(app, tenant)
    assert set(taken) <= set(kept)
    assert set(kept.values()) == {1}
    again = app.test_client()
    for some in letters:
        for _, body, headers in some[-len(some) // 4 :] + some[:5]:
            assert again.post(path, data=body, headers=headers).status_code == 200
    assert set(marks(app, tenant).values()) == {1}, "sent again, each is still there once"


def marks(app: Flask, tenant: str) -> Counter[str]:
    with app.app_context(), tenant_scope(tenant):
        return Counter(session().scalars(select(InboxNotice.dedupe)))
