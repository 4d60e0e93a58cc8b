"""Changes inside a period, on the real books: the sum stands beside each case.

The shop sells on 15 January 2026, noon; its first period ends 31 days later, and on 1 February 14 of them are left.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.domain.terms import ProrationMode
from app.models import Customer, Invoice, InvoiceLine, Subscription
from app.services import (
    catalog,
    coupons,
    credit_notes,
    customers,
    invoices,
    renewals,
    subscription_changes,
    subscriptions,
)
from app.services.subscription_changes import Quote, Wanted
from tests.shop import ONTARIO, REGISTRATION, Shop, assert_books_balance, fresh, status

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
FIRST_OF_FEBRUARY = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
FEBRUARY, MARCH = datetime(2026, 2, 15, 12, 0, tzinfo=UTC), datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OREGON = {"line1": "1 Elm Street", "city": "Salem", "region": "OR", "postal_code": "97301", "country": "US"}
SECOND, BY_DAY, NONE, FULL, NEXT = ProrationMode


def buyer(shop: Shop, **values: Any) -> str:
    """A customer abroad, who pays no tax here, and whose days are UTC's."""
    return shop.customer(**{"timezone": "UTC", "address": OREGON, **values})


def sold(shop: Shop, plan: str, **options: Any) -> str:
    return shop.sell(options.pop("customer", None) or buyer(shop), plan, collection="manual", **options)


def change(subscription_id: str, at: datetime = FIRST_OF_FEBRUARY, **wanted: Any) -> Subscription:
    with transaction():
        return subscription_changes.change(subscription_id, Wanted(**wanted), at)


def preview(subscription_id: str, at: datetime = FIRST_OF_FEBRUARY, **wanted: Any) -> Quote:
    return subscription_changes.preview(subscription_id, Wanted(**wanted), at)


def bills(subscription_id: str) -> list[list[str]]:
    """The amounts of each invoice, line by line, oldest first."""
    query = (
        select(Invoice.number, InvoiceLine.amount_minor)
        .join(InvoiceLine, (InvoiceLine.tenant_id == Invoice.tenant_id) & (InvoiceLine.invoice_id == Invoice.id))
        .where(Invoice.subscription_id == subscription_id)
        .order_by(Invoice.number, InvoiceLine.position)
    )
    found: dict[str, list[str]] = {}
    for number, minor in session().execute(query):
        found.setdefault(number, []).append(str(Money(minor, "CAD").amount))
    return list(found.values())


@pytest.mark.parametrize(
    ("mode", "changed", "renewed"),
    [
        (SECOND, ["-13.55", "27.10"], ["60.00"]),  # 30 × 14/31, 60 × 14/31
        (BY_DAY, ["-13.55", "27.10"], ["60.00"]),
        (NONE, None, ["60.00"]),
        (FULL, ["-30.00", "60.00"], ["60.00"]),
        (NEXT, None, ["60.00"]),
    ],
)
def test_another_plan_is_paid_as_asked(
    shop: Shop, mode: ProrationMode, changed: list[str] | None, renewed: list[str]
) -> None:
    subscription_id = sold(shop, shop.plan("30"))
    change(subscription_id, plan_id=shop.plan("60"), mode=mode)
    renewals.renew_due(FEBRUARY)
    assert bills(subscription_id) == [["30.00"], *([changed] if changed else []), renewed]
    assert_books_balance()


@pytest.mark.parametrize(
    ("quantity", "lines"),
    [(5, ["-27.10", "67.74"]), (1, ["-27.10", "13.55"])],  # 2 × 30 × 14/31 = 27.10; 5 × 30 × 14/31 = 67.74
)
def test_another_quantity_is_paid_for_the_rest(shop: Shop, quantity: int, lines: list[str]) -> None:
    subscription_id = sold(shop, shop.plan("30"), quantity=2)
    change(subscription_id, quantity=quantity)
    assert bills(subscription_id)[1] == lines


def test_what_is_given_back_raises_the_balance_and_pays_the_next_invoice(shop: Shop) -> None:
    customer = buyer(shop)
    subscription_id = sold(shop, shop.plan("60"), customer=customer)
    change(subscription_id, plan_id=shop.plan("30"))
    assert fresh(Customer, customer).balance_minor == 13_55
    renewals.renew_due(FEBRUARY)
    last = session().scalars(select(Invoice).order_by(Invoice.number.desc()).limit(1)).one()
    assert (last.total_minor, last.due_minor) == (30_00, 16_45)
    assert_books_balance()


def test_another_interval_begins_there(shop: Shop) -> None:
    subscription_id = sold(shop, shop.plan("30"))
    change(subscription_id, plan_id=shop.plan("300", interval="year"))
    row = fresh(Subscription, subscription_id)
    assert bills(subscription_id)[1] == ["-13.55", "300.00"]
    assert (row.current_period_start, row.current_period_end) == (
        FIRST_OF_FEBRUARY,
        FIRST_OF_FEBRUARY.replace(year=2027),
    )
    # a tenth of the year later back to the monthly one: 300 × (365 - 36.5) / 365 = 270.00
    change(subscription_id, FIRST_OF_FEBRUARY + timedelta(days=36.5), plan_id=shop.plan("30"))
    assert bills(subscription_id)[2] == ["-270.00", "30.00"]
    assert_books_balance()


def test_the_plan_says_how_an_upgrade_and_a_downgrade_are_paid(shop: Shop) -> None:
    rules = {"proration_upgrade": "second", "proration_downgrade": "next_period"}
    small, large = shop.plan("30", **rules), shop.plan("60", **rules)
    subscription_id = sold(shop, small)
    change(subscription_id, plan_id=large)
    change(subscription_id, FIRST_OF_FEBRUARY + DAY, plan_id=small)
    row = fresh(Subscription, subscription_id)
    assert (row.plan_id, row.next_plan_id, row.next_quantity) == (large, small, 1)
    renewals.renew_due(FEBRUARY)
    row = fresh(Subscription, subscription_id)
    assert (row.plan_id, row.next_plan_id) == (small, None)
    assert bills(subscription_id) == [["30.00"], ["-13.55", "27.10"], ["30.00"]]


def test_a_planned_change_can_be_taken_back(shop: Shop) -> None:
    subscription_id = sold(shop, shop.plan("30"))
    change(subscription_id, plan_id=shop.plan("60"), mode=NEXT)
    with transaction():
        subscription_changes.withdraw(subscription_id, FIRST_OF_FEBRUARY)
    with pytest.raises(BillingError, match="No change is planned"), transaction():
        subscription_changes.withdraw(subscription_id, FIRST_OF_FEBRUARY)
    renewals.renew_due(FEBRUARY)
    assert bills(subscription_id) == [["30.00"], ["30.00"]]


def test_in_arrears_each_part_is_billed_with_the_period(shop: Shop) -> None:
    small, large = shop.plan("30", bill="in_arrears"), shop.plan("60", bill="in_arrears")
    subscription_id = sold(shop, small)
    assert bills(subscription_id) == []
    change(subscription_id, plan_id=large)
    renewals.renew_due(MARCH)
    assert bills(subscription_id) == [["16.45", "27.10"], ["60.00"]]  # 30 × 17/31 and 60 × 14/31
    assert_books_balance()


def test_several_recurring_charges_are_times_the_quantity(shop: Shop) -> None:
    support = {"name": "Support", "kind": "recurring", "price": {"model": "standard", "unit_amount": "4"}}
    plan = shop.plan("30", charges=[{**support, "meter_id": None}])
    subscription_id = sold(shop, plan, quantity=2)
    change(subscription_id, quantity=3)
    renewals.renew_due(FEBRUARY)
    assert bills(subscription_id) == [
        ["60.00", "8.00"],
        ["-27.10", "-3.61", "40.65", "5.42"],  # × 14/31
        ["90.00", "12.00"],
    ]


class TestCreditLimits:
    """A credit gives back what was really invoiced: less discounts, earlier credits and credit notes."""

    def test_a_discount_is_not_given_back(self, shop: Shop) -> None:
        with transaction():
            coupons.create({"code": "HALF", "name": "Half", "percent": 50, "duration": "forever"}, shop.at)
        subscription_id = sold(shop, shop.plan("30"), coupon="HALF")
        change(subscription_id, plan_id=shop.plan("60"))
        assert bills(subscription_id)[1] == ["-6.77", "27.10"]  # 15 × 14/31, and 27.10 less half of it
        with transaction():
            subscriptions.cancel(subscription_id, FIRST_OF_FEBRUARY, at_period_end=False, credit=SECOND)
        assert bills(subscription_id)[2] == ["-13.55"]

    def test_nor_what_a_credit_note_gave_back(self, shop: Shop) -> None:
        subscription_id = sold(shop, shop.plan("30"))
        [invoice] = session().scalars(select(Invoice))
        with transaction():
            credit_notes.issue(invoice.id, START + DAY, amount=Money(20_00, "CAD"))
        change(subscription_id, plan_id=shop.plan("60"))
        assert bills(subscription_id)[1] == ["-10.00", "27.10"]  # 10.00 are left of 30.00

    def test_nor_anything_of_an_invoice_that_was_taken_back(self, shop: Shop) -> None:
        subscription_id = sold(shop, shop.plan("30"))
        [invoice] = session().scalars(select(Invoice))
        with transaction():
            invoices.void(invoice.id, START + DAY)
        change(subscription_id, plan_id=shop.plan("60"))
        assert bills(subscription_id)[1] == ["27.10"]

    def test_nor_anything_twice(self, shop: Shop) -> None:
        """What a change gave back cannot be credited on its invoice again, nor that invoice be taken back."""
        subscription_id = sold(shop, shop.plan("30"))
        [invoice] = session().scalars(select(Invoice))
        change(subscription_id, plan_id=shop.plan("60"), mode=FULL)
        with pytest.raises(BillingError) as refused, transaction():
            credit_notes.issue(invoice.id, FIRST_OF_FEBRUARY)
        assert refused.value.code == "nothing_left_to_credit"
        with pytest.raises(BillingError) as refused, transaction():
            invoices.void(invoice.id, FIRST_OF_FEBRUARY)
        assert refused.value.code == "invoice_credited"

    @pytest.mark.parametrize(
        ("then", "lines"),
        [
            ({"plan_id": "sold", "quantity": 1}, None),  # what goes on was paid for
            ({"plan_id": "dear", "quantity": 1}, ["-13.55", "27.10"]),  # 30 × 14/31, 60 × 14/31
            ({"plan_id": "sold", "quantity": 2}, ["-13.55", "27.10"]),  # 2 × 30 × 14/31
        ],
    )
    @pytest.mark.parametrize("before", [{"quantity": 3}, {"plan_id": "other"}])
    def test_after_a_change_for_nothing_it_is_what_was_billed_before(
        self, shop: Shop, before: dict[str, Any], then: dict[str, Any], lines: list[str] | None
    ) -> None:
        plans = {"sold": shop.plan("30"), "other": shop.plan("90"), "dear": shop.plan("60")}
        subscription_id = sold(shop, plans["sold"])
        for at, wanted in ((START + DAY, {**before, "mode": NONE}), (FIRST_OF_FEBRUARY, {**then, "mode": SECOND})):
            named = {name: plans.get(value, value) for name, value in wanted.items()}
            change(subscription_id, at, **named)
        assert bills(subscription_id)[1:] == ([lines] if lines else [])

    def test_several_changes_give_back_what_each_was_billed(self, shop: Shop) -> None:
        plans = [shop.plan("30"), shop.plan("60"), shop.plan("90")]
        subscription_id = sold(shop, plans[0])
        change(subscription_id, plan_id=plans[1])
        change(subscription_id, FIRST_OF_FEBRUARY + 7 * DAY, plan_id=plans[2])
        with transaction():
            subscriptions.cancel(subscription_id, FEBRUARY - DAY, at_period_end=False, credit=SECOND)
        # 17 days at 30, 7 at 60, 6 at 90, the last one given back: 16.45 + 13.55 + 17.42 = 47.42
        assert bills(subscription_id) == [["30.00"], ["-13.55", "27.10"], ["-13.55", "20.32"], ["-2.90"]]
        assert sum(round(float(amount) * 100) for bill in bills(subscription_id) for amount in bill) == 47_42
        assert_books_balance()


class TestPreviews:
    """Preview and change are one function."""

    def test_the_charge_equals_the_preview(self, shop: Shop) -> None:
        subscription_id = sold(shop, shop.plan("30"), customer=shop.customer())
        plan = shop.plan("60")
        quote = preview(subscription_id, plan_id=plan)
        assert quote.totals is not None
        with transaction():
            subscription_changes.change(
                subscription_id,
                Wanted(plan),
                FIRST_OF_FEBRUARY + timedelta(minutes=9),
                as_of=FIRST_OF_FEBRUARY,
                fingerprint=quote.fingerprint,
            )
        last = session().scalars(select(Invoice).order_by(Invoice.number.desc()).limit(1)).one()
        assert (last.total_minor, last.tax_minor) == (quote.totals.total.minor, quote.totals.tax.minor) == (15_31, 1_76)

    def test_nothing_is_written_by_it(self, shop: Shop) -> None:
        subscription_id = sold(shop, shop.plan("30"))
        before = fresh(Subscription, subscription_id).state
        preview(subscription_id, quantity=7)
        with transaction():
            pass
        assert len(bills(subscription_id)) == 1
        assert (fresh(Subscription, subscription_id).quantity, before) == (1, None)

    def test_a_price_that_moved_is_refused(self, shop: Shop) -> None:
        subscription_id = sold(shop, shop.plan("30"))
        plan = shop.plan("60")
        quote = preview(subscription_id, plan_id=plan)
        later = FIRST_OF_FEBRUARY + DAY
        with pytest.raises(BillingError) as refused, transaction():
            subscription_changes.change(subscription_id, Wanted(plan), later, fingerprint=quote.fingerprint)
        assert refused.value.code == "price_moved"
        assert len(bills(subscription_id)) == 1


REFUSED: list[tuple[str, dict[str, Any], datetime, str]] = [
    ("nothing asked for", {}, FIRST_OF_FEBRUARY, "missing"),
    ("what it has already", {"quantity": 1}, FIRST_OF_FEBRUARY, "nothing_to_change"),
    ("no quantity", {"quantity": 0}, FIRST_OF_FEBRUARY, "invalid_quantity"),
    ("too late in the period", {"quantity": 2}, FEBRUARY, "outside_period"),
    ("before the period", {"quantity": 2}, START - DAY, "outside_period"),
    ("an unknown plan", {"plan_id": "pln_01jd5y8hbsf2arn1p4kq7k1zzz"}, FIRST_OF_FEBRUARY, "not_found"),
]


@pytest.mark.parametrize(("_name", "wanted", "when", "code"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_makes_no_sense_is_refused(
    shop: Shop, _name: str, wanted: dict[str, Any], when: datetime, code: str
) -> None:
    subscription_id = sold(shop, shop.plan("30"))
    with pytest.raises(BillingError) as refused:
        change(subscription_id, when, **wanted)
    assert refused.value.code == code


def test_another_currency_an_archived_plan_and_an_ended_subscription_are_refused(shop: Shop) -> None:
    subscription_id, gone = sold(shop, shop.plan("30")), shop.plan("60")
    dollars = shop.plan("60", currency="USD")
    with transaction():
        catalog.archive_plan(gone, shop.at)
    codes = []
    for plan in (dollars, gone):
        with pytest.raises(BillingError) as refused:
            change(subscription_id, plan_id=plan)
        codes.append(refused.value.code)
    with transaction():
        subscriptions.cancel(subscription_id, FIRST_OF_FEBRUARY, at_period_end=False)
    with pytest.raises(BillingError) as refused:
        change(subscription_id, quantity=2)
    assert [*codes, refused.value.code] == ["currency_mismatch", "plan_archived", "subscription_ended"]


def test_a_change_before_the_last_one_is_refused(shop: Shop) -> None:
    subscription_id = sold(shop, shop.plan("30"))
    change(subscription_id, quantity=2)
    with pytest.raises(BillingError) as refused:
        change(subscription_id, FIRST_OF_FEBRUARY - DAY, quantity=3)
    assert (refused.value.code, status(subscription_id)) == ("clock_backwards", "active")


def test_what_is_given_back_is_taxed_as_it_was_invoiced(shop: Shop) -> None:
    """30.00 with 13 % HST were paid in Ontario. In Alberta 14/31 of that come back with their 13 %, and the dearer plan
    is charged with 5 % GST: -13.55 - 1.76 + 27.10 + 1.36. The preview says the same."""
    customer = shop.customer(timezone="UTC")
    subscription_id = sold(shop, shop.plan("30"), customer=customer)
    with transaction():
        customers.update(
            customer, {"address": {**ONTARIO, "region": "AB", "postal_code": "T2P 1J9"}}, FIRST_OF_FEBRUARY
        )
    dearer = shop.plan("60")
    quote = preview(subscription_id, plan_id=dearer)
    change(subscription_id, plan_id=dearer)
    first, changed = session().scalars(select(Invoice).order_by(Invoice.number)).all()
    credit, charge = changed.lines
    assert [(line.amount_minor, line.tax_minor) for line in (credit, charge)] == [(-13_55, -1_76), (27_10, 1_36)]
    assert [(tax["name"], tax["rate"], tax["registration_number"]) for tax in changed.taxes] == [
        ("HST", "13", REGISTRATION),
        ("GST", "5", REGISTRATION),
    ]
    assert quote.totals
    assert quote.totals.total.minor == changed.total_minor == 13_15
    assert "HST 13 % (CA-ON, in force from 2010-07-01) on -13.55: -1.76" in [step["text"] for step in credit.derivation]
    with transaction():
        note = credit_notes.issue(first.id, FIRST_OF_FEBRUARY)
    assert (note.net_minor, note.tax_minor) == (16_45, 2_14)  # 3.90 less 1.76
    assert_books_balance()
