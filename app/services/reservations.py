"""What becomes of money that a gateway has reserved: somebody decides, and that is written down before it is sent."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func

from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Payment
from app.queries.base import get
from app.services.history import audit
from app.services.outcomes import NoAnswer
from app.settings import current_settings

Verb = Literal["capture", "void"]
DONE = {"capture": "succeeded", "void": "canceled"}  # what comes of it
TOLD_WITHIN = timedelta(days=2)  # after the end of a reservation, where only a webhook tells of that
_TOLD_LATER = NoAnswer("The gateway has received what was asked for, and tells by a webhook how it ended.")


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


def heard(payment: Payment, found: PaymentResult | NoAnswer | None) -> PaymentResult | NoAnswer | None:
    """What the gateway said, if it is news of a reservation: that it is reserved some go on saying long after they were
    asked to take it, or to give it up."""
    stale = payment.status == "pending" and payment.capture_before is not None and not _tells(payment)
    return _TOLD_LATER if stale and _is_authorized(found) else found


def must_carry_out(payment: Payment, found: PaymentResult | NoAnswer | None) -> bool:
    """Whether what was decided is not done, as far as anybody knows: a capture or a void may be sent any time again.
    What will be told of by a webhook alone has been received, and is not sent again: the key may be forgotten."""
    received = payment.status == "pending" and not _tells(payment)
    in_doubt = isinstance(found, NoAnswer) or _is_authorized(found)
    return payment.decided is not None and in_doubt and not received


def is_over(payment: Payment, found: PaymentResult | NoAnswer | None, at: datetime) -> bool:
    """Whether nobody has captured it in time, so that it has to be given up."""
    unknown = payment.status == "authorized" and isinstance(found, NoAnswer) and not found.limited
    over = payment.capture_before is not None and payment.capture_before <= at
    return over and (unknown or _is_authorized(found))


def has_lapsed(payment: Payment, at: datetime) -> bool:
    """Whether time says that it is reserved no longer: its gateway does not, no webhook came, and nobody took it."""
    waits = payment.status in ("authorized", "pending") and payment.decided != "capture"
    over = payment.capture_before is not None and payment.capture_before + TOLD_WITHIN <= at
    return waits and over and not _tells(payment)


def is_rest(payment: Payment, result: PaymentResult) -> bool:
    """Whether what a gateway let go is what was left of a reservation when a part was taken."""
    return payment.status == "succeeded" and payment.manual_capture and result.status is PaymentStatus.CANCELED


def undecide(payment_id: str) -> None:
    """The gateway surely did nothing about it: it is to be decided anew."""
    payment = get(Payment, payment_id, lock=True)
    payment.decided = payment.capture_minor = None


def _is_authorized(found: PaymentResult | NoAnswer | None) -> bool:
    return isinstance(found, PaymentResult) and found.status is PaymentStatus.AUTHORIZED


def _tells(payment: Payment) -> bool:
    return gateway_class(payment.account.gateway).tells_holds


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
    if Capability.PARTIAL_CAPTURE not in gateway_class(payment.account.gateway).capabilities:
        raise Conflict(f"{payment.account.name} captures all that is reserved.", code="part_not_captured")
    return part.minor
