"""What can be sold, and how much of it."""

from app.domain.errors import Conflict, InvalidInput
from app.models import Plan
from app.queries.base import get

MAX_QUANTITY = 1_000_000


def sellable_plan(plan_id: str) -> Plan:
    """The plan. Raises NotFound, and Conflict for one that is not sold any more."""
    row = get(Plan, plan_id)
    if row.archived_at:
        raise Conflict(f"{row.name} is not sold any more.", code="plan_archived", field="plan")
    return row


def check_quantity(quantity: int) -> None:
    """Raises InvalidInput for anything but a whole number of at least one."""
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"quantity must be a whole number from 1 to {MAX_QUANTITY}.", code="invalid_quantity", field="quantity"
        )
