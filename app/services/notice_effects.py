"""What notices lead to: the gateway is asked how the thing stands that a notice names, and its answer is recorded.

A notice is a hint. It names something to look up, so neither the order of notices nor their number matters. Where a
gateway cannot be asked, the signed notice itself brings how the thing stands.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.domain.errors import BillingError, Conflict
from app.gateways.errors import GatewayError
from app.gateways.types import Dispute, Notice, NoticeKind, PaymentRef, PaymentResult, RefundResult
from app.models import GatewayAccount, Payment
from app.queries.base import get, server_clock
from app.queries.inbox import is_known_elsewhere, methods_with, payment_named, refund_named
from app.queries.test_clocks import present_of
from app.services import charging, disputes, payment_methods, refunds


class Unmatched(Exception):
    """Nothing here is what the notice names. It may have overtaken our own commit, so it is looked at again."""


EXPECTED = (Unmatched, GatewayError, BillingError)


def follow(account_id: str, notice: Notice, at: datetime) -> str:
    """Look up what a notice is about, and record how it stands; gives the id of that row. Opens its own transactions.

    Raises Unmatched, GatewayError when the gateway cannot be asked now, and Conflict (`foreign_notice`) for something
    that belongs to another account.
    """
    account = get(GatewayAccount, account_id)
    try:
        return _FOLLOWERS[notice.kind](account, notice, at)
    except Unmatched:
        if is_known_elsewhere(account, _names(notice)):
            raise _foreign() from None
        raise


def _payment(account: GatewayAccount, notice: Notice, at: datetime) -> str:
    named = notice.payment or PaymentRef("")
    payment = _own(account, payment_named(account.id, named.key, named.gateway_ref))
    if isinstance(notice.result, PaymentResult):
        charging.heard(payment.id, notice.result, present_of(payment.id, at))
    elif not charging.told(payment.id, named.gateway_ref, present_of(payment.id, at)):
        raise Unmatched("The gateway does not know this payment (yet).")
    return payment.id


def _refund(account: GatewayAccount, notice: Notice, at: datetime) -> str:
    named = notice.refund
    refund = refund_named(account.id, named.key, named.gateway_ref) if named else None
    if named is None or refund is None:
        raise Unmatched("No refund here is the one that this notice names.")
    _own(account, refund.payment)
    if isinstance(notice.result, RefundResult):
        refunds.heard(refund.id, notice.result, present_of(refund.id, at))
    elif not refunds.told(refund.id, named.gateway_ref, present_of(refund.id, at)):
        raise Unmatched("The gateway does not know this refund (yet).")
    return refund.id


def _dispute(account: GatewayAccount, notice: Notice, at: datetime) -> str:
    if isinstance(notice.result, Dispute):
        found = disputes.heard(account.id, notice.result, notice.result.said_at or server_clock(), at)
    else:
        found = disputes.look(account.id, notice.dispute_ref or "", at)
    if found is None:
        raise Unmatched("No payment here is the one that is disputed.")
    return found.id


def _method(account: GatewayAccount, notice: Notice, at: datetime) -> str:
    kept = methods_with(account.id, notice.method_token or "")
    if not kept:
        raise Unmatched("No payment method here is the one that this notice names.")
    payment_methods.look_again([method.id for method in kept], at)
    return kept[0].id


def _own(account: GatewayAccount, payment: Payment | None) -> Payment:
    if payment is None:
        raise Unmatched("No payment here is the one that this notice names.")
    if payment.gateway_account_id != account.id:
        raise _foreign()
    return payment


def _foreign() -> Conflict:
    return Conflict("This notice is about something of another gateway account.", code="foreign_notice")


def _names(notice: Notice) -> set[str]:
    """What the gateway calls the things that a notice is about."""
    paid = (notice.payment, notice.refund.payment if notice.refund else None)
    names = {notice.refund.gateway_ref if notice.refund else None, notice.dispute_ref, notice.method_token}
    return {name for name in (*names, *(ref.gateway_ref for ref in paid if ref)) if name}


_FOLLOWERS: Mapping[NoticeKind, Callable[[GatewayAccount, Notice, datetime], str]] = {
    NoticeKind.PAYMENT: _payment,
    NoticeKind.REFUND: _refund,
    NoticeKind.DISPUTE: _dispute,
    NoticeKind.METHOD: _method,
}
