"""A level of usage is told once in each billing period, whoever looks and however often."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.db import current_tenant_id, session, transaction
from app.domain.errors import InvalidInput
from app.models import Event, Subscription, UsageCheck
from app.services import usage_alerts
from tests.services.metered import FEBRUARY, MARCH, day, event, meter, metered_plan, record
from tests.shop import Shop
from tests.together import together

NOW = day(10)


@pytest.fixture
def calls(shop: Shop) -> str:
    return meter(shop.at)


@pytest.fixture
def sold(shop: Shop, calls: str) -> str:
    """A subscription of the customer “a” that is charged for calls."""
    return shop.sell(shop.customer(external_id="a"), metered_plan(shop, calls), collection="manual")


def alert(meter_id: str, *levels: Any, customer: str | None = None, at: datetime = NOW) -> str:
    with transaction():
        return usage_alerts.create(meter_id, levels, at, customer).id


def use(transaction_id: str, n: str, customer: str = "a", at: datetime = NOW) -> None:
    record([event(transaction_id, customer, at, n)], at)


def told(at: datetime = NOW) -> list[tuple[str, str]]:
    """What is told by looking at what is due: levels, and the usage that reached them."""
    before = set(session().scalars(select(Event.id)))
    usage_alerts.check_due(at)
    query = select(Event).where(Event.type == "usage.level_reached", Event.id.not_in(before)).order_by(Event.id)
    return [(row.payload["level"], row.payload["quantity"]) for row in session().scalars(query)]


def test_each_level_is_told_when_it_is_reached_and_then_no_more(calls: str, sold: str) -> None:
    alert(calls, "100", 80)
    use("t1", "79")
    assert told() == []
    use("t2", "1")
    assert told() == [("80", "80")]
    use("t3", "5")
    assert told() == []
    use("t4", "40")
    assert told() == [("100", "125")]


def test_levels_passed_at_once_are_all_told_the_lowest_first(calls: str, sold: str) -> None:
    alert(calls, "50", "80", "100")
    use("t1", "90")
    assert told() == [("50", "90"), ("80", "90")]


def test_after_a_correction_a_level_is_not_told_again_in_the_same_period(calls: str, sold: str) -> None:
    alert(calls, "80")
    for transaction_id, n, expected in (("t1", "80", [("80", "80")]), ("t2", "-10", []), ("t3", "20", [])):
        use(transaction_id, n)
        assert told() == expected


def test_in_the_next_period_it_is_told_anew(calls: str, sold: str) -> None:
    alert(calls, "80")
    use("t1", "80")
    assert told() == [("80", "80")]
    with transaction():
        turned = {"current_period_start": FEBRUARY, "current_period_end": MARCH}
        session().execute(update(Subscription).values(turned))
    use("t2", "85", at=FEBRUARY)
    assert told(FEBRUARY) == [("80", "85")]


def test_an_event_says_who_reached_what_and_when(calls: str, sold: str) -> None:
    made = alert(calls, "80")
    use("t1", "80.5")
    told()
    row = session().scalars(select(Event).where(Event.type == "usage.level_reached")).one()
    assert row.subject_id == sold
    assert row.payload == {
        "alert": made,
        "meter": "calls",
        "level": "80",
        "quantity": "80.5",
        "period_start": "2026-01-15T12:00:00+00:00",
        "period_end": "2026-02-15T12:00:00+00:00",
    }


def test_an_alert_on_one_customer_does_not_tell_of_others(shop: Shop, calls: str, sold: str) -> None:
    other = shop.customer(external_id="b")
    shop.sell(other, metered_plan(shop, calls), collection="manual")
    alert(calls, "80", customer=other)
    use("t1", "90", "a")
    use("t2", "95", "b")
    assert told() == [("80", "95")]


def test_usage_that_is_there_already_is_told_of_a_customer_at_once(shop: Shop, calls: str) -> None:
    customer = shop.customer(external_id="a")
    shop.sell(customer, metered_plan(shop, calls), collection="manual")
    use("t1", "90")
    alert(calls, "80", customer=customer)
    assert told() == [("80", "90")]


def test_usage_that_nobody_pays_for_is_not_told(shop: Shop, calls: str) -> None:
    shop.customer(external_id="a")
    alert(calls, "80")
    use("t1", "90")
    assert told() == []
    assert session().scalars(select(UsageCheck)).all() == []


def test_without_an_alert_nothing_is_noted(calls: str, sold: str) -> None:
    use("t1", "90")
    assert session().scalars(select(UsageCheck)).all() == []


def test_a_removed_alert_tells_no_more(calls: str, sold: str) -> None:
    made = alert(calls, "80", "100")
    use("t1", "80")
    assert told() == [("80", "80")]
    with transaction():
        usage_alerts.remove(made, NOW)
    use("t2", "30")
    assert told() == []


def test_two_who_look_at_once_tell_it_once(app: Flask, calls: str, sold: str) -> None:
    alert(calls, "80")
    use("t1", "90")
    together(app, current_tenant_id(), *[lambda: usage_alerts.check_due(NOW)] * 2)
    assert len(session().scalars(select(Event).where(Event.type == "usage.level_reached")).all()) == 1


@pytest.mark.parametrize("levels", [[], ["0"], ["0", "5"], [str(n) for n in range(1, 22)]])
def test_levels_that_are_none_are_refused(calls: str, levels: list[str]) -> None:
    with pytest.raises(InvalidInput, match="1 to 20 levels, all above zero"):
        alert(calls, *levels)


def test_a_level_below_zero_is_refused(calls: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        alert(calls, "5", Decimal(-1))
    assert refused.value.field == "levels.1"
