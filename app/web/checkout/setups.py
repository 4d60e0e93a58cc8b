"""Methods that payers leave with a gateway for later: which accounts have a form for that, and the way there."""

from collections.abc import Mapping

from flask import url_for

from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.errors import GatewayError
from app.gateways.types import NextAction
from app.logs import logger
from app.models import GatewayAccount, Tenant
from app.queries import portal as query
from app.queries.base import get
from app.services import payment_methods, ways
from app.settings import current_settings

log = logger(__name__)


def offered(currency: str) -> list[GatewayAccount]:
    """Where a customer who pays in this currency can leave a method with the gateway itself."""
    tenant = session().get_one(Tenant, current_tenant_id())
    return [row for row in query.open_accounts() if row.mode == tenant.mode and _leads_somewhere(row, currency)]


def title(account: GatewayAccount) -> str:
    """The gateway as people know it."""
    return gateway_class(account.gateway).title


def has_form(account: GatewayAccount) -> bool:
    """Whether it is left in the gateway's own form, on our page."""
    return ways.form_of(account) is not None


def begin(customer_id: str, account: GatewayAccount, *, by_form: bool) -> NextAction:
    """The gateway's own form or page. Raises Conflict, in words for the payer, when it does not open."""
    name, back = account.name, url_for("portal.payment_methods.come_back", account_id=account.id)
    try:
        return payment_methods.begin_setup(
            customer_id, account.id, f"{current_settings().base_url}{back}", by_form=by_form
        )
    except GatewayError as error:
        log.error("a payment method cannot be left", account=name, error=str(error))
        raise Conflict(
            "The payment service did not answer as it should. Try again in a few minutes.", code="setup_failed"
        ) from None


def brought_back(account_id: str, answer: Mapping[str, str]) -> str:
    """The one-time token in the query a payer came back with; empty when they left nothing. Raises NotFound."""
    names = gateway_class(get(GatewayAccount, account_id).gateway).setup_answers
    return next((answer[name] for name in names if answer.get(name)), "")


def _leads_somewhere(account: GatewayAccount, currency: str) -> bool:
    gateway = gateway_class(account.gateway)
    takes = gateway.currencies is None or currency in gateway.currencies
    return takes and Capability.SETUP in gateway.capabilities and (gateway.setup_page or has_form(account))
