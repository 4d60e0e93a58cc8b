"""The life of a subscription: start, trial, renewal, cancellation, and what it refuses."""

from datetime import datetime

import pytest
from sold import item, rows, terms, utc

from app.domain.anchors import Anchor
from app.domain.errors import Conflict, InvalidInput
from app.domain.guards import refuse_backwards
from app.domain.periods import Period
from app.domain.subscriptions import CancelMode, cancel, change, renew, start, uncancel
from app.domain.terms import Billing, ProrationMode
from app.domain.trials import trial_end

SECOND, DAY, NONE, FULL, NEXT = ProrationMode
NOW, AT_END = CancelMode


def monthly(start_at="2026-01-31", timezone="UTC", **options):
    return start(terms("30"), utc(start_at), timezone, **options).contract


def renewed(contract, times):
    for _ in range(times):
        contract = renew(contract).contract
    return contract


def test_in_advance_a_period_is_invoiced_when_it_starts():
    bought = start(terms("30"), utc("2026-01-31"), "UTC")
    assert (bought.contract.status, rows(bought.lines)) == (
        "active",
        [("recurring", "01-31", "02-28", "1", "30.00")],
    )
    assert rows(renew(bought.contract).lines) == [("recurring", "02-28", "03-31", "1", "30.00")]


def test_a_whole_period_is_not_prorated_in_its_derivation():
    line = start(terms("30"), utc("2026-01-31"), "UTC").lines[0]
    assert [step.step for step in line.derivation] == ["units", "round"]


def test_in_arrears_a_period_is_invoiced_when_it_ends():
    bought = start(terms("30", billing=Billing.IN_ARREARS), utc("2026-01-31"), "UTC")
    assert bought.lines == ()
    assert rows(renew(bought.contract).lines) == [("recurring", "01-31", "02-28", "1", "30.00")]


def test_every_item_of_the_terms_has_its_own_line():
    bought = start(terms("10", quantity=3, name="Seat", also=(item("Base", "99"),)), utc("2026-01-01"), "UTC")
    assert [(line.description, f"{line.amount.amount}") for line in bought.lines] == [
        ("Seat", "30.00"),
        ("Base", "99.00"),
    ]


@pytest.mark.parametrize(
    ("start_at", "days", "timezone", "end"),
    [
        ("2026-03-01T22:00", 14, "America/Toronto", "2026-03-15T21:00"),  # 17:00 before and after the clock change
        ("2026-03-01T22:00", 0, "America/Toronto", "2026-03-01T22:00"),
        ("2026-01-31T00:00", 30, "UTC", "2026-03-02T00:00"),
        ("2011-12-29T10:00", 1, "Pacific/Apia", "2011-12-30T10:00"),  # 29 December, and no 30th
    ],
)
def test_a_trial_ends_after_calendar_days_at_the_same_wall_time(start_at, days, timezone, end):
    assert trial_end(utc(start_at), days, timezone) == utc(end)


@pytest.mark.parametrize("billing", Billing)
def test_the_first_paid_period_starts_at_the_end_of_the_trial(billing):
    trial = start(terms("30", billing=billing), utc("2026-01-17"), "UTC", trial_days=14)
    assert (trial.contract.status, trial.lines) == ("trialing", ())
    assert trial.contract.period == Period(utc("2026-01-17"), utc("2026-01-31"))
    paid = renew(trial.contract)
    assert paid.contract.status == "active"
    assert paid.contract.period == Period(utc("2026-01-31"), utc("2026-02-28"))
    first_invoice = paid if billing is Billing.IN_ADVANCE else renew(paid.contract)
    assert rows(first_invoice.lines) == [("recurring", "01-31", "02-28", "1", "30.00")]


def test_after_a_trial_a_calendar_anchor_makes_a_short_first_period():
    trial = start(terms("30"), utc("2026-01-04"), "UTC", Anchor.parse("calendar"), 14).contract
    assert rows(renew(trial).lines) == [("recurring", "01-18", "02-01", "14/31", "13.55")]


def test_a_change_during_the_trial_costs_nothing_and_holds_when_it_ends():
    trial = start(terms("30"), utc("2026-01-17"), "UTC", trial_days=14).contract
    move = change(trial, terms("7", every="week"), utc("2026-01-20"), SECOND)
    assert (move.contract.status, move.lines) == ("trialing", ())
    assert rows(renew(move.contract).lines) == [("recurring", "01-31", "02-07", "1", "7.00")]


def test_the_month_end_is_remembered_through_years_of_renewals():
    assert f"{renewed(monthly(), 25).period.start:%Y-%m-%d}" == "2028-02-29"
    assert f"{renewed(monthly(), 26).period.start:%Y-%m-%d}" == "2028-03-31"


@pytest.mark.parametrize(
    ("billing", "credit", "expected"),
    [
        (Billing.IN_ADVANCE, DAY, ["-13.55"]),  # 14 of 31 days unused
        (Billing.IN_ADVANCE, SECOND, ["-13.06"]),  # 13.5 of 31 days unused: 13.064…
        (Billing.IN_ADVANCE, NONE, []),
        (Billing.IN_ARREARS, DAY, ["16.45"]),  # 17 of 31 days used
        (Billing.IN_ARREARS, SECOND, ["16.94"]),  # 17.5 of 31 days used: 16.935…
        (Billing.IN_ARREARS, NONE, ["16.94"]),
    ],
)
def test_a_cancellation_now_settles_the_period(billing, credit, expected):
    contract = start(terms("30", billing=billing), utc("2026-01-01"), "UTC").contract
    move = cancel(contract, utc("2026-01-18T12:00"), NOW, credit)
    assert (move.contract.status, [row[4] for row in rows(move.lines)]) == ("canceled", expected)


@pytest.mark.parametrize(("billing", "expected"), [(Billing.IN_ADVANCE, []), (Billing.IN_ARREARS, ["30.00"])])
def test_a_cancellation_at_period_end_lets_the_period_run_out(billing, expected):
    contract = start(terms("30", billing=billing), utc("2026-01-01"), "UTC").contract
    planned = cancel(contract, utc("2026-01-18"), AT_END)
    assert (planned.contract.status, planned.lines) == ("active", ())
    ended = renew(planned.contract)
    assert (ended.contract.status, ended.contract.changed_at) == ("canceled", utc("2026-02-01"))
    assert [row[4] for row in rows(ended.lines)] == expected


@pytest.mark.parametrize("mode", CancelMode)
def test_a_trial_that_is_canceled_is_never_billed(mode):
    trial = start(terms("30"), utc("2026-01-17"), "UTC", trial_days=14).contract
    move = cancel(trial, utc("2026-01-20"), mode, DAY)
    last = move if mode is NOW else renew(move.contract)
    assert (last.contract.status, move.lines + last.lines) == ("canceled", ())


def test_a_planned_cancellation_can_be_taken_back_and_the_subscription_renews():
    planned = cancel(monthly(), utc("2026-02-10"), AT_END).contract
    kept = uncancel(planned, utc("2026-02-11")).contract
    assert rows(renew(kept).lines) == [("recurring", "02-28", "03-31", "1", "30.00")]


def test_a_change_of_interval_moves_a_planned_cancellation_to_the_end_of_the_new_period():
    planned = cancel(monthly(), utc("2026-02-10"), AT_END).contract
    yearly = change(planned, terms("300", every="year"), utc("2026-02-11"), DAY).contract
    ended = renew(yearly).contract
    assert (ended.status, ended.changed_at) == ("canceled", utc("2027-02-11"))


ENDED = cancel(monthly(), utc("2026-02-10"), NOW).contract
CHANGED = change(monthly(), terms("60"), utc("2026-02-10"), DAY).contract
OTHER = terms("60")


@pytest.mark.parametrize(
    ("act", "error", "code"),
    [
        (lambda: change(monthly(), OTHER, utc("2026-01-30"), DAY), InvalidInput, "outside_period"),
        (lambda: change(monthly(), OTHER, utc("2026-02-28"), DAY), InvalidInput, "outside_period"),
        (lambda: cancel(monthly(), utc("2026-03-01"), NOW), InvalidInput, "outside_period"),
        (lambda: change(CHANGED, OTHER, utc("2026-02-09"), DAY), InvalidInput, "clock_backwards"),
        (lambda: cancel(CHANGED, utc("2026-02-09"), NOW), InvalidInput, "clock_backwards"),
        (lambda: refuse_backwards(utc("2026-02-09"), utc("2026-02-08")), InvalidInput, "clock_backwards"),
        (lambda: change(monthly(), OTHER, datetime(2026, 2, 10), DAY), InvalidInput, "naive_datetime"),
        (
            lambda: change(monthly(), terms("60", currency="USD"), utc("2026-02-10")),
            InvalidInput,
            "currency_mismatch",
        ),
        (lambda: cancel(monthly(), utc("2026-02-10"), NOW, FULL), InvalidInput, "invalid_credit"),
        (lambda: cancel(monthly(), utc("2026-02-10"), NOW, NEXT), InvalidInput, "invalid_credit"),
        (lambda: change(ENDED, OTHER, utc("2026-02-10")), Conflict, "subscription_ended"),
        (lambda: cancel(ENDED, utc("2026-02-10"), NOW), Conflict, "subscription_ended"),
        (lambda: uncancel(ENDED, utc("2026-02-10")), Conflict, "subscription_ended"),
        (lambda: renew(ENDED), Conflict, "subscription_ended"),
        (lambda: uncancel(monthly(), utc("2026-02-10")), Conflict, "not_canceling"),
        (lambda: trial_end(utc("2026-01-01"), -1, "UTC"), InvalidInput, "invalid_trial_days"),
        (lambda: trial_end(utc("2026-01-01"), 3661, "UTC"), InvalidInput, "invalid_trial_days"),
        (lambda: trial_end(utc("2026-01-01"), True, "UTC"), InvalidInput, "invalid_trial_days"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code_and_a_sentence(act, error, code):
    with pytest.raises(error) as refusal:
        act()
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")


def test_a_refusal_names_the_period():
    with pytest.raises(InvalidInput, match="which runs from 2026-01-31 00:00 to 2026-02-28 00:00 UTC"):
        change(monthly(), OTHER, utc("2026-03-05"))


def test_a_turn_in_a_time_zone_falls_on_local_midnight():
    contract = start(terms("30"), utc("2026-02-10"), "America/Toronto", Anchor.parse("calendar")).contract
    turns = [renewed(contract, times).period.start for times in (1, 2)]
    assert turns == [utc("2026-03-01T05:00"), utc("2026-04-01T04:00")]
