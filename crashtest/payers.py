"""What payers do at each gateway: one table. A gateway that is not in it is paid on a page with a button `approve`."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from crashtest.outside import Outside

SECONDS = 5
CONFIRMATIONS = 4
Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Payer:
    """`token` is what they leave to be charged later, if they can; `choice` the button that pays on a page."""

    token: str = ""
    choice: str = "approve"
    currency: str = "CAD"
    phone: str = ""


PAYERS: Mapping[str, Payer] = {
    "adyen": Payer(choice="pay"),
    "btcpay": Payer(choice="BTC-LN 100"),
    "jenga": Payer(currency="KES", phone="+254 712 345678"),
    "pesapal": Payer(choice="card", currency="KES"),
    "sandbox": Payer(token="tok_ok"),
    "square": Payer(token="cnon:card-nonce-ok", choice="cnon:card-nonce-ok"),
    "stripe": Payer(token="pm_card_visa", choice="pm_card_visa"),
    "web3": Payer(),
}


def payer_at(gateway: str) -> Payer:
    """How that gateway's payers are."""
    return PAYERS.get(gateway, Payer())


def leave(gateway: str, outside: Outside | None, customer_id: str) -> str:
    """Leave something to be charged later; gives its token, empty where that is not done."""
    if outside and gateway in _LEAVING:
        return str(outside.act("leave", **{_LEAVING[gateway]: customer_id}))
    return payer_at(gateway).token


def pay(outside: Outside, gateway_ref: str, step: Step) -> dict[str, str]:
    """Do what is left to do; gives the query that the payer comes back with. A page may break at any moment."""
    with suppress(requests.RequestException):
        return _WAYS[step["kind"]](outside, gateway_ref, step)
    return {}


def finish_refund(outside: Outside, gateway_ref: str) -> None:
    """A refund that waits for people arrives."""
    for action in _FINISHING.get(outside.name, ()):
        outside.act(action, ref=gateway_ref)


def _on_page(outside: Outside, _ref: str, step: Step) -> dict[str, str]:
    answer = requests.post(
        step["url"], data={"choice": payer_at(outside.name).choice}, allow_redirects=False, timeout=SECONDS
    )
    return dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))


def _on_phone(outside: Outside, ref: str, _step: Step) -> dict[str, str]:
    outside.act("press", ref=ref)
    return {}


def _by_wallet(outside: Outside, _ref: str, step: Step) -> dict[str, str]:
    outside.act("pay", uri=step["uri"], mine=CONFIRMATIONS)
    return {}


_LEAVING: Mapping[str, str] = {"adyen": "shopper", "paypal": "customer"}
_WAYS: Mapping[str, Callable[[Outside, str, Step], dict[str, str]]] = {
    "redirect": _on_page,
    "phone_prompt": _on_phone,
    "qr_code": _by_wallet,
}
_FINISHING: Mapping[str, tuple[str, ...]] = {
    "btcpay": ("claim", "pay_out"),
    "square": ("settle_refund",),
}
# Adyen and Pesapal cannot be asked about a refund whose answer was lost, and on a chain a person sends it: people end
# these, and not the jobs.
REFUNDED_BY_PEOPLE = frozenset({"adyen", "pesapal", "web3"})
