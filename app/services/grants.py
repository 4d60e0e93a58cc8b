"""A discount as an invoice has it, and the redemption that it was granted for."""

from typing import NamedTuple

from app.domain.discounts import Discount
from app.models.base import Json
from app.services.invoice_json import discount_json, discount_of


class Grant(NamedTuple):
    """A discount on one invoice. `counts`: this invoice used up one period of the redemption."""

    discount: Discount
    redemption_id: str | None = None
    counts: bool = False


def grant_json(grant: Grant) -> Json:
    """A grant, as kept on the invoice."""
    return {**discount_json(grant.discount), "redemption_id": grant.redemption_id, "counts": grant.counts}


def grant_of(kept: Json, currency: str) -> Grant:
    """The grant that was kept on an invoice in `currency`."""
    return Grant(discount_of(kept, currency), kept["redemption_id"], kept["counts"])
