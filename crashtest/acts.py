"""What processes do until they are killed: one function for each kind of work, through the services or a real view."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask

from app import clock
from app.domain.errors import Conflict
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.jobs.sweeps import watch_chains
from app.services import charging, payouts, refunds
from app.services.ways import Hosted

Act = Callable[..., Any]
BACK = "http://shop.example/back"


def charge(_app: Flask, invoice_id: str) -> str:
    """Collect an invoice with the customer's method; gives why it did not begin."""
    return _said(lambda: charging.collect(invoice_id, clock.now()))


def show(_app: Flask, invoice_id: str, hosted: Hosted) -> str:
    """Let the payer begin to pay an invoice; gives why it did not begin."""
    return _said(lambda: charging.collect(invoice_id, clock.now(), hosted=hosted, return_url=BACK))


def reserve(_app: Flask, invoice_id: str, hosted: Hosted | None) -> str:
    """Reserve the money for an invoice, with the customer's method or by its payer; gives why that did not begin."""
    return _said(lambda: charging.collect(invoice_id, clock.now(), hosted=hosted, return_url=BACK, manual_capture=True))


def capture(_app: Flask, payment_id: str) -> str:
    """Take what is reserved; gives why that is not done."""
    return _said(lambda: charging.capture(payment_id, clock.now()))


def void(_app: Flask, payment_id: str) -> str:
    """Give up what is reserved; gives why that is not done."""
    return _said(lambda: charging.void(payment_id, clock.now()))


def come_back(_app: Flask, payment_id: str, answer: Mapping[str, str]) -> None:
    """The payer comes back from the gateway's page."""
    charging.resume(payment_id, answer, clock.now())


def fill_in(_app: Flask, _invoice_id: str, payment_id: str, token: str) -> str:
    """The payer has filled in the gateway's form on our page; gives why what that gave is not taken."""
    return _said(lambda: charging.finish(payment_id, token, clock.now()))


def give_up(_app: Flask, invoice_id: str) -> str:
    """The payer wants to pay in another way: what waits for them is closed; gives why it is not."""
    return _said(lambda: charging.supersede(invoice_id, clock.now()))


def refund(_app: Flask, payment_id: str, amount: Money) -> str:
    """Send some of a payment back; gives why that did not begin."""
    return _said(lambda: refunds.refund(payment_id, amount, clock.now()))


def tell_payout(_app: Flask, refund_id: str, tx_hash: str) -> str:
    """A person has sent a refund from a wallet, and enters the transaction; gives why that is not taken."""
    return _said(lambda: payouts.sent_with(refund_id, tx_hash, clock.now()))


def take(app: Flask, path: str, headers: Mapping[str, str], body: bytes) -> int:
    """Take a webhook by the real view; gives the status of the answer."""
    return app.test_client().open(path, method="POST", headers=dict(headers), data=body).status_code


def work(_app: Flask) -> int:
    """Do what is due, as a worker does it; gives how much was done."""
    return watch_chains() + run_due(clock.now())


def _said(do: Callable[[], object]) -> str:
    try:
        do()
    except Conflict as error:
        return error.code
    return ""
