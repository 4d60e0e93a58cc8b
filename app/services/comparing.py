"""What a gateway's list says against what our books say: reading only, with a handful of statements for each day."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.crypto import secret_hash
from app.domain.money import Money
from app.gateways.types import Transaction
from app.models import Payment, Refund
from app.queries import reconciliation as books

LONGEST_SOURCE = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A difference of one of `domain.differences.KINDS`, with the row of the gateway's list that shows it, if any."""

    kind: str
    reference: str
    at: datetime
    subject_id: str | None = None
    theirs: Money | None = None
    ours: Money | None = None
    detail: str = ""
    listed: Transaction | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """What is compared: an account, and the gateway's list over [since, until), UTC."""

    account_id: str
    since: datetime
    until: datetime
    listed: Sequence[Transaction]

    def of(self, *kinds: str) -> list[Transaction]:
        """The rows of these kinds."""
        return [row for row in self.listed if row.kind in kinds]


def compare(day: Day) -> list[Found]:
    """All differences as they are now."""
    return [found for part in _PARTS for found in part(day)]


def source_of(reference: str) -> str:
    """What the journal calls something that only the gateway has: its reference, or a hash of a long one."""
    return reference if len(reference) <= LONGEST_SOURCE else secret_hash(reference)


def fee_of(row: Transaction) -> str:
    """What the journal calls the fee of something that is no payment."""
    return source_of(f"{row.gateway_ref}:fee")


def _payments(day: Day) -> Iterator[Found]:
    rows = day.of("payment")
    known = books.payments_named(day.account_id, [row.key or "" for row in rows], [row.gateway_ref for row in rows])
    for row in rows:
        payment = known.get(row.key or "") or known.get(row.gateway_ref)
        yield from _payment(row, payment) if payment else [_unknown("payment_unknown", row)]
    listed = {name for row in rows for name in (row.key, row.gateway_ref)}
    for payment in books.payments_settled(day.account_id, day.since, day.until):
        if payment.id not in listed and payment.gateway_ref not in listed:
            yield Found(
                "payment_missing", payment.id, payment.settled_at or day.since, payment.id, ours=_received(payment)
            )


def _payment(row: Transaction, payment: Payment) -> Iterator[Found]:
    ours = _received(payment)
    if row.amount != ours:
        yield _differs("payment_amount", row, payment.id, ours)
    elif payment.status != "succeeded":
        yield _differs("payment_status", row, payment.id, ours, f"Here it is {payment.status.replace('_', ' ')}.")
    fee = Money(payment.fee_minor, payment.fee_currency) if payment.fee_currency else None
    if payment.status == "succeeded" and row.fee and row.fee != fee:
        yield Found("payment_fee", row.gateway_ref, row.at, payment.id, row.fee, fee, listed=row)


def _refunds(day: Day) -> Iterator[Found]:
    rows = day.of("refund")
    known = books.refunds_named(day.account_id, [row.key or "" for row in rows], [row.gateway_ref for row in rows])
    for row in rows:
        refund = known.get(row.key or "") or known.get(row.gateway_ref)
        yield from _refund(row, refund) if refund else [_unknown("refund_unknown", row)]
    listed = {name for row in rows for name in (row.key, row.gateway_ref)}
    for refund in books.refunds_settled(day.account_id, day.since, day.until):
        if refund.id not in listed and refund.gateway_ref not in listed:
            yield Found(
                "refund_missing", refund.id, refund.settled_at or day.since, refund.payment_id, ours=refund.amount
            )


def _refund(row: Transaction, refund: Refund) -> Iterator[Found]:
    if row.amount != refund.amount:
        yield _differs("refund_amount", row, refund.payment_id, refund.amount)
    elif refund.status != "succeeded":
        yield _differs("refund_status", row, refund.payment_id, refund.amount, f"Here it is {refund.status}.")


def _disputes(day: Day) -> Iterator[Found]:
    """Some lists name the dispute itself, and some the payment whose money moved by it."""
    rows = {row.gateway_ref: row for row in day.of("dispute", "dispute_reversal")}
    known = books.disputes_known(
        day.account_id, {*rows, *(row.payment_ref for row in rows.values() if row.payment_ref)}
    )
    return (_unknown("dispute_unknown", row) for ref, row in rows.items() if not {ref, row.payment_ref} & known)


def _payouts(day: Day) -> Iterator[Found]:
    rows = {source_of(row.gateway_ref): row for row in day.of("payout") if row.amount}
    known = books.entries_known("payout", rows)
    return (_unknown("payout_unbooked", row) for source, row in rows.items() if source not in known)


def _fees(day: Day) -> Iterator[Found]:
    """Fees of the account itself, and those of refunds, disputes and payouts."""
    own = {source_of(row.gateway_ref): (row, row.amount) for row in day.of("fee") if row.amount}
    others = {fee_of(row): (row, row.fee) for row in day.listed if row.kind not in ("payment", "fee") and row.fee}
    known = books.entries_known("gateway_fee", own.keys() | others.keys())
    for source, (row, fee) in (own | others).items():
        if source not in known:
            yield Found("fee_unbooked", source, row.at, None, fee, listed=row)


def _received(payment: Payment) -> Money:
    minor = payment.amount_minor if payment.received_minor is None else payment.received_minor
    return Money(minor, payment.currency)


def _unknown(kind: str, row: Transaction) -> Found:
    return Found(kind, row.gateway_ref, row.at, theirs=row.amount, listed=row)


def _differs(kind: str, row: Transaction, subject_id: str, ours: Money, detail: str = "") -> Found:
    return Found(kind, row.gateway_ref, row.at, subject_id, row.amount, ours, detail, row)


_PARTS: Sequence[Callable[[Day], Iterator[Found]]] = (_payments, _refunds, _disputes, _payouts, _fees)
