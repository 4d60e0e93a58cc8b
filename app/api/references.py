"""Rows that a body names by id: missing ones are a fault of that field, not of the address."""

from typing import TypeVar

from sqlalchemy import select

from app.db import session
from app.domain.errors import InvalidInput, NotFound
from app.models import GatewayAccount
from app.models.base import TenantRow
from app.queries.base import get

Row = TypeVar("Row", bound=TenantRow)


def existing(model: type[Row], row_id: str, field: str) -> Row:
    """The row with that id. Raises InvalidInput naming the field when this tenant has none."""
    try:
        return get(model, row_id)
    except NotFound as missing:
        raise InvalidInput(missing.message, code=missing.code, field=field) from None


def gateway_account(gateway: str | None) -> GatewayAccount:
    """The account in use at a gateway, or the only one there is. Raises InvalidInput when that is not one account."""
    query = select(GatewayAccount).where(GatewayAccount.disabled_at.is_(None)).order_by(GatewayAccount.id)
    accounts = [account for account in session().scalars(query) if gateway in (None, account.gateway)]
    names = sorted({account.gateway for account in accounts})
    if not accounts:
        raise InvalidInput(
            f"No account is connected at {gateway}." if gateway else "No gateway account is connected.",
            code="gateway_unknown",
            field="payment_gateway",
        )
    if len(names) > 1:
        raise InvalidInput(f"Say which gateway: {', '.join(names)}.", code="gateway_ambiguous", field="payment_gateway")
    return accounts[0]
