"""Subscriptions looked at in advance. Laws: 180 scenarios, each also lived through step by step with the real rules."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sold import item, rows, terms, utc

from app.domain.anchors import Anchor
from app.domain.discounts import AmountOff, PercentOff
from app.domain.errors import BillingError, Conflict, InvalidInput
from app.domain.explain import recompute
from app.domain.money import Money
from app.domain.scenario import PlannedCancellation, PlannedChange, Scenario
from app.domain.simulation import simulate
from app.domain.subscription_invoices import discounts_on, subscription_totals
from app.domain.subscriptions import CancelMode, cancel, change, renew, start
from app.domain.taxes import ChargedTax, TaxRate, TaxTreatment
from app.domain.terms import Billing, FirstPeriod, ProrationMode, ProrationRules
from tests.laws import tried

SECOND, DAY, NONE, FULL, NEXT = ProrationMode
BY_DAY = ProrationRules(DAY, DAY, DAY)
ARREARS = Billing.IN_ARREARS


def periods(forecast):
    return [
        (f"{each.period.start:%m-%d}", f"{each.period.end:%m-%d}", f"{each.amount.amount}") for each in forecast.periods
    ]


def invoices(forecast):
    return [(f"{each.at:%m-%d}", f"{each.totals.total.amount}") for each in forecast.invoices]


def statuses(forecast):
    return [(f"{each.at:%m-%d}", each.status) for each in forecast.statuses]


def test_in_advance_each_period_is_invoiced_at_its_start():
    forecast = simulate(Scenario(terms("30"), utc("2026-01-31"), "UTC", cycles=3))
    assert periods(forecast) == [("01-31", "02-28", "30.00"), ("02-28", "03-31", "30.00"), ("03-31", "04-30", "30.00")]
    assert invoices(forecast) == [("01-31", "30.00"), ("02-28", "30.00"), ("03-31", "30.00")]
    assert statuses(forecast) == [("01-31", "active")]
    assert forecast.next_invoice_at == utc("2026-04-30")


def test_in_arrears_each_period_is_invoiced_at_its_end_the_last_one_too():
    forecast = simulate(Scenario(terms("30", billing=ARREARS), utc("2026-01-31"), "UTC", cycles=3))
    assert [end for _, end, _ in periods(forecast)] == ["02-28", "03-31", "04-30"]
    assert invoices(forecast) == [("02-28", "30.00"), ("03-31", "30.00"), ("04-30", "30.00")]
    assert forecast.next_invoice_at == utc("2026-05-31")


@pytest.mark.parametrize(
    ("billing", "until", "count", "invoiced", "following"),
    [
        (Billing.IN_ADVANCE, "2026-03-31", 2, ["01-31", "02-28"], "2026-03-31"),
        (Billing.IN_ADVANCE, "2026-03-31T00:00:01", 3, ["01-31", "02-28", "03-31"], "2026-04-30"),
        (ARREARS, "2026-03-31", 2, ["02-28"], "2026-03-31"),
        (ARREARS, "2026-03-31T00:00:01", 3, ["02-28", "03-31"], "2026-04-30"),
    ],
)
def test_until_is_exclusive(billing, until, count, invoiced, following):
    forecast = simulate(Scenario(terms("30", billing=billing), utc("2026-01-31"), "UTC", until=utc(until)))
    assert [amount for _, _, amount in periods(forecast)] == ["30.00"] * count
    assert [day for day, _ in invoices(forecast)] == invoiced
    assert forecast.next_invoice_at == utc(following)


def test_without_an_end_it_looks_twelve_cycles_ahead():
    assert len(simulate(Scenario(terms("30"), utc("2026-01-31"), "UTC")).periods) == 12


@pytest.mark.parametrize(("billing", "first_invoice"), [(Billing.IN_ADVANCE, "2026-01-31"), (ARREARS, "2026-02-28")])
def test_a_trial_is_a_status_and_not_a_paid_period(billing, first_invoice):
    scenario = Scenario(terms("30", billing=billing), utc("2026-01-17"), "UTC", trial_days=14, cycles=1)
    forecast = simulate(scenario)
    assert statuses(forecast) == [("01-17", "trialing"), ("01-31", "active")]
    assert periods(forecast) == [("01-31", "02-28", "30.00")]
    assert forecast.invoices[0].at == utc(first_invoice)


@pytest.mark.parametrize(("billing", "following"), [(Billing.IN_ADVANCE, "01-31"), (ARREARS, "02-28")])
def test_during_a_trial_the_next_invoice_is_already_known(billing, following):
    scenario = Scenario(terms("30", billing=billing), utc("2026-01-17"), "UTC", trial_days=14, until=utc("2026-01-20"))
    forecast = simulate(scenario)
    assert (forecast.periods, forecast.invoices) == ((), ())
    assert f"{forecast.next_invoice_at:%m-%d}" == following


@pytest.mark.parametrize(
    ("rule", "amount"),
    [(FirstPeriod.PRORATE, "14.52"), (FirstPeriod.FULL, "30.00"), (FirstPeriod.FREE, "0.00")],  # 30 × 15/31
)
def test_a_short_first_period_costs_what_the_terms_say(rule, amount):
    sold = terms("30", first_period=rule, proration=BY_DAY)
    forecast = simulate(Scenario(sold, utc("2026-01-31"), "UTC", Anchor.parse("day_of_month", 15), cycles=2))
    assert periods(forecast) == [("01-31", "02-15", amount), ("02-15", "03-15", "30.00")]


def test_a_change_is_invoiced_at_once_and_counts_to_its_period():
    planned = PlannedChange(utc("2026-01-18"), terms("60"), DAY)
    forecast = simulate(Scenario(terms("30"), utc("2026-01-01"), "UTC", cycles=2, changes=(planned,)))
    assert invoices(forecast) == [("01-01", "30.00"), ("01-18", "13.55"), ("02-01", "60.00")]
    assert rows(forecast.invoices[1].lines) == [
        ("proration_credit", "01-18", "02-01", "14/31", "-13.55"),
        ("proration_charge", "01-18", "02-01", "14/31", "27.10"),
    ]
    assert periods(forecast) == [("01-01", "02-01", "43.55"), ("02-01", "03-01", "60.00")]


def test_a_change_at_a_turn_finds_the_new_period():
    planned = PlannedChange(utc("2026-02-01"), terms("60"), DAY)
    forecast = simulate(Scenario(terms("30"), utc("2026-01-01"), "UTC", cycles=2, changes=(planned,)))
    assert invoices(forecast) == [("01-01", "30.00"), ("02-01", "30.00"), ("02-01", "30.00")]


def test_a_change_of_interval_ends_the_period_it_falls_in():
    planned = PlannedChange(utc("2026-01-18"), terms("365", every="year"), DAY)
    forecast = simulate(Scenario(terms("31"), utc("2026-01-01"), "UTC", cycles=2, changes=(planned,)))
    assert periods(forecast) == [("01-01", "01-18", "17.00"), ("01-18", "01-18", "365.00")]
    assert forecast.next_invoice_at == utc("2027-01-18")


def test_a_change_of_interval_at_the_very_start_leaves_no_empty_period():
    planned = PlannedChange(utc("2026-01-01"), terms("365", every="year"), DAY)
    forecast = simulate(Scenario(terms("31"), utc("2026-01-01"), "UTC", cycles=1, changes=(planned,)))
    assert periods(forecast) == [("01-01", "01-01", "365.00")]  # 31 - 31 + 365


def test_changes_are_taken_in_order_of_time():
    planned = (PlannedChange(utc("2026-01-21"), terms("93"), DAY), PlannedChange(utc("2026-01-11"), terms("62"), DAY))
    forecast = simulate(Scenario(terms("31"), utc("2026-01-01"), "UTC", cycles=1, changes=planned))
    assert invoices(forecast) == [("01-01", "31.00"), ("01-11", "21.00"), ("01-21", "11.00")]


@pytest.mark.parametrize(
    ("mode", "credit", "ends", "amounts", "status_at"),
    [
        (CancelMode.NOW, DAY, "01-18", ["31.00", "-14.00"], "01-18"),
        (CancelMode.NOW, NONE, "01-18", ["31.00"], "01-18"),
        (CancelMode.PERIOD_END, DAY, "02-01", ["31.00"], "02-01"),
    ],
)
def test_a_cancellation_ends_the_periods_and_the_invoices(mode, credit, ends, amounts, status_at):
    cancellation = PlannedCancellation(utc("2026-01-18"), mode, credit)
    forecast = simulate(Scenario(terms("31"), utc("2026-01-01"), "UTC", cycles=5, cancellation=cancellation))
    assert [end for _, end, _ in periods(forecast)] == [ends]
    assert [amount for _, amount in invoices(forecast)] == amounts
    assert statuses(forecast)[-1] == (status_at, "canceled")
    assert forecast.next_invoice_at is None


@pytest.mark.parametrize("cycles", [1, 2])
def test_a_cancellation_in_arrears_leaves_a_last_invoice(cycles):
    cancellation = PlannedCancellation(utc("2026-01-18"))
    sold = terms("31", billing=ARREARS)
    forecast = simulate(Scenario(sold, utc("2026-01-01"), "UTC", cycles=cycles, cancellation=cancellation))
    assert invoices(forecast) == [("02-01", "31.00")]
    assert forecast.next_invoice_at is None


def test_a_cancellation_planned_before_the_end_of_the_look_ahead_still_owes_its_arrears():
    cancellation = PlannedCancellation(utc("2026-01-18"))
    sold = terms("31", billing=ARREARS)
    forecast = simulate(Scenario(sold, utc("2026-01-01"), "UTC", until=utc("2026-01-20"), cancellation=cancellation))
    assert (periods(forecast), invoices(forecast)) == ([("01-01", "02-01", "31.00")], [])
    assert forecast.next_invoice_at == utc("2026-02-01")


def test_a_trial_that_is_canceled_has_no_periods():
    cancellation = PlannedCancellation(utc("2026-01-05"), CancelMode.NOW)
    forecast = simulate(Scenario(terms("31"), utc("2026-01-01"), "UTC", trial_days=14, cancellation=cancellation))
    assert (forecast.periods, forecast.invoices, forecast.next_invoice_at) == ((), (), None)


def hst(at):
    """13 %, and from 1 March 2026 on 14 %."""
    percent = Decimal(14) if at >= utc("2026-03-01") else Decimal(13)
    rate = TaxRate("HST", "gst_hst", "CA", "ON", percent, date(2010, 7, 1))
    return TaxTreatment((ChargedTax(rate, "826393555RT0001"),))


def test_discount_and_tax_go_through_the_invoice_with_the_rate_of_its_day():
    scenario = Scenario(
        terms("100"), utc("2026-02-01"), "UTC", cycles=2, discounts=(PercentOff(Decimal(10)),), treatment=hst
    )
    totals = [invoice.totals for invoice in simulate(scenario).invoices]
    assert [f"{each.tax.amount}" for each in totals] == ["11.70", "12.60"]  # 90.00 × 13 %, × 14 %
    assert [f"{each.total.amount}" for each in totals] == ["101.70", "102.60"]


def test_a_credit_gives_back_the_discounted_price_and_its_tax():
    scenario = Scenario(
        terms("31"),
        utc("2026-01-01"),
        "UTC",
        discounts=(PercentOff(Decimal(50)),),
        treatment=hst,
        cancellation=PlannedCancellation(utc("2026-01-11"), CancelMode.NOW, DAY),
    )
    last = simulate(scenario).invoices[-1].totals
    # 31.00 less 50 % is 15.50 for 31 days, 21 of them unused: 10.50, and 13 % of it 1.365, so 1.37
    assert (f"{last.subtotal.amount}", f"{last.discount.amount}") == ("-10.50", "0.00")
    assert (f"{last.tax.amount}", f"{last.total.amount}") == ("-1.37", "-11.87")


def test_a_credit_is_taxed_as_the_invoice_was_and_a_charge_as_of_now():
    planned = PlannedChange(utc("2026-03-11"), terms("62"), DAY)
    scenario = Scenario(terms("31"), utc("2026-02-26"), "UTC", cycles=1, changes=(planned,), treatment=hst)
    changed = simulate(scenario).invoices[-1].totals
    # period 26 February to 26 March, 28 days, 15 left: -31 × 15/28 = -16.61 at 13 %, 62 × 15/28 = 33.21 at 14 %
    assert [(f"{tax.tax.rate.percent}", f"{tax.amount.amount}") for tax in changed.taxes] == [
        ("13", "-2.16"),
        ("14", "4.65"),
    ]


def test_a_fixed_discount_is_given_once_a_period_and_not_for_every_change():
    five = AmountOff(Money.parse("5.00", "CAD"))
    bought = start(terms("30"), utc("2026-01-01"), "UTC")
    assert discounts_on(bought.lines, [five]) == (five,)
    changed = change(bought.contract, terms("60"), utc("2026-01-18"), DAY)
    assert discounts_on(changed.lines, [five]) == (AmountOff(Money.parse("2.26", "CAD")),)  # 5.00 × 14/31
    ended = cancel(bought.contract, utc("2026-01-18"), CancelMode.NOW, DAY)
    assert discounts_on(ended.lines, [five, PercentOff(Decimal(10))]) == (PercentOff(Decimal(10)),)


def test_a_total_below_zero_is_the_customers_credit():
    ended = cancel(start(terms("31"), utc("2026-01-01"), "UTC").contract, utc("2026-01-11"), CancelMode.NOW, DAY)
    assert subscription_totals(ended.lines, "CAD", utc("2026-01-11")).total == Money.parse("-21.00", "CAD")


START = utc("2026-01-01")


@pytest.mark.parametrize(
    ("plan", "error", "code"),
    [
        ({"cycles": 0}, InvalidInput, "too_many_periods"),
        ({"cycles": 1001}, InvalidInput, "too_many_periods"),
        ({"cycles": 1.5}, InvalidInput, "too_many_periods"),
        ({"until": START}, InvalidInput, "until_before_start"),
        ({"until": datetime(2027, 1, 1)}, InvalidInput, "naive_datetime"),
        ({"until": utc("2200-01-01")}, InvalidInput, "too_many_periods"),
        ({"changes": (PlannedChange(utc("2025-12-31"), terms("60")),)}, InvalidInput, "outside_period"),
        ({"cycles": 1, "changes": (PlannedChange(utc("2026-02-01"), terms("60")),)}, InvalidInput, "outside_period"),
        (
            {"until": utc("2026-01-05"), "changes": (PlannedChange(utc("2026-01-05"), terms("60")),)},
            InvalidInput,
            "outside_period",
        ),
        (
            {"changes": (PlannedChange(utc("2026-01-05"), terms("60", currency="USD")),)},
            InvalidInput,
            "currency_mismatch",
        ),
        (
            {
                "changes": (PlannedChange(utc("2026-01-05"), terms("60")),),
                "cancellation": PlannedCancellation(utc("2026-01-04"), CancelMode.NOW),
            },
            Conflict,
            "subscription_ended",
        ),
        ({"timezone": "Mars/Base"}, InvalidInput, "unknown_timezone"),
    ],
)
def test_what_cannot_be_looked_ahead_is_refused(plan, error, code):
    with pytest.raises(error) as refusal:
        simulate(Scenario(**{"terms": terms("30"), "start_at": START, "timezone": "UTC"} | plan))
    assert refusal.value.code == code


@st.composite
def scenarios(draw):
    """A monthly or weekly plan over most of a year, with changes and perhaps a cancellation."""
    billing, counted = draw(st.sampled_from(Billing)), draw(st.sampled_from([SECOND, DAY]))
    begin = draw(st.datetimes(datetime(2020, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))
    rules = ProrationRules(counted, draw(st.sampled_from([counted, NONE, NEXT, FULL])), counted)

    def offer():
        price, quantity = draw(st.decimals("0", "500", places=3)), draw(st.integers(0, 9))
        seats = (item("Seats", draw(st.sampled_from(["1.50", "2.505"])), quantity),)
        every = draw(st.sampled_from(["week", "month"]))
        return terms(price, every=every, also=seats, billing=billing, proration=rules)

    days = draw(st.lists(st.integers(0, 250), max_size=5))
    changes = tuple(PlannedChange(begin + timedelta(days=day, hours=7), offer()) for day in sorted(days))
    ending = PlannedCancellation(
        begin + timedelta(days=251), draw(st.sampled_from(CancelMode)), draw(st.sampled_from([counted, NONE]))
    )
    return Scenario(
        terms=offer(),
        start_at=begin,
        timezone=draw(st.sampled_from(["UTC", "America/Toronto", "Asia/Tehran"])),
        anchor=draw(st.sampled_from([Anchor(), Anchor.parse("calendar")])),
        trial_days=draw(st.sampled_from([0, 10])),
        until=begin + timedelta(days=300),
        changes=changes,
        cancellation=draw(st.sampled_from([None, ending])),
        discounts=draw(st.sampled_from([(), (PercentOff(Decimal("12.5")),), (AmountOff(Money(500, "CAD")),)])),
        treatment=hst,
    )


@given(scenarios())
@tried(60)
def test_periods_of_a_preview_tile_and_their_amounts_are_the_lines(scenario):
    forecast = simulate(scenario)
    assert all(before.period.end == after.period.start for before, after in pairwise(forecast.periods))
    billed = sum(line.amount.minor for invoice in forecast.invoices for line in invoice.lines)
    of_periods = sum(each.amount.minor for each in forecast.periods)
    if scenario.terms.billing is Billing.IN_ADVANCE:
        assert of_periods == billed


@given(scenarios())
@tried(60)
def test_the_preview_is_what_the_real_rules_do_when_lived_through(scenario):
    scenario = replace(scenario, discounts=())
    lived = start(scenario.terms, scenario.start_at, scenario.timezone, scenario.anchor, scenario.trial_days)
    contract, lines = lived.contract, list(lived.lines)
    moments = [(event.at, event.apply) for event in scenario.events]
    for at, act in [*moments, (scenario.until - timedelta(microseconds=1), None)]:
        while contract.status != "canceled" and contract.period.end <= at:
            turned = renew(contract)
            contract, lines = turned.contract, lines + list(turned.lines)
        if act:
            moved = act(contract)
            contract, lines = moved.contract, lines + list(moved.lines)
    assert [line for invoice in simulate(scenario).invoices for line in invoice.lines] == lines


@given(scenarios())
@tried(60)
def test_every_amount_of_a_preview_can_be_computed_again_from_its_derivation(scenario):
    for invoice in simulate(scenario).invoices:
        for line, total in zip(invoice.lines, invoice.totals.lines, strict=True):
            assert recompute(line.derivation) == line.amount.amount
            assert recompute(total.derivation) == (line.amount - total.discount + total.tax).amount


def test_refusals_are_sentences():
    with pytest.raises(BillingError, match="look further ahead"):
        Scenario(terms("1"), START, "UTC", until=utc("2026-02-01"), cancellation=PlannedCancellation(utc("2026-03-01")))
