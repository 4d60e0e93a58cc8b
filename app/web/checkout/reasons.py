"""Why a payment failed, in words for whoever paid or is to pay."""

from collections.abc import Mapping

from app.domain.declines import decline_for
from app.models import Payment

# Attempts that the payer's bank never saw: what the gateway said of them is for staff.
NOT_EXECUTED: Mapping[str, str] = {
    "gateway_unavailable": "The payment service could not be reached. Try again in a few minutes.",
    "gateway_refused": "The payment service did not take it; the fault is on our side. Try another way to pay.",
}
NOT_APPROVED = "It was not approved at your bank."


def reason_of(payment: Payment) -> str:
    """The sentence for a failed payment. Whoever was there to approve it needs no advice to go online."""
    code = payment.decline_code or ""
    if code == "authentication_required" and not payment.off_session:
        return NOT_APPROVED
    return NOT_EXECUTED.get(code, decline_for(code).message)
