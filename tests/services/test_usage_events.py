"""Usage events are taken once each, all of a batch or none of it, and what is wrong with one is said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import BillingError, Conflict
from app.domain.periods import Period
from app.models import MeteredPeriod, UsageEvent
from app.services import customers, meters, usage
from app.services.usage_events import NewEvent, Recorded
from tests.services.metered import FEBRUARY, MARCH, START, day, event, meter, metered_plan, record, used
from tests.shop import Shop
from tests.together import together

LATER = datetime(2026, 1, 20, 12, 0, tzinfo=UTC)


def kept() -> int:
    """How many events there are."""
    return session().scalar(select(func.count()).select_from(UsageEvent)) or 0


class TestTwice:
    """Nothing is counted twice, whatever an application sends again."""

    @pytest.fixture
    def customer(self, shop: Shop) -> str:
        meter(shop.at)
        return shop.customer(external_id="crm-1")

    def test_what_is_sent_again_is_a_duplicate_and_changes_nothing(self, customer: str) -> None:
        batch = [event(f"t{i}", customer, day(i)) for i in range(3)]
        assert record(batch, LATER) == Recorded(taken=3, duplicates=0)
        assert record([*batch, event("t3", customer, day(3))], LATER) == Recorded(taken=1, duplicates=3)
        assert kept() == 4

    def test_what_stands_twice_in_a_batch_is_taken_once(self, customer: str) -> None:
        assert record([event("t1", customer, day(1))] * 3, LATER) == Recorded(taken=1, duplicates=2)

    def test_our_id_and_theirs_mean_the_same_customer(self, customer: str) -> None:
        record([event("t1", customer, day(1))], LATER)
        assert record([event("t1", "crm-1", day(1))], LATER) == Recorded(taken=0, duplicates=1)

    def test_the_order_and_number_form_of_properties_is_no_content(self, customer: str) -> None:
        first = NewEvent("t1", customer, "calls", day(1), {"n": "1", "model": "small"})
        record([first], LATER)
        again = NewEvent("t1", customer, "calls", day(1), {"model": "small", "n": "1"})
        assert record([again], LATER).duplicates == 1

    @pytest.mark.parametrize("other", [{"n": "2"}, {"at": day(2)}])
    @pytest.mark.parametrize("same_batch", [True, False])
    def test_another_event_under_the_same_id_is_refused_with_its_whole_batch(
        self, customer: str, other: dict[str, Any], same_batch: bool
    ) -> None:
        first = event("t1", customer, day(1))
        second = event("t1", customer, **{"at": day(1), **other})
        before = [] if same_batch else [first]
        record(before, LATER)
        with pytest.raises(Conflict) as refused:
            record([event("t0", customer, day(1)), first, second], LATER)
        assert (refused.value.code, refused.value.field) == ("transaction_id_reused", "events.2.transaction_id")
        assert kept() == len(before)

    def test_two_who_send_the_same_batch_at_once_take_it_once(self, app: Flask, customer: str) -> None:
        batch = [event(f"t{i}", customer, day(1)) for i in range(200)]
        results = together(
            app,
            current_tenant_id(),
            lambda: record(batch, LATER),
            lambda: record(batch[::-1], LATER),
        )
        assert sorted(results) == [Recorded(0, 200), Recorded(200, 0)]  # type: ignore[type-var]
        assert kept() == 200


SOUND = {"customer": "crm-1", "meter": "calls", "at": day(1), "properties": {"n": "1"}}
# what is wrong with an event, the code, the field
WRONG = [
    ({"customer": "nobody"}, "unknown_customer", "customer"),
    ({"customer": "cus_00000000000000000000000000"}, "unknown_customer", "customer"),
    ({"customer": "forgotten"}, "unknown_customer", "customer"),
    ({"meter": "steps"}, "unknown_meter", "meter"),
    ({"meter": "old"}, "unknown_meter", "meter"),
    ({"at": LATER + timedelta(minutes=6)}, "usage_in_future", "at"),
    ({"at": LATER - timedelta(days=731)}, "usage_too_old", "at"),
    ({"properties": {}}, "property_missing", "properties.n"),
    ({"properties": {"n": None}}, "property_missing", "properties.n"),
    ({"properties": {"n": "many"}}, "invalid_decimal", "properties.n"),
    ({"properties": {"n": 1.5}}, "invalid_decimal", "properties.n"),
    ({"properties": {"n": "NaN"}}, "invalid_decimal", "properties.n"),
    ({"properties": {"n": "0.0000000000001"}}, "too_precise", "properties.n"),
    ({"properties": {"n": "1e30"}}, "out_of_range", "properties.n"),
    ({"meter": "users", "properties": {"n": "x" * 256}}, "too_long", "properties.n"),
]


def test_an_event_that_cannot_be_taken_is_named_and_nothing_is_written(shop: Shop, subtests: pytest.Subtests) -> None:
    shop.customer(external_id="crm-1")
    forgotten = shop.customer(external_id="forgotten", email="f@foxglove.example")
    for code, aggregation in (("calls", "sum"), ("users", "unique")):
        meter(shop.at, aggregation, code)
    archived = meter(shop.at, code="old")
    with transaction():
        customers.forget(forgotten, shop.at)
        meters.archive(archived, shop.at)
    for wrong, code, field in WRONG:
        with subtests.test(wrong=wrong):
            given: Any = {**SOUND, **wrong}
            with pytest.raises(BillingError) as refused:
                record([NewEvent("t1", **SOUND), NewEvent("t2", **given)], LATER)  # type: ignore[arg-type]
            assert (refused.value.code, refused.value.field) == (code, f"events.1.{field}")
            assert kept() == 0


def test_a_batch_has_at_most_1000_events(shop: Shop) -> None:
    customer = shop.customer()
    meter(shop.at)
    batch = [event(f"t{i}", customer, day(1)) for i in range(1001)]
    with pytest.raises(BillingError, match="at most 1000"):
        record(batch, LATER)
    assert record(batch[:1000], LATER).taken == 1000


def test_nothing_is_a_batch_too(shop: Shop) -> None:
    assert record([], shop.at) == Recorded(0, 0)


def test_a_clock_that_is_five_minutes_ahead_is_let_pass(shop: Shop) -> None:
    meter(shop.at)
    assert record([event("t1", shop.customer(), LATER + timedelta(minutes=5))], LATER).taken == 1


class TestLate:
    """Events of a period that has been invoiced. Between 15 January and 15 February 10 were used and billed."""

    @pytest.fixture(params=["next_invoice", "correct", "refuse"])
    def policy(self, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture
    def customer(self, shop: Shop, policy: str) -> str:
        customer = shop.customer()
        plan = metered_plan(shop, meter(shop.at, late_policy=policy))
        subscription = shop.sell(customer, plan, collection="manual")
        record([event("t1", customer, day(1), "10")], LATER)
        with transaction():
            found = used(subscription)
            usage.keep([(found, found.priced().amount, None)], FEBRUARY)
            session().scalars(select(MeteredPeriod)).one().recount_at = None
        return customer

    def test_they_are_taken_and_the_period_is_counted_again_or_they_are_refused(
        self, customer: str, policy: str
    ) -> None:
        batch = [event("t2", customer, day(2)), event("t3", customer, FEBRUARY)]
        if policy == "refuse":
            with pytest.raises(Conflict) as refused:
                record(batch, FEBRUARY)
            assert (refused.value.code, refused.value.field, kept()) == ("usage_too_late", "events.0.at", 1)
        else:
            assert record(batch, FEBRUARY).taken == 2
        wanted = None if policy == "refuse" else FEBRUARY + usage.RECOUNT_AFTER
        assert session().scalars(select(MeteredPeriod.recount_at)).one() == wanted

    def test_events_of_the_period_that_runs_are_not_late(self, customer: str) -> None:
        assert record([event("t3", customer, FEBRUARY)], FEBRUARY).taken == 1
        assert session().scalars(select(MeteredPeriod.recount_at)).one() is None

    def test_what_was_there_in_time_is_still_a_duplicate_when_it_is_sent_again(self, customer: str) -> None:
        assert record([event("t1", customer, day(1), "10")], FEBRUARY) == Recorded(0, 1)


def test_a_late_change_of_a_level_has_all_later_periods_counted_again(shop: Shop) -> None:
    customer = shop.customer()
    plan = metered_plan(shop, meter(shop.at, "weighted_sum"))
    subscription = shop.sell(customer, plan, collection="manual")
    periods = [(START, FEBRUARY), (FEBRUARY, MARCH)]
    with transaction():
        for start, end in periods:
            found = used(subscription, Period(start, end))
            usage.keep([(found, found.priced().amount, None)], end)
        for row in session().scalars(select(MeteredPeriod)):
            row.recount_at = None
    record([event("t1", customer, day(3))], MARCH)
    assert None not in session().scalars(select(MeteredPeriod.recount_at)).all()
