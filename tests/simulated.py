"""Shops that sell through simulated gateways: the real adapters and SDKs, and the other end on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

import requests

from app.db import transaction
from app.services import gateway_accounts
from simulators import simulator_class
from simulators.frame import Simulator
from simulators.wire import served


@contextmanager
def simulated(gateway: str) -> Iterator[Simulator]:
    """The simulator of a gateway, served."""
    with served(simulator_class(gateway)()) as simulator:
        yield simulator


FORM_KEYS = ("publishable_key", "application_id")  # with which accounts have their gateway's form on our pages


def connected(simulator: Simulator, at: datetime, name: str | None = None, *, forms: bool = True) -> str:
    """The id of a new account at the simulator, for the tenant in scope; without forms it has the gateway's page."""
    credentials = {name: value for name, value in simulator.account().items() if forms or name not in FORM_KEYS}
    with transaction():
        return gateway_accounts.create(name or simulator.name.title(), simulator.name, credentials, at).id


def press(url: str, choice: str) -> str:
    """Press a button on a simulator's page; gives the path, with its query, of where that leads on our side."""
    answer = requests.post(url, data={"choice": choice}, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    leads = urlsplit(answer.headers["Location"])
    return f"{leads.path}?{leads.query}" if leads.query else leads.path
