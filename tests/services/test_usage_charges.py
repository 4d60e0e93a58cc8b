"""What is due for usage, and what is missing once more of it comes to light."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.domain.periods import Period
from app.models import Charge, MeteredPeriod, Plan, Subscription
from app.services import catalog, meters, recounts, usage
from app.services.recounts import Missed
from tests.services.metered import EACH, FEBRUARY, FIRST, MARCH, day, event, meter, metered_plan, record, used
from tests.shop import Shop, fresh

TIERS = [{"up_to": "10", "unit_amount": "1"}, {"up_to": None, "unit_amount": "0.5"}]
FEE = {"model": "percentage", "rate": "2.9", "fixed_amount": "0.30"}
AN_HOUR_LATER = FEBRUARY + timedelta(hours=1)


def bill(subscription_id: str, period: Period = FIRST, at: datetime = FEBRUARY) -> Money:
    """Bill the usage of a period, as the renewal does, but for the invoice."""
    with transaction():
        found = used(subscription_id, period)
        amount = found.priced().amount
        usage.keep([(found, amount, None)], at)
        return amount


def missing(subscription_id: str, at: datetime = MARCH) -> list[tuple[Decimal, int]]:
    """How much is missing on earlier invoices: quantity and minor units. It is billed."""
    with transaction():
        waiting = recounts.waiting([subscription_id])
        found = recounts.compared(waiting, usage.measured([recounts.use_of(row) for row in waiting]), at)
        recounts.settle(found, at)
        return [(one.quantity, one.amount.minor) for one in found]


@pytest.mark.parametrize(
    ("aggregation", "price", "numbers", "quantity", "minor"),
    [
        ("sum", EACH, ["1000", "200"], 1200, 60_00),  # 1,200 × 0.05
        ("count", EACH, ["7", "7", "7"], 3, 15),  # 3 × 0.05
        ("max", {"model": "graduated", "tiers": TIERS}, ["4", "12", "9"], 12, 11_00),  # 10 × 1 + 2 × 0.5
        ("unique", {"model": "standard", "unit_amount": "2"}, ["ann", "bob", "ann"], 2, 4_00),
        ("sum", FEE, ["10", "80"], 90, 3_21),  # 90 × 2.9 % + 2 × 0.30, so each event counts
        ("sum", {**EACH, "minimum_amount": "5"}, [], 0, 5_00),  # nothing was used, and something is due
    ],
)
def test_usage_of_a_period_is_priced(
    shop: Shop, aggregation: str, price: Mapping[str, Any], numbers: list[str], quantity: int, minor: int
) -> None:
    customer = shop.customer()
    sold = shop.sell(customer, metered_plan(shop, meter(shop.at, aggregation), price), collection="manual")
    record([event(f"t{i}", customer, day(i), n) for i, n in enumerate(numbers)], FEBRUARY)
    found = used(sold)
    assert (found.quantity, found.priced().amount) == (quantity, Money(minor, "CAD"))


def test_all_charges_of_many_subscriptions_are_found_at_once(shop: Shop) -> None:
    calls, users = meter(shop.at), meter(shop.at, "unique", "users")
    charges = [
        {"name": "Calls", "kind": "usage", "price": EACH, "meter_id": calls},
        {"name": "Support", "kind": "recurring", "price": EACH, "meter_id": None},
        {"name": "Users", "kind": "usage", "price": EACH, "meter_id": users},
    ]
    plan = shop.plan(charges=charges)
    buyers = [shop.customer(external_id=name) for name in ("a", "b")]
    sold = [shop.sell(buyer, plan, collection="manual") for buyer in buyers]
    told = [("t1", "a", "3", "calls"), ("t2", "b", "4", "calls"), ("t3", "b", "x", "users")]
    record([event(name, customer, day(1), n, code) for name, customer, n, code in told], FEBRUARY)
    rows = [(fresh(Subscription, row), fresh(Plan, plan), FIRST) for row in sold]
    found = usage.charges_due(rows)
    by_name = {(row, found_one.use.charge.name): found_one.quantity for (row, _), found_one in found.items()}
    a, b = sold
    assert by_name == {(a, "Calls"): 3, (a, "Users"): 0, (b, "Calls"): 4, (b, "Users"): 1}


def test_a_period_of_a_charge_is_billed_once(shop: Shop) -> None:
    sold = shop.sell(shop.customer(), metered_plan(shop, meter(shop.at)), collection="manual")
    bill(sold)
    with pytest.raises(Conflict, match="just added the same"):
        bill(sold)
    assert session().scalar(select(func.count()).select_from(MeteredPeriod)) == 1


class TestLate:
    """10 calls are billed in graduated tiers, 10 × 1 = 10.00; what comes later costs 0.50 each."""

    def sold(self, shop: Shop, customer: str, policy: str = "next_invoice", aggregation: str = "sum") -> str:
        plan = metered_plan(
            shop, meter(shop.at, aggregation, late_policy=policy), {"model": "graduated", "tiers": TIERS}
        )
        sold = shop.sell(customer, plan, collection="manual")
        record([event("t1", customer, day(1), "10")], FEBRUARY)
        assert bill(sold) == Money(10_00, "CAD")
        return sold

    def test_nothing_is_missing_when_nothing_came(self, shop: Shop) -> None:
        sold = self.sold(shop, shop.customer())
        assert missing(sold) == []
        assert session().scalars(select(MeteredPeriod.recount_at)).one() is None

    def test_the_difference_of_the_whole_period_is_billed_once(self, shop: Shop) -> None:
        customer = shop.customer()
        sold = self.sold(shop, customer)
        record([event("t2", customer, day(2), "4")], AN_HOUR_LATER)
        assert missing(sold) == [(Decimal(4), 2_00)]  # 10 × 1 + 4 × 0.5 less 10.00
        assert missing(sold) == []
        record([event("t3", customer, day(2), "-6")], MARCH)
        assert missing(sold, MARCH) == [(Decimal(-6), -4_00)]  # 8 × 1 less 12.00

    def test_a_late_event_that_changes_nothing_costs_nothing(self, shop: Shop) -> None:
        customer = shop.customer()
        sold = self.sold(shop, customer, aggregation="max")
        record([event("t2", customer, day(2), "9")], AN_HOUR_LATER)
        assert missing(sold) == []

    def test_an_event_that_was_on_its_way_while_its_period_was_counted_is_found(self, shop: Shop) -> None:
        """Its intake did not see the period as invoiced, so it orders no count; the first one takes place anyway."""
        customer = shop.customer()
        sold = self.sold(shop, customer)
        ordered = session().scalars(select(MeteredPeriod.recount_at)).one()
        record([event("t2", customer, day(2), "4")], FEBRUARY - timedelta(seconds=1))
        assert session().scalars(select(MeteredPeriod.recount_at)).one() <= ordered
        assert missing(sold) == [(Decimal(4), 2_00)]

    def test_a_count_that_is_not_due_yet_is_made_again(self, shop: Shop) -> None:
        customer = shop.customer()
        sold = self.sold(shop, customer)
        assert missing(sold, FEBRUARY) == []
        assert session().scalars(select(MeteredPeriod.recount_at)).one() == FEBRUARY + usage.RECOUNT_AFTER

    def test_what_is_to_be_corrected_waits_for_no_invoice(self, shop: Shop) -> None:
        customer = shop.customer()
        sold = self.sold(shop, customer, "correct")
        record([event("t2", customer, day(2), "4")], AN_HOUR_LATER)
        assert missing(sold) == []
        assert self.corrections(FEBRUARY) == []
        assert self.corrections(MARCH) == [(sold, Decimal(4), 2_00)]
        assert self.corrections(MARCH) == []

    def test_what_a_subscription_owes_that_has_ended_is_due_by_itself(self, shop: Shop) -> None:
        customer = shop.customer()
        sold = self.sold(shop, customer)
        record([event("t2", customer, day(2), "4")], AN_HOUR_LATER)
        assert self.corrections(MARCH) == []
        with transaction():
            session().execute(update(Subscription).values(ended_at=day(3)))
        assert self.corrections(MARCH) == [(sold, Decimal(4), 2_00)]

    def corrections(self, at: datetime) -> list[tuple[str, Decimal, int]]:
        with transaction():
            found: list[Missed] = [
                one for row in recounts.subscriptions_to_correct(at) for one in recounts.corrections_due(row, at)
            ]
            recounts.settle(found, at)
            return [(one.kept.subscription_id, one.quantity, one.amount.minor) for one in found]


class TestCharges:
    """What a plan charges besides its own price."""

    def test_a_new_version_keeps_its_charges(self, shop: Shop) -> None:
        plan = metered_plan(shop, meter(shop.at))
        with transaction():
            dearer = catalog.update_plan(plan, {"price": {"model": "standard", "unit_amount": "25"}}, shop.at)
        assert dearer.id != plan
        assert [(charge.name, charge.price) for charge in dearer.charges] == [("Calls", {**EACH, "free_units": "0"})]

    @pytest.mark.parametrize(
        ("amount", "is_new"),
        [("0.06", True), ("0.05", False), ("0.050", False)],
    )
    def test_another_charge_makes_another_version(self, shop: Shop, amount: str, is_new: bool) -> None:
        plan = metered_plan(shop, meter(shop.at))
        [charge] = fresh(Plan, plan).charges
        price = {"model": "standard", "unit_amount": amount}
        given = [{"name": "Calls", "kind": "usage", "price": price, "meter_id": charge.meter_id}]
        with transaction():
            assert (catalog.update_plan(plan, {"charges": given}, shop.at).id != plan) == is_new

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            ({"name": " "}, "missing", "charges.0.name"),
            ({"kind": "yearly"}, "invalid_choice", "charges.0.kind"),
            ({"kind": "recurring"}, "charge_meter", "charges.0.meter"),
            ({"meter_id": None}, "charge_meter", "charges.0.meter"),
            ({"price": {"model": "x"}}, "unknown_price_model", "charges.0.price.model"),
            ({"price": {"model": "standard"}}, "missing_field", "charges.0.price.unit_amount"),
            ({"price": FEE}, "charge_meter", "charges.0.meter"),
        ],
    )
    def test_a_charge_that_makes_no_sense_is_refused(
        self, shop: Shop, wrong: dict[str, Any], code: str, field: str
    ) -> None:
        sound = {"name": "Calls", "kind": "usage", "price": EACH, "meter_id": meter(shop.at, "count")}
        with pytest.raises(InvalidInput) as refused:
            shop.plan(charges=[{**sound, **wrong}])
        assert (refused.value.code, refused.value.field) == (code, field)
        assert session().scalar(select(func.count()).select_from(Charge)) == 0

    def test_a_meter_that_somebody_pays_by_is_not_archived(self, shop: Shop) -> None:
        used_meter = meter(shop.at)
        sold = shop.sell(shop.customer(), metered_plan(shop, used_meter), collection="manual")
        with pytest.raises(Conflict, match="Running subscriptions"), transaction():
            meters.archive(used_meter, shop.at)
        with transaction():
            session().execute(update(Subscription).where(Subscription.id == sold).values(ended_at=shop.at))
            meters.archive(used_meter, shop.at)
        with pytest.raises(InvalidInput, match="archived"):
            metered_plan(shop, used_meter)
