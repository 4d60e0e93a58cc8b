"""Parts of a period in money: fractions, charges, credits. The sum stands beside each case."""

from decimal import Decimal
from fractions import Fraction

import pytest
from sold import item, rows, terms, utc

from app.domain.anchors import Anchor, schedule_from
from app.domain.credits import Billed, credit, credit_all
from app.domain.errors import InvalidInput
from app.domain.lines import LineKind, charge
from app.domain.money import Money
from app.domain.periods import Interval, Period, Recurrence
from app.domain.proration import first_fraction, share
from app.domain.subscriptions import CancelMode, cancel, change, renew, start
from app.domain.terms import Billing, FirstPeriod, ProrationMode, ProrationRules, Terms

SECOND, DAY, NONE, FULL, NEXT = ProrationMode
JANUARY = Period(utc("2026-01-01"), utc("2026-02-01"))


@pytest.mark.parametrize(
    ("start_at", "end", "mode", "timezone", "fraction"),
    [
        ("2026-01-01", "2026-02-01", SECOND, "UTC", "1"),
        ("2026-01-18", "2026-02-01", SECOND, "UTC", "14/31"),
        ("2026-01-18", "2026-02-01", DAY, "UTC", "14/31"),
        # 18 January 12:00: 13.5 of 31 days are left, by day the day of the change still counts
        ("2026-01-18T12:00", "2026-02-01", SECOND, "UTC", "27/62"),
        ("2026-01-18T12:00", "2026-02-01", DAY, "UTC", "14/31"),
        # half a day and one microsecond: (12 × 3600 × 10^6 + 1) / (31 × 86400 × 10^6)
        ("2026-01-31T11:59:59.999999", "2026-02-01", SECOND, "UTC", "43200000001/2678400000000"),
        # 18 January 02:00 UTC is still the 17th in Toronto, where the period runs from 31 December to 31 January
        ("2026-01-18T02:00", "2026-02-01", DAY, "America/Toronto", "14/31"),
        ("2026-01-18T06:00", "2026-02-01", DAY, "America/Toronto", "13/31"),
        ("2026-02-01", "2026-02-01", DAY, "UTC", "0"),
    ],
)
def test_a_share_is_exact_and_in_lowest_terms(start_at, end, mode, timezone, fraction):
    assert share(utc(start_at), utc(end), JANUARY, mode, timezone) == Fraction(fraction)


def test_days_are_whole_through_a_clock_change_and_seconds_are_not():
    march = Period(utc("2026-03-01T05:00"), utc("2026-04-01T04:00"))  # Toronto, 31 days, one of 23 hours
    week = utc("2026-03-08T05:00"), utc("2026-03-15T04:00")
    assert share(*week, march, DAY, "America/Toronto") == Fraction(7, 31)
    assert share(*week, march, SECOND, "America/Toronto") == Fraction(7 * 24 - 1, 31 * 24 - 1)


@pytest.mark.parametrize(
    ("anchor", "start_at", "rule", "fraction"),
    [
        (Anchor.parse("day_of_month", 15), "2026-01-31", FirstPeriod.PRORATE, "15/31"),  # 31 Jan to 15 Feb of 31
        (Anchor.parse("day_of_month", 15), "2026-02-15", FirstPeriod.PRORATE, "1"),
        (Anchor.parse("calendar"), "2026-02-11", FirstPeriod.PRORATE, "9/14"),  # 18 of 28 days
        (Anchor.parse("calendar"), "2026-02-11", FirstPeriod.FULL, "1"),
        (Anchor.parse("calendar"), "2026-02-11", FirstPeriod.FREE, "0"),
        (Anchor.parse("calendar"), "2026-02-01", FirstPeriod.FREE, "1"),
        (Anchor(), "2026-02-11", FirstPeriod.FREE, "1"),
    ],
)
def test_a_short_first_period_costs_what_the_terms_say_and_a_whole_one_costs_the_whole(
    anchor, start_at, rule, fraction
):
    schedule = schedule_from(utc(start_at), Recurrence(Interval.MONTH), "UTC", anchor)
    first = schedule.first_period(utc(start_at))
    assert first_fraction(schedule, first, terms("30", first_period=rule)) == Fraction(fraction)


def test_a_first_period_that_starts_in_the_second_of_two_equal_hours_is_whole():
    second_0130 = utc("2026-11-01T06:30")  # 01:30 EST, an hour after 01:30 EDT
    schedule = schedule_from(second_0130, Recurrence(Interval.MONTH), "America/Toronto")
    assert first_fraction(schedule, schedule.first_period(second_0130), terms("30")) == 1


@pytest.mark.parametrize(
    ("price", "quantity", "fraction", "currency", "amount"),
    [
        ("30", "1", "14/31", "CAD", "13.55"),  # 420/31 = 13.548…
        ("0.333", "10", "1/2", "CAD", "1.67"),  # 3.33 / 2 = 1.665, away from zero
        ("-0.333", "10", "1/2", "CAD", "-1.67"),
        ("0.0049", "1", "1", "CAD", "0.00"),
        ("1000", "1", "1/3", "JPY", "333"),
        ("1", "1", "2/3", "KWD", "0.667"),
        ("30", "0", "14/31", "CAD", "0.00"),
    ],
)
def test_a_charge_is_rounded_once(price, quantity, fraction, currency, amount):
    line = charge(LineKind.RECURRING, "x", item("x", price, quantity), currency, JANUARY, Fraction(fraction), SECOND)
    assert line.amount.amount == Decimal(amount)


def billed(amount="30.00", discount="0.00", credited="0.00", price="30"):
    parts = (Money.parse(text, "CAD") for text in (amount, discount, credited))
    return Billed(item("Plan", price), JANUARY, Fraction(1), *parts)


@pytest.mark.parametrize(
    ("paid", "unused", "amount"),
    [
        (billed(), "14/31", "-13.55"),  # 30 × 14/31
        (billed(discount="3.00"), "14/31", "-12.19"),  # 27 × 14/31 = 12.193…
        (billed(discount="30.00"), "14/31", "0.00"),  # a 100 % coupon: nothing was paid
        (billed(credited="20.00"), "14/31", "-10.00"),  # 13.55 wanted, 10.00 left
        (billed(credited="30.00"), "1", "0.00"),
        (billed(discount="3.00", credited="26.99"), "1", "-0.01"),
        (billed("0.00", price="0"), "1", "0.00"),
        (billed("-30.00", price="-30"), "14/31", "13.55"),  # a line that gave money takes back its part
    ],
)
def test_a_credit_never_exceeds_what_was_really_invoiced_for_that_time(paid, unused, amount):
    line = credit(paid, utc("2026-01-18"), Fraction(unused), DAY)
    assert line.amount == Money.parse(amount, "CAD")


def test_a_credit_of_everything_takes_discounts_and_earlier_credits_off():
    line = credit_all(billed(discount="3.00", credited="12.19"))
    assert line.amount == Money.parse("-14.81", "CAD")  # 30.00 - 3.00 - 12.19
    assert line.derivation[0].values == {"amount": "30.00", "discount": "3.00", "credited": "12.19"}


def test_a_line_says_step_by_step_how_it_came_about():
    paid = billed(discount="3.00", credited="20.00")
    steps = credit(paid, utc("2026-01-18"), Fraction(14, 31), DAY).derivation
    assert [(step.step, step.amount) for step in steps] == [
        ("units", "30"),
        ("prorate", "420/31"),
        ("discount_share", "378/31"),  # 420/31 × 27/30
        ("credit", "-378/31"),
        ("round", "-12.19"),
        ("credit_limit", "-7.00"),  # 30 - 3 - 20 are left
    ]
    assert steps[1].values == {"numerator": "14", "denominator": "31", "counted_by": "day"}


UPGRADE = terms("60", name="Pro")


@pytest.mark.parametrize(
    ("at", "mode", "expected"),
    [
        ("2026-01-18", SECOND, [("-13.55", "14/31"), ("27.10", "14/31")]),
        ("2026-01-18T12:00", SECOND, [("-13.06", "27/62"), ("26.13", "27/62")]),  # 30, 60 × 13.5/31
        ("2026-01-18T12:00", DAY, [("-13.55", "14/31"), ("27.10", "14/31")]),
        ("2026-01-01", SECOND, [("-30.00", "1"), ("60.00", "1")]),
        ("2026-01-18", FULL, [("-30.00", "1"), ("60.00", "1")]),
        ("2026-01-18", NONE, []),
        ("2026-01-18", NEXT, []),
    ],
)
def test_an_upgrade_in_january_credits_the_old_price_and_charges_the_new(at, mode, expected):
    move = change(start(terms("30"), utc("2026-01-01"), "UTC").contract, UPGRADE, utc(at), mode)
    assert [(f"{line.amount.amount}", str(line.fraction)) for line in move.lines] == expected
    assert [line.amount.amount for line in renew(move.contract).lines] == [Decimal(60)]


@pytest.mark.parametrize(("new", "mode"), [("60", DAY), ("10", NEXT), ("30", DAY)])
def test_upgrades_and_downgrades_each_follow_their_own_rule(new, mode):
    rules = ProrationRules(upgrade=DAY, downgrade=NEXT)
    assert terms("30", proration=rules).mode_of_change(terms(new, name="New")) is mode


def test_a_yearly_plan_is_compared_with_a_monthly_one_by_the_day():
    rules = ProrationRules(upgrade=SECOND, downgrade=NEXT)
    monthly, yearly = terms("30", proration=rules), terms("300", every="year", proration=rules)
    assert monthly.mode_of_change(yearly) is NEXT  # 300 a year is cheaper than 12 × 30
    assert yearly.mode_of_change(monthly) is SECOND


def test_several_changes_in_one_period_each_credit_only_what_the_last_one_charged():
    contract = start(terms("31"), utc("2026-01-01"), "UTC").contract
    first = change(contract, terms("62"), utc("2026-01-11"))  # 21 days left
    second = change(first.contract, terms("93"), utc("2026-01-21"))  # 11 days left
    third = change(second.contract, terms("31", name="Back"), utc("2026-01-31"), DAY)  # 1 day left
    assert [row[4] for row in rows(first.lines + second.lines + third.lines)] == [
        *("-21.00", "42.00"),
        *("-22.00", "33.00"),
        *("-3.00", "1.00"),
    ]  # 31 + 21 + 11 - 2 = 61 = 10 × 1 + 10 × 2 + 10 × 3 + 1 × 1


def test_a_change_of_quantity_is_credited_and_charged_for_that_item_alone():
    base = item("Base", "100")
    contract = start(terms("10", quantity=5, name="Seat", also=(base,)), utc("2026-01-01"), "UTC").contract
    move = change(contract, terms("10", quantity=8, name="Seat", also=(base,)), utc("2026-01-18"), DAY)
    assert rows(move.lines) == [
        ("proration_credit", "01-18", "02-01", "14/31", "-22.58"),  # 50 × 14/31
        ("proration_charge", "01-18", "02-01", "14/31", "36.13"),  # 80 × 14/31
    ]
    assert [line.quantity for line in move.lines] == [5, 8]


def test_an_item_bought_without_proration_is_paid_for_once_another_change_is_prorated():
    contract = start(terms("31", name="A"), utc("2026-01-01"), "UTC").contract
    unpaid = change(contract, terms("62", name="B"), utc("2026-01-11"), NONE).contract
    move = change(unpaid, terms("62", name="B", also=(item("C", "31"),)), utc("2026-01-21"), DAY)
    assert [(line.item.name, line.amount.amount) for line in move.lines] == [
        ("A", Decimal(-11)),
        ("B", Decimal(22)),
        ("C", Decimal(11)),
    ]


def test_a_full_change_after_a_prorated_one_makes_the_whole_period_cost_the_new_price():
    contract = start(terms("30"), utc("2026-01-01"), "UTC").contract
    prorated = change(contract, terms("60"), utc("2026-01-18"), DAY)  # 30 - 13.55 + 27.10
    full = change(prorated.contract, terms("90"), utc("2026-01-25"), FULL)
    assert [row[4] for row in rows(full.lines)] == ["-16.45", "-27.10", "90.00"]


def test_the_discount_of_the_first_invoice_is_not_given_back():
    bought = start(terms("30"), utc("2026-01-01"), "UTC")
    contract = bought.discounted([Money.parse("15.00", "CAD")])
    credited = cancel(contract, utc("2026-01-18"), CancelMode.NOW, DAY).lines
    assert [row[4] for row in rows(credited)] == ["-6.77"]  # 15.00 × 14/31 = 6.774…


@pytest.mark.parametrize(
    ("mode", "at_change", "at_turn"),
    [
        (SECOND, [], ["17.00", "28.00"]),  # 17 days at 1.00, 14 at 2.00
        (NONE, [], ["31.00"]),
        (FULL, [], ["62.00"]),
        (NEXT, [], ["31.00"]),
    ],
)
def test_in_arrears_a_change_splits_the_invoice_at_the_end_of_the_period(mode, at_change, at_turn):
    contract = start(terms("31", billing=Billing.IN_ARREARS), utc("2026-01-01"), "UTC").contract
    move = change(contract, terms("62", billing=Billing.IN_ARREARS), utc("2026-01-18"), mode)
    turned = renew(move.contract)
    assert [row[4] for row in rows(move.lines)] == at_change
    assert [row[4] for row in rows(turned.lines)] == at_turn
    assert turned.contract.terms.items[0].name == "Plan 62"


@pytest.mark.parametrize(
    ("old", "new", "at_change", "at_turn"),
    [
        (Billing.IN_ADVANCE, Billing.IN_ARREARS, ["-14.00"], ["28.00"]),
        (Billing.IN_ARREARS, Billing.IN_ADVANCE, ["28.00"], ["17.00", "62.00"]),
    ],
)
def test_a_change_between_advance_and_arrears_bills_every_day_once(old, new, at_change, at_turn):
    contract = start(terms("31", billing=old), utc("2026-01-01"), "UTC").contract
    move = change(contract, terms("62", billing=new), utc("2026-01-18"), DAY)
    assert [row[4] for row in rows(move.lines)] == at_change
    assert [row[4] for row in rows(renew(move.contract).lines)] == at_turn


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (DAY, [("proration_credit", "01-18", "02-01", "14/31", "-14.00")]),
        (FULL, [("proration_credit", "01-18", "02-01", "14/31", "-14.00")]),
        (NONE, []),
    ],
)
def test_a_change_of_interval_starts_a_whole_period_of_the_new_one_at_once(mode, expected):
    contract = start(terms("31"), utc("2026-01-01"), "UTC").contract
    move = change(contract, terms("365", every="year"), utc("2026-01-18"), mode)
    assert rows(move.lines) == [*expected, ("recurring", "01-18", "01-18", "1", "365.00")]
    assert move.contract.period == Period(utc("2026-01-18"), utc("2027-01-18"))
    assert renew(move.contract).contract.period.end == utc("2028-01-18")


def test_a_change_of_interval_in_arrears_always_bills_the_time_used():
    contract = start(terms("31", billing=Billing.IN_ARREARS), utc("2026-01-01"), "UTC").contract
    yearly = terms("365", every="year", billing=Billing.IN_ARREARS)
    for mode in (DAY, FULL, NONE):
        assert [row[4] for row in rows(change(contract, yearly, utc("2026-01-18"), mode).lines)] == ["17.00"]


def test_a_change_of_interval_for_the_next_period_is_anchored_at_the_turn():
    contract = start(terms("31"), utc("2026-01-31"), "UTC").contract
    move = change(contract, terms("7", every="week"), utc("2026-02-10"), NEXT)
    assert not move.lines
    turned = renew(move.contract)
    assert turned.contract.period == Period(utc("2026-02-28"), utc("2026-03-07"))
    assert [row[4] for row in rows(turned.lines)] == ["7.00"]


def test_twelve_months_and_a_year_are_the_same_rhythm():
    contract = start(terms("365", every="year"), utc("2026-01-01"), "UTC").contract
    twelve = Terms((item("Twelve", "730"),), "CAD", Recurrence(Interval.MONTH, 12))
    move = change(contract, twelve, utc("2026-07-02"), DAY)  # 183 of 365 days left
    assert [row[4] for row in rows(move.lines)] == ["-183.00", "366.00"]
    assert move.contract.period.end == utc("2027-01-01")


def test_in_a_free_first_period_a_change_is_free_too():
    calendar = Anchor.parse("calendar")
    contract = start(terms("30", first_period=FirstPeriod.FREE), utc("2026-01-18"), "UTC", calendar).contract
    assert change(contract, terms("60"), utc("2026-01-25"), DAY).lines == ()


@pytest.mark.parametrize("counted", [NONE, FULL, NEXT])
def test_a_short_period_is_counted_by_second_or_day_only(counted):
    with pytest.raises(InvalidInput) as refusal:
        ProrationRules(counted=counted)
    assert (refusal.value.code, refusal.value.field) == ("invalid_proration", "proration")


def test_terms_need_items_that_differ():
    for items, code in (((), "no_items"), ((item("A", "1"), item("A", "1")), "duplicate_item")):
        with pytest.raises(InvalidInput) as refusal:
            Terms(items, "CAD", Recurrence(Interval.MONTH))
        assert refusal.value.code == code
