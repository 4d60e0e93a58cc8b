"""What the one door can put right by itself, once a comparison has shown it: one way for each kind of difference."""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.db import transaction
from app.domain.ledger import entry
from app.gateways.errors import GatewayError
from app.logs import logger
from app.models import GatewayAccount, Payment, Refund
from app.queries.base import get
from app.queries.inbox import payment_named, refund_named
from app.queries.reconciliation import entries_known
from app.queries.test_clocks import present_of
from app.services import charging, disputes, fees, ledger, refunds
from app.services.comparing import Found, source_of

log = logger(__name__)
ON_THE_WAY = ("pending", "authorized")  # listed already, and not settled yet: both sides say so
Mender = Callable[[str, Found, datetime], bool]


def mend(account_id: str, found: Found, at: datetime) -> bool:
    """Try to put a difference right, in transactions of its own. True when there is none after all, because the gateway
    confirms what its list did not show (yet); whether the rest is right now, comparing again will tell."""
    mender = _MENDERS.get(found.kind)
    try:
        return mender(account_id, found, at) if mender else False
    except GatewayError as error:
        log.warning("difference not looked into", kind=found.kind, reference=found.reference, why=str(error))
    except Exception:
        log.exception("difference not put right", kind=found.kind, reference=found.reference)
    return False


def _ask_payment(_account_id: str, found: Found, at: datetime) -> bool:
    payment_id = found.subject_id or ""
    if found.listed and get(Payment, payment_id).status == "succeeded":
        return False
    told = charging.told(payment_id, found.listed.gateway_ref if found.listed else None, present_of(payment_id, at))
    return told and get(Payment, payment_id).status in (ON_THE_WAY if found.listed else ("succeeded",))


def _ask_missing_refund(_account_id: str, found: Found, at: datetime) -> bool:
    return (
        refunds.told(found.reference, None, present_of(found.reference, at))
        and get(Refund, found.reference).status == "succeeded"
    )


def _ask_refund(account_id: str, found: Found, at: datetime) -> bool:
    refund = refund_named(account_id, (found.listed.key or "") if found.listed else "", found.reference)
    if refund is None or not refunds.told(refund.id, found.reference, present_of(refund.id, at)):
        return False
    return get(Refund, refund.id).status in ON_THE_WAY


def _adopt_refund(account_id: str, found: Found, at: datetime) -> bool:
    """Somebody refunded on the gateway's own pages."""
    row = found.listed
    payment = payment_named(account_id, "", row.payment_ref) if row and row.payment_ref else None
    if row and payment and payment.gateway_account_id == account_id:
        with transaction():
            refunds.adopt(payment.id, row.gateway_ref, row.amount, present_of(payment.id, at))
    return False


def _ask_dispute(account_id: str, found: Found, at: datetime) -> bool:
    disputes.look(account_id, found.reference, at)
    return False


def _book_payment_fee(_account_id: str, found: Found, at: datetime) -> bool:
    with transaction():
        payment = get(Payment, found.subject_id or "", lock=True)
        if found.theirs:
            fees.book(payment, found.theirs, present_of(payment.id, at))
    return False


def _book_payout(account_id: str, found: Found, at: datetime) -> bool:
    return _book_once("payout", account_id, source_of(found.reference), found, at)


def _book_fee(account_id: str, found: Found, at: datetime) -> bool:
    return _book_once("gateway_fee", account_id, found.reference, found, at)


def _book_once(fact: str, account_id: str, source: str, found: Found, at: datetime) -> bool:
    """Under the account's lock, so that two workers do not both book it."""
    with transaction():
        get(GatewayAccount, account_id, lock=True)
        if found.theirs and not entries_known(fact, [source]):
            posted = entry(fact, found.theirs.currency, amount=found.theirs.minor)
            ledger.post_all([ledger.Booking(source, None, posted)], at)
    return False


_MENDERS: Mapping[str, Mender] = {
    "payment_missing": _ask_payment,
    "payment_status": _ask_payment,
    "payment_amount": _ask_payment,
    "payment_fee": _book_payment_fee,
    "refund_missing": _ask_missing_refund,
    "refund_status": _ask_refund,
    "refund_unknown": _adopt_refund,
    "dispute_unknown": _ask_dispute,
    "payout_unbooked": _book_payout,
    "fee_unbooked": _book_fee,
}
