"""The gateway's own form on a page of ours: what the page shows of it, and what it lets in for that."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, url_for
from wtforms import HiddenField

from app.gateways import gateway_class
from app.gateways.types import BrowserForm, ClientToken
from app.models import Customer, GatewayAccount, Payment
from app.queries.base import get
from app.services import pay_links, ways
from app.settings import current_settings
from app.web.forms import Form
from app.web.security_headers import let_in

# Our script for each gateway that has such a form.
SCRIPTS: Mapping[str, str] = {"stripe": "stripe_form.js", "square": "square_form.js"}
UNREADABLE = "The form did not send what it should. Load the page again, and fill it in once more."


@dataclass(frozen=True, slots=True)
class GatewayForm:
    """A form as a page shows it: `data` is for our script, `action` where its one-time token goes, `instead` where the
    gateway's page is asked for, if it has one for this."""

    account: GatewayAccount
    facts: BrowserForm
    data: Mapping[str, str]
    action: str
    instead: str | None

    @property
    def title(self) -> str:
        """The gateway as people know it."""
        return gateway_class(self.account.gateway).title

    @property
    def script(self) -> str:
        """Ours, which speaks with the gateway's."""
        return SCRIPTS[self.account.gateway]


class TokenForm(Form):
    """What a form gives us: a one-time token, and nothing else that could stand for somebody's card."""

    token = HiddenField()

    def __init__(self, facts: BrowserForm | None) -> None:
        super().__init__()
        self.pattern = facts.gives if facts else ""

    def validate(self, extra_validators: object = None) -> bool:
        """Whether it looks like a token of this gateway's form."""
        if not (
            super().validate(extra_validators) and re.fullmatch(self.pattern, self.token.data or "") and self.pattern
        ):
            self.form_errors.append(UNREADABLE)
        return not self.errors


def to_pay(token: str, payment: Payment) -> GatewayForm | None:
    """The form that an attempt waits for, on its page under a link's token; None when it waits for none."""
    asked = _asked(payment.next_action)
    facts = ways.form_of(payment.account) if asked and payment.status == "requires_action" else None
    if asked is None or facts is None:
        return None
    intent = "CHARGE_AND_STORE" if payment.keep_method else "CHARGE"
    data = _data(
        facts, asked, get(Customer, payment.customer_id), pay_links.return_address(payment, payment.started_at)
    )
    return GatewayForm(
        payment.account,
        facts,
        data
        | {
            "verb": "confirmPayment",
            "intent": intent,
            "amount": str(payment.amount.amount),
            "currency": payment.currency,
        },
        url_for("checkout.fill_in", token=token, payment_id=payment.id),
        url_for("checkout.pay_on_page", token=token, payment_id=payment.id),
    )


def to_leave(customer: Customer, account: GatewayAccount, asked: ClientToken) -> GatewayForm | None:
    """The form on which a customer leaves a method in the portal; None where the account has none."""
    facts = ways.form_of(account)
    if facts is None:
        return None
    back = url_for("portal.payment_methods.come_back", account_id=account.id)
    has_page = gateway_class(account.gateway).setup_page
    return GatewayForm(
        account,
        facts,
        _data(facts, asked, customer, f"{current_settings().base_url}{back}")
        | {"verb": "confirmSetup", "intent": "STORE"},
        url_for("portal.payment_methods.keep", account_id=account.id),
        url_for("portal.payment_methods.leave", account_id=account.id) if has_page else None,
    )


def admit(response: Response, shown: GatewayForm) -> Response:
    """Let this one answer load the gateway's script and frames."""
    let_in(response, shown.facts.sources)
    return response


def _asked(next_action: Mapping[str, str]) -> ClientToken | None:
    if next_action.get("kind") != "client_token":
        return None
    return ClientToken(next_action["token"], next_action["public_key"])


def _data(facts: BrowserForm, asked: ClientToken, customer: Customer, back: str) -> dict[str, str]:
    return {
        "script": facts.script,
        "token": asked.token,
        "public-key": asked.public_key,
        "return-url": back,
        "currency": customer.currency,
        "name": customer.name,
        "email": customer.email,
        "country": customer.address.get("country") or "",
    }
