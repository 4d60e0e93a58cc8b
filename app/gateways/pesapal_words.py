"""What Pesapal says, in our words: one table for each of its vocabularies, and its objects as our results."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.declines import UNKNOWN
from app.domain.money import Money
from app.gateways.plain_http import Fault, Json
from app.gateways.types import PaymentResult, PaymentStatus

# Of GetTransactionStatus. INVALID is also an order that nobody has paid yet, and FAILED may still be paid on its page.
# What was REVERSED had been paid: that it went back is told by the refund.
STATUSES: Mapping[int, PaymentStatus] = {
    0: PaymentStatus.REQUIRES_ACTION,
    1: PaymentStatus.SUCCEEDED,
    2: PaymentStatus.FAILED,
    3: PaymentStatus.SUCCEEDED,
}
COMPLETED, REVERSED = 1, 3
CANCELED = "CANCEL"  # how the description of a cancelled order begins: cancelled, canceled
CARDS = ("VISA", "MASTERCARD", "AMEX", "AMERICAN")
DUPLICATE = "duplicate"


def fault(status: int, body: Any) -> Fault | None:
    """What is wrong, if anything. Errors come with status 200 too, and with a status of their own in the body; good
    answers may have an `error` of nulls. A 5xx in the body of an answered call is a plain no."""
    told = body if isinstance(body, dict) else {}
    error = told.get("error") or {}
    inner = int(told["status"]) if str(told.get("status") or "").isdecimal() else 200
    code = str(error.get("code") or error.get("error_type") or "")
    message = str(error.get("message") or told.get("message") or "")
    if status >= 400:
        return Fault(status, code, message)
    if inner >= 400 or error.get("code"):
        return Fault(inner if 400 <= inner < 500 else 422, code, message)
    return None


def payment(told: Json, tracking_id: str) -> PaymentResult:
    """A transaction as it stands. What a failed one failed by is told in free words only, so it counts as soft."""
    if str(told.get("payment_status_description", "")).upper().startswith(CANCELED):
        return PaymentResult(PaymentStatus.CANCELED, tracking_id)
    status = STATUSES[int(told["status_code"])]
    return PaymentResult(
        status,
        tracking_id,
        amount(told) if status is PaymentStatus.SUCCEEDED else None,
        decline=UNKNOWN if status is PaymentStatus.FAILED else None,
    )


def amount(told: Json) -> Money:
    """What a transaction is over."""
    return Money.rounded(Decimal(told["amount"]), told["currency"])


def by_card(told: Json) -> bool:
    """Whether a payment was made by card: anything else is mobile money or a bank, which are refunded whole."""
    return str(told.get("payment_method", "")).upper().startswith(CARDS)


def names(full: str) -> tuple[str, str]:
    """First and last name out of one field: `("Ada", "Byron")`."""
    first, _, last = full.strip().partition(" ")
    return first[:50], last.strip()[:50]
