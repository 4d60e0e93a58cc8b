"""Customers are told once that the card they are charged with ends, and not if it is replaced before."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.db import session, transaction
from app.domain.card_expiry import next_look, warning_at
from app.gateways.types import SavedMethod
from app.jobs import clocks, schedule
from app.models import Mail, PaymentMethod
from app.queries import timeline
from app.services import customers, expiry_warnings, payment_methods, test_clocks
from tests.shop import Shop, fresh, mails

DAY = timedelta(days=1)
MARCH_ENDS = (3, 2026)
# 1 March 2026 less 30 days is 30 January, 9:00 in Toronto (EST, UTC-5).
WARNED = datetime(2026, 1, 30, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "year", "zone", "expected"),
    [
        (3, 2026, "America/Toronto", WARNED),
        (12, 2026, "America/Toronto", datetime(2026, 11, 1, 14, tzinfo=UTC)),  # the night the clocks are set back
        (1, 2027, "Africa/Nairobi", datetime(2026, 12, 2, 6, tzinfo=UTC)),
    ],
)
def test_the_warning_comes_thirty_days_before_the_month(month: int, year: int, zone: str, expected: datetime) -> None:
    assert warning_at(month, year, zone) == expected


def test_it_is_looked_at_again_each_week_until_the_card_has_ended() -> None:
    looks = [at := datetime(2026, 1, 1, tzinfo=UTC)]
    while at := next_look(*MARCH_ENDS, "UTC", at):  # type: ignore[assignment]
        looks.append(at)
    assert [f"{look:%m-%d}" for look in looks[1:]] == [
        *("01-30", "02-06", "02-13", "02-20", "02-27", "03-06", "03-13", "03-20", "03-27"),
    ]


def card(shop: Shop, at: datetime, *, default: bool = True, customer_id: str | None = None) -> PaymentMethod:
    """A customer's card that ends with March 2026."""
    saved = SavedMethod(f"tok_{default}_{customer_id}", "card", "visa", "4242", *MARCH_ENDS)
    owner = customer_id or shop.customer()
    with transaction():
        return payment_methods.keep(owner, shop.account_id, saved, at, default=default)


def told() -> list[tuple[str, str]]:
    return [(mail.context["method"], mail.context["ends"]) for mail in mails("method_expiring")]


def test_a_customer_is_told_once_that_their_default_card_ends(shop: Shop, at: datetime) -> None:
    row = card(shop, at)
    assert (row.warn_at, expiry_warnings.warn_due(WARNED - timedelta(seconds=1))) == (WARNED, 0)
    schedule.run_due(WARNED)
    assert told() == [("Visa •••• 4242", "03/2026")]
    schedule.run_due(WARNED + 90 * DAY)
    assert (len(told()), fresh(PaymentMethod, row.id).warned_at) == (1, WARNED)
    moments = timeline.of_customer(row.customer_id)
    assert [moment.at for moment in moments if moment.name == "payment_method.expiring"] == [WARNED]
    assert fresh(Mail, mails("method_expiring")[0].id).state == "sent"


def test_a_card_that_is_not_charged_is_not_spoken_of_until_it_is(shop: Shop, at: datetime) -> None:
    spare = card(shop, at, default=False, customer_id=shop.buyer())
    schedule.run_due(WARNED)
    assert (told(), fresh(PaymentMethod, spare.id).warn_at) == ([], WARNED + 7 * DAY)
    shop.sell(spare.customer_id, payment_method_id=spare.id)
    schedule.run_due(WARNED + 7 * DAY)
    assert told() == [("Visa •••• 4242", "03/2026")]


def test_nothing_is_said_of_a_card_that_was_replaced_updated_or_removed(shop: Shop, at: datetime) -> None:
    replaced, updated, removed, gone = (card(shop, at) for _ in range(4))
    with transaction():
        shop_method = SavedMethod("tok_new", "card", "visa", "1111", 12, 2034)
        payment_methods.keep(replaced.customer_id, shop.account_id, shop_method, at, default=True)
        payment_methods._follow(updated.id, SavedMethod(updated.token, "card", "visa", "4242", 3, 2031), at)
        payment_methods.remove(removed.id, at)
        customers.forget(gone.customer_id, at)
    schedule.run_due(WARNED)
    assert told() == []
    assert fresh(PaymentMethod, updated.id).warn_at == warning_at(3, 2031, "America/Toronto")


def test_a_card_given_in_its_last_months_is_spoken_of_a_week_later(shop: Shop, at: datetime) -> None:
    late = WARNED + 3 * DAY
    assert card(shop, late).warn_at == late + 7 * DAY
    assert card(shop, WARNED + 60 * DAY).warn_at is None  # ended before anybody could be told


def test_a_customer_on_a_test_clock_is_told_in_its_time(shop: Shop, at: datetime) -> None:
    with transaction():
        clock = test_clocks.create("Winter", at, at)
    row = card(shop, at, customer_id=shop.customer(test_clock_id=clock.id))
    schedule.run_due(WARNED + DAY)
    assert told() == []
    with transaction():
        test_clocks.advance(clock.id, WARNED + DAY, at)
    clocks.move(clock.id, 60)
    assert (told(), fresh(PaymentMethod, row.id).warned_at) == ([("Visa •••• 4242", "03/2026")], WARNED)


def test_a_card_without_a_date_is_never_spoken_of(shop: Shop, at: datetime) -> None:
    row = card(shop, at)
    with transaction():
        session().execute(update(PaymentMethod).values(exp_month=None, exp_year=None))
        expiry_warnings.plan(fresh(PaymentMethod, row.id), at)
    assert fresh(PaymentMethod, row.id).warn_at is None
