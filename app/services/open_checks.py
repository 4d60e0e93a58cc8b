"""Asking about many open attempts: they are read at once, asked about one by one, and put off together if nothing is
new. So ten thousand of them cost a handful of statements for each few hundred calls."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, func, update

from app.db import session, transaction
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Payment
from app.services import charging, payments, reservations
from app.services.batches import each
from app.services.next_actions import as_json
from app.services.outcomes import NoAnswer
from app.timelines import current_clock_id

WAITING = (PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)


def ask(rows: Sequence[Payment], at: datetime) -> int:
    """Ask about attempts that were read with all that belongs to them; gives how many could be asked about.

    News go through the one door, each at once. Opens its own transactions.
    """
    named, quiet = {row.id: row for row in rows}, list[str]()
    done = each(named, lambda key: _ask(named[key], quiet, at), lambda key: payments.put_off(key, at))
    if quiet:
        with transaction():
            _ask_later(quiet)
    return done


def _ask(payment: Payment, quiet: list[str], at: datetime) -> None:
    found = charging.look_up(payment)
    if _is_no_news(payment, found, at):
        quiet.append(payment.id)
    else:
        charging.settle(payment, found, at)


def _is_no_news(payment: Payment, found: PaymentResult | NoAnswer | None, at: datetime) -> bool:
    """Whether all that is left to do is to ask later. On a test clock that is asked for one by one."""
    if not isinstance(found, PaymentResult) or found.status not in WAITING or current_clock_id():
        return False
    if (
        reservations.must_carry_out(payment, found)
        or reservations.is_over(payment, found, at)
        or found.quote
        or found.status != payment.status
        or found.gateway_ref not in (None, payment.gateway_ref)
    ):
        return False
    waits = found.status is PaymentStatus.REQUIRES_ACTION
    next_action = as_json(found.next_action) or (payment.next_action if waits else {})
    return next_action == payment.next_action and not charging.is_given_up(payment, found, at)


def _ask_later(payment_ids: Sequence[str]) -> None:
    """As `payments` does for one: the next question comes later with each that was in vain. What has ended meanwhile
    is left alone."""
    *earlier, last = payments.CHECK_AFTER
    pause = case(dict(enumerate(earlier)), value=Payment.checks, else_=last)
    session().execute(
        update(Payment)
        .where(Payment.id.in_(payment_ids), Payment.status.in_(WAITING), Payment.check_at.is_not(None))
        .values(check_at=func.now() + pause, checks=Payment.checks + 1)
        .execution_options(synchronize_session=False)
    )
