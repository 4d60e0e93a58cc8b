"""What payers do at each gateway: one table. A gateway that is not in it is paid on a page with a button `approve`."""

from collections.abc import Callable, Mapping, Sequence
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
    """`token` is what they leave to be charged later, if they can; `choice` the button that pays on a page, `refusal`
    one that does not, where there is such. `assets` are what they pay in, where that can be chosen."""

    token: str = ""
    choice: str = "approve"
    refusal: str = ""
    assets: Sequence[str] = ("",)
    currency: str = "CAD"
    phone: str = ""


PAYERS: Mapping[str, Payer] = {
    "adyen": Payer(choice="pay", refusal="refuse"),
    "btcpay": Payer(choice="BTC-LN 100"),
    "jenga": Payer(currency="KES", phone="+254 712 345678", refusal="104103"),
    "paypal": Payer(refusal="decline"),
    "pesapal": Payer(choice="card", currency="KES", refusal="fail"),
    "sandbox": Payer(token="tok_ok"),
    "square": Payer(token="cnon:card-nonce-ok", choice="cnon:card-nonce-ok", refusal="cnon:card-nonce-declined"),
    "stripe": Payer(token="pm_card_visa", choice="pm_card_visa", refusal="pm_card_chargeDeclined"),
    "web3": Payer(assets=("ETH", "USDC")),
}


def payer_at(gateway: str) -> Payer:
    """How that gateway's payers are."""
    return PAYERS.get(gateway, Payer())


def leave(gateway: str, outside: Outside | None, customer_id: str) -> str:
    """Leave something to be charged later; gives its token, empty where that is not done."""
    if outside and gateway in _LEAVING:
        return str(outside.act("leave", **{_LEAVING[gateway]: customer_id}))
    return payer_at(gateway).token


def pay(outside: Outside, gateway_ref: str, step: Step, *, refuses: bool = False) -> dict[str, str]:
    """Do what is left to do, or try with what is declined; gives the query that the payer comes back with. A page may
    break at any moment."""
    with suppress(requests.RequestException):
        return _WAYS[step["kind"]](outside, gateway_ref, step, refuses)
    return {}


def given(step: Step, answer: Mapping[str, str]) -> str:
    """The one-time token that a form on our page gave, if it was one that gives such."""
    return answer.get("token", "") if step["kind"] == "client_token" else ""


def _on_page(outside: Outside, _ref: str, step: Step, refuses: bool) -> dict[str, str]:
    payer = payer_at(outside.name)
    choice = payer.refusal if refuses and payer.refusal else payer.choice
    answer = requests.post(step["url"], data={"choice": choice}, allow_redirects=False, timeout=SECONDS)
    return dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))


def _on_phone(outside: Outside, ref: str, _step: Step, refuses: bool) -> dict[str, str]:
    outside.act("press", ref=ref, code=int(payer_at(outside.name).refusal) if refuses else 0)
    return {}


def _by_wallet(outside: Outside, _ref: str, step: Step, _refuses: bool) -> dict[str, str]:
    outside.act("pay", uri=step["uri"], mine=CONFIRMATIONS)
    return {}


def _on_form(outside: Outside, _ref: str, step: Step, refuses: bool) -> dict[str, str]:
    """Stripe's form tells Stripe; Square's gives what is to be charged."""
    payer = payer_at(outside.name)
    card = payer.refusal if refuses else payer.choice
    if outside.name == "square":
        return {"token": card}
    outside.act("fill_form", client_secret=step["token"], method=card)
    return {}


_LEAVING: Mapping[str, str] = {"adyen": "shopper", "paypal": "customer"}
_WAYS: Mapping[str, Callable[[Outside, str, Step, bool], dict[str, str]]] = {
    "redirect": _on_page,
    "phone_prompt": _on_phone,
    "qr_code": _by_wallet,
    "client_token": _on_form,
}
