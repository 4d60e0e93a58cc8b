"""Charging at each gateway that has a simulator: the time our code adds to a gateway's own, against 10 ms.

Ours is everything from the claim to the record, the gateway's SDK included, less the time in which a request was under
way: its sending, the simulator, its answer. Methods are charged where a gateway keeps them; elsewhere a payment is
begun that its payer finishes.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from statistics import median
from typing import Any

import httpx
import requests

from app.db import tenant_scope, transaction
from app.domain.tax_tables.canada import RATES
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.services import charging, customers, gateway_accounts, invoices, payment_methods, screening, tenants
from app.services.one_off import OneOff
from app.services.ways import Hosted
from bench.figures import Figure
from bench.lab import SELLER, Lab, lab
from simulators import simulator_class
from simulators.frame import Simulator
from simulators.wire import served

CHARGES, WARM_UP = int(os.environ.get("GATEWAY_CHARGES", "60")), 10
ALLOWED_MS = 10.0
GATEWAYS = ("stripe", "square", "paypal", "adyen", "btcpay", "pesapal", "jenga", "web3")
SHILLINGS = ("pesapal", "jenga")
PHONE = "+254712345678"
# What a payer leaves at a gateway to be charged later; at the others they pay without.
LEFT: Mapping[str, Callable[[Any, str], str]] = {
    "stripe": lambda _simulator, _customer: "pm_card_visa",
    "square": lambda _simulator, _customer: "cnon:card-nonce-ok",
    "paypal": lambda simulator, customer: str(simulator.leave(customer)),
    "adyen": lambda simulator, customer: str(simulator.leave(customer)),
}
_SENDERS: Sequence[tuple[Any, str]] = ((requests.adapters.HTTPAdapter, "send"), (httpx.HTTPTransport, "handle_request"))


def run() -> Sequence[Figure]:
    """Milliseconds a charge, the median of each gateway."""
    with lab() as place:
        return [Figure(f"gateway_call_{name}", _ours(place, name), ALLOWED_MS, "ms") for name in GATEWAYS]


def _ours(place: Lab, gateway: str) -> float:
    with served(simulator_class(gateway)()) as simulator, place.app.app_context():
        tenant_id = tenants.create(_seller(gateway), RATES, datetime.now(UTC))
        with tenant_scope(tenant_id), _under_way() as away:
            pay = _till(simulator)
            spent = [_milliseconds(pay, away) for _ in range(WARM_UP + CHARGES)]
    return median(spent[WARM_UP:])


def _seller(gateway: str) -> dict[str, Any]:
    currency = "KES" if gateway in SHILLINGS else "CAD"
    return {**SELLER, "slug": f"bench-{gateway}", "currency": currency}


def _till(simulator: Simulator) -> Callable[[], Callable[[], str]]:
    """Makes an invoice each time; gives what collects it and tells how that stands."""
    at = datetime.now(UTC)
    place = {"line1": "1 Main Street", "city": "Guelph", "region": "ON", "postal_code": "N1H 3A1", "country": "CA"}
    with transaction():
        account = gateway_accounts.create(simulator.name, simulator.name, _credentials(simulator), at).id
        screening.add_rule("customer_attempts", "review", at, at_least=10**6)
        payer = customers.create({"name": "Fox", "email": "fox@example.com", "address": place}, at).id
    hosted = None
    if simulator.name in LEFT:
        payment_methods.add(payer, account, LEFT[simulator.name](simulator, payer), at)
    else:
        phone = PHONE if Capability.PHONE in gateway_class(simulator.name).capabilities else ""
        hosted = Hosted(account, phone)

    def owe() -> Callable[[], str]:
        with transaction():
            invoice_id = invoices.create(payer, [OneOff("Work", "20.00")], datetime.now(UTC)).id
        return lambda: (
            charging.collect(
                invoice_id,
                datetime.now(UTC),
                hosted=hosted,
                off_session=hosted is None,
                return_url="http://shop.example/",
            ).status
        )

    return owe


def _credentials(simulator: Simulator) -> dict[str, str]:
    told = simulator.account()
    return {name: value or "-" for name, value in told.items()} | {"webhook_url": "http://shop.example/webhook"}


def _milliseconds(owe: Callable[[], Callable[[], str]], away: list[float]) -> float:
    collect = owe()
    away.clear()
    started = time.perf_counter()
    status = collect()
    spent = time.perf_counter() - started - sum(away)
    if status not in ("succeeded", "pending", "requires_action"):
        raise RuntimeError(f"a charge came to nothing: {status}")
    return spent * 1000


@contextmanager
def _under_way() -> Iterator[list[float]]:
    """How long each request that is sent inside the block was under way, in seconds."""
    away: list[float] = []

    def timed(send: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(send)
        def sending(*words: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return send(*words, **options)
            finally:
                away.append(time.perf_counter() - started)

        return sending

    real = [(owner, verb, getattr(owner, verb)) for owner, verb in _SENDERS]
    for owner, verb, send in real:
        setattr(owner, verb, timed(send))
    try:
        yield away
    finally:
        for owner, verb, send in real:
            setattr(owner, verb, send)
