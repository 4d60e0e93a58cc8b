"""Which gateway account takes a payment, and the rules that say so."""

from collections.abc import Collection, Sequence
from datetime import datetime

from app.db import session
from app.domain.errors import InvalidInput
from app.domain.money import Money
from app.domain.routing import Case, order, stands_in_on_decline
from app.models import Customer, GatewayAccount, Invoice, PaymentMethod, RoutingRule
from app.queries import portal, routing
from app.queries.base import get
from app.services.history import audit


def add(
    account_id: str,
    at: datetime,
    *,
    position: int = 1,
    weight: int = 1,
    currency: str | None = None,
    country: str | None = None,
    kind: str | None = None,
    least: Money | None = None,
    most: Money | None = None,
    on_decline: bool = False,
) -> RoutingRule:
    """Add a rule. Raises InvalidInput for a weight below one, or amounts without their currency or upside down."""
    get(GatewayAccount, account_id)
    if weight < 1:
        raise InvalidInput("The weight is a whole number from 1.", code="invalid_weight", field="weight")
    if (least or most) and not currency:
        raise InvalidInput("Amounts need a currency.", code="missing", field="currency")
    if least and most and least > most:
        raise InvalidInput("The most is less than the least.", code="invalid_range", field="most")
    row = RoutingRule(
        gateway_account_id=account_id,
        position=position,
        weight=weight,
        currency=currency,
        country=country,
        kind=kind,
        min_minor=least.minor if least else None,
        max_minor=most.minor if most else None,
        on_decline=on_decline,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("routing_rule.add", row.id, at, account=account_id)
    return row


def remove(rule_id: str, at: datetime) -> None:
    """Take a rule away."""
    row = get(RoutingRule, rule_id, lock=True)
    audit("routing_rule.remove", row.id, at, account=row.gateway_account_id)
    session().delete(row)


def accounts_for(case: Case, draw: str) -> list[GatewayAccount]:
    """The enabled accounts that may take the payment, the one to try first at the front."""
    known = {account.id: account for account in portal.open_accounts()}
    rules = [row.rule for row in routing.rules()]
    return [known[account_id] for account_id in order(rules, list(known), case, draw)]


def stand_ins(
    invoice: Invoice, first: PaymentMethod, kept: Sequence[PaymentMethod], avoiding: Collection[str], *, declined: bool
) -> list[PaymentMethod]:
    """The customer's other methods at other accounts, in the order of the rules, when `first` cannot be charged.

    After a refusal (`declined`) only those whose rule says that it stands in then.
    """
    others = [one for one in kept if one.gateway_account_id != first.gateway_account_id and one.id not in avoiding]
    if not others:
        return []
    accounts = [account.id for account in portal.open_accounts()]
    rules = [row.rule for row in routing.rules()]
    country = get(Customer, invoice.customer_id).address.get("country")
    ranked = []
    for one in others:
        case = Case(invoice.currency, invoice.due_minor, country, one.kind)
        places = order(rules, accounts, case, invoice.id)
        may = not declined or stands_in_on_decline(rules, one.gateway_account_id, case)
        if may and one.gateway_account_id in places:
            ranked.append((places.index(one.gateway_account_id), one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]
