"""New payment methods: which form a gateway's account needs, and what comes of filling it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from wtforms import Field, SelectChoice, SelectField

from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.errors import GatewayError, MethodRefused
from app.gateways.sandbox import TOKENS
from app.logs import logger
from app.models import GatewayAccount, PaymentMethod, Tenant
from app.present import present
from app.queries import portal as query
from app.services import payment_methods
from app.web.forms import Form, Required

log = logger(__name__)


class MethodForm(Form):
    """The part of a form that asks for a new method. `template` draws it; whatever it asks, it ends in a token."""

    template: ClassVar[str]
    token: Field


# The sandbox's tokens, and what is said of each.
CARDS = [(token, f"{made.brand.capitalize()} •••• {made.last4}: {made.text}") for token, made in TOKENS.items()]


class SandboxForm(MethodForm):
    """One of the documented test cards."""

    template = "checkout/methods/sandbox.html"
    token = SelectField("Test card", [Required()], choices=[SelectChoice(*card) for card in CARDS])


# A gateway that is not here cannot be given a new method on these pages, and so is not offered.
FORMS: Mapping[str, type[MethodForm]] = {"sandbox": SandboxForm}


@dataclass(frozen=True, slots=True)
class NewMethod:
    """An account that takes new methods, and its part of the form."""

    account: GatewayAccount
    form: MethodForm

    @property
    def title(self) -> str:
        """The gateway as people know it."""
        return gateway_class(self.account.gateway).title


def offered(currency: str) -> list[NewMethod]:
    """Where a customer who pays in this currency can add a method. A live workspace never offers test accounts."""
    tenant = session().get_one(Tenant, current_tenant_id())
    accounts = [account for account in query.open_accounts() if account.mode == tenant.mode]
    return [
        NewMethod(account, FORMS[account.gateway](prefix=f"{account.id}-"))
        for account in accounts
        if account.gateway in FORMS and _keeps_methods(account, currency)
    ]


def add(customer_id: str, wanted: NewMethod, *, default: bool) -> PaymentMethod:
    """Keep what the form gives as a method. Raises Conflict, in words for the payer, when the gateway does not."""
    return keep(customer_id, wanted.account.id, str(wanted.form.token.data), default=default)


def keep(customer_id: str, account_id: str, token: str, *, default: bool) -> PaymentMethod:
    """The same for a token that the gateway's own page or form gave."""
    try:
        return payment_methods.add(customer_id, account_id, token, present(customer_id), default=default)
    except MethodRefused as refusal:
        raise Conflict(refusal.decline.message, code=refusal.decline.code) from None
    except GatewayError as error:
        log.error("a payment method was not kept", account=account_id, error=str(error))
        raise Conflict(
            "The payment service did not accept this just now. Nothing was charged: try again, or use another method.",
            code="method_not_kept",
        ) from None


def _keeps_methods(account: GatewayAccount, currency: str) -> bool:
    gateway = gateway_class(account.gateway)
    takes = gateway.currencies is None or currency in gateway.currencies
    return takes and Capability.SAVE_METHOD in gateway.capabilities
