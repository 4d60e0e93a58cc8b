"""What becomes of money that a gateway has reserved: somebody decides, and that is written down before it is sent."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func

from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import Payment
from app.queries.base import get
from app.services.history import audit
from app.settings import current_settings

Verb = Literal["capture", "void"]
DONE = {"capture": "succeeded", "void": "canceled"}  # what comes of it


def decide(payment_id: str, verb: Verb, at: datetime, *, part: Money | None = None) -> Payment:
    """Step one of taking what is authorized, or of giving it up. `part`: take no more than that.

    The same may be asked again, and changes nothing once it is done or on its way. Raises Conflict for a payment that
    is not authorized (any more), while nobody knows what came of something else that was asked for, and for a part
    where all has to be taken; InvalidInput for a part that is none.
    """
    payment = get(Payment, payment_id, lock=True)
    if payment.manual_capture and (payment.status, payment.decided) in ((DONE[verb], None), ("pending", verb)):
        return payment
    if payment.status != "authorized":
        raise Conflict(f"This payment is {payment.status}: nothing is reserved.", code="not_authorized")
    if payment.decided is None:
        payment.decided, payment.capture_minor = verb, _part(payment, part)
    elif payment.decided != verb or (part or payment.amount) != payment.captured:
        raise Conflict("The gateway was asked for something else, and has not answered.", code="decision_in_progress")
    payment.check_at = func.now() + timedelta(seconds=current_settings().attempt_lease_seconds)
    audit(f"payment.{verb}", payment.id, at, amount=str(payment.captured))
    session().flush()
    return payment


def undecide(payment_id: str) -> None:
    """The gateway surely did nothing about it: it is to be decided anew."""
    payment = get(Payment, payment_id, lock=True)
    payment.decided = payment.capture_minor = None


def _part(payment: Payment, part: Money | None) -> int | None:
    """What to take when it is not all, in minor units."""
    if part is None or part == payment.amount:
        return None
    if part.currency != payment.currency or not 0 < part.minor < payment.amount_minor:
        raise InvalidInput(
            f"Capture more than zero, and at most the {payment.amount} that are reserved.",
            code="invalid_amount",
            field="amount",
        )
    if Capability.PARTIAL_CAPTURE not in gateway_class(payment.gateway_account.gateway).capabilities:
        raise Conflict(f"{payment.gateway_account.name} captures all that is reserved.", code="part_not_captured")
    return part.minor
