"""Pauses: what is billed meanwhile, and what resuming costs. January 2026 has 31 days, and 31.00 is 1.00 a day."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sold import rows, terms, utc

from app.domain.contract import WhilePaused
from app.domain.errors import Conflict, InvalidInput
from app.domain.pausing import pause, resume
from app.domain.periods import Period
from app.domain.subscriptions import CancelMode, cancel, change, renew, start
from app.domain.terms import Billing, ProrationMode

SECOND, DAY, NONE, FULL, NEXT = ProrationMode
SKIP, BILL, FREE = WhilePaused
ADVANCE, ARREARS = Billing
PAUSED_AT, FEBRUARY = utc("2026-01-11"), utc("2026-02-01")


def january(billing=ADVANCE, **options):
    return start(terms("31", billing=billing), utc("2026-01-01"), "UTC", **options).contract


def amounts(move):
    return [row[4] for row in rows(move.lines)]


@pytest.mark.parametrize(
    ("billing", "way", "credit", "expected"),
    [
        (ADVANCE, SKIP, DAY, ["-21.00"]),  # 11 to 31 January are not used
        (ADVANCE, SKIP, NONE, []),
        (ARREARS, SKIP, DAY, ["10.00"]),  # 1 to 10 January were used
        (ARREARS, SKIP, NONE, ["10.00"]),
        (ADVANCE, FREE, DAY, []),
        (ARREARS, FREE, DAY, []),
        (ADVANCE, BILL, DAY, []),
        (ARREARS, BILL, DAY, []),
    ],
)
def test_a_pause_settles_the_period_when_billing_is_skipped(billing, way, credit, expected):
    move = pause(january(billing), PAUSED_AT, None, way, credit)
    assert (move.contract.status, amounts(move)) == ("paused", expected)


@pytest.mark.parametrize(
    ("billing", "credit", "resumed", "at_resume", "at_turn"),
    [
        # within the period: paid time is used up, credited time is charged again for what is left
        (ADVANCE, NONE, "2026-01-21", [], ["31.00"]),
        (ADVANCE, DAY, "2026-01-21", ["11.00"], ["31.00"]),
        (ARREARS, DAY, "2026-01-21", [], ["11.00"]),
        # in a later period: from the day it resumes to the next boundary, 15 of 28 days: 31 × 15/28 = 16.607…
        (ADVANCE, NONE, "2026-02-14", ["16.61"], ["31.00"]),
        (ADVANCE, DAY, "2026-02-14", ["16.61"], ["31.00"]),
        (ARREARS, DAY, "2026-02-14", [], ["16.61"]),
        # exactly at a boundary: a whole period
        (ADVANCE, DAY, "2026-03-01", ["31.00"], ["31.00"]),
    ],
)
def test_after_a_skipped_pause_payment_goes_on_from_the_day_of_resuming(billing, credit, resumed, at_resume, at_turn):
    paused = pause(january(billing), PAUSED_AT, None, SKIP, credit).contract
    move = resume(paused, utc(resumed))
    assert (move.contract.status, amounts(move)) == ("active", at_resume)
    assert amounts(renew(move.contract)) == at_turn


def test_a_resumed_subscription_keeps_its_anchor():
    paused = pause(january(), PAUSED_AT, None, SKIP, DAY).contract
    assert resume(paused, utc("2026-02-14")).contract.period == Period(utc("2026-02-14"), utc("2026-03-01"))


def test_a_skipped_pause_is_not_renewed_but_a_planned_cancellation_still_ends_it():
    paused = pause(january(), PAUSED_AT).contract
    with pytest.raises(Conflict) as refusal:
        renew(paused)
    assert refusal.value.code == "subscription_paused"
    planned = cancel(paused, utc("2026-01-12"), CancelMode.PERIOD_END).contract
    assert renew(planned).contract.status == "canceled"


@pytest.mark.parametrize(
    ("billing", "expected"),
    [
        (ADVANCE, [["31.00"], ["31.00"]]),
        (ARREARS, [["31.00"], ["31.00"]]),
    ],
)
def test_a_billed_pause_changes_nothing_in_the_invoices(billing, expected):
    paused = pause(january(billing), PAUSED_AT, None, BILL).contract
    first = renew(paused)
    assert first.contract.status == "paused"
    resumed = resume(first.contract, utc("2026-02-10"))
    assert (resumed.contract.status, resumed.lines) == ("active", ())
    assert [amounts(first), amounts(renew(resumed.contract))] == expected


@pytest.mark.parametrize(
    ("billing", "expected"),
    [
        # a period that starts in the pause is free to its end; the next one is paid again
        (ADVANCE, [["0.00"], ["31.00"]]),
        # 1-10 January used and 21 days free; 14 days of February free and 14 of 28 used
        (ARREARS, [["10.00", "0.00"], ["0.00", "15.50"]]),
    ],
)
def test_a_free_pause_is_invoiced_at_nothing(billing, expected):
    paused = pause(january(billing), PAUSED_AT, None, FREE).contract
    first = renew(paused)
    resumed = resume(first.contract, utc("2026-02-15"))
    assert resumed.lines == ()
    assert [amounts(first), amounts(renew(resumed.contract))] == expected


def test_a_trial_goes_on_during_a_pause():
    trial = january(trial_days=14)
    paused = pause(trial, PAUSED_AT, None, SKIP, DAY)
    assert paused.lines == ()
    early = resume(paused.contract, utc("2026-01-12"))
    assert (early.contract.status, early.lines) == ("trialing", ())
    late = resume(paused.contract, utc("2026-01-20"))
    assert (late.contract.status, amounts(late)) == ("active", ["26.00"])  # 20 January to 15 February, 26 of 31 days


def test_a_trial_that_ends_in_a_billed_pause_is_billed_and_stays_paused():
    paused = pause(january(trial_days=14), PAUSED_AT, None, BILL).contract
    turned = renew(paused)
    assert (turned.contract.status, amounts(turned)) == ("paused", ["31.00"])
    assert resume(turned.contract, utc("2026-01-20")).contract.status == "active"


def test_terms_for_the_next_period_hold_when_a_skipped_pause_ends_later():
    chosen = change(january(), terms("62"), utc("2026-01-05"), NEXT).contract
    resumed = resume(pause(chosen, PAUSED_AT).contract, utc("2026-02-15"))
    assert amounts(resumed) == ["31.00"]  # 62 × 14/28


def test_a_paused_subscription_can_be_canceled_long_after_its_period():
    paused = pause(january(ARREARS), PAUSED_AT, None, SKIP, DAY).contract
    ended = cancel(paused, utc("2026-06-01"), CancelMode.NOW, DAY)
    assert (ended.contract.status, ended.lines) == ("canceled", ())


PAUSED = pause(january(), PAUSED_AT, utc("2026-01-21")).contract
OPEN_ENDED = pause(january(), PAUSED_AT).contract
INCOMPLETE = replace(january(), status="incomplete")
CANCELED = cancel(january(), PAUSED_AT, CancelMode.NOW).contract


@pytest.mark.parametrize(
    ("act", "error", "code"),
    [
        (lambda: pause(PAUSED, utc("2026-01-15")), Conflict, "pause_overlaps"),
        (lambda: pause(PAUSED, utc("2026-01-25")), Conflict, "pause_overlaps"),
        (lambda: pause(OPEN_ENDED, utc("2026-06-15")), Conflict, "pause_overlaps"),
        (lambda: pause(january(), PAUSED_AT, PAUSED_AT), InvalidInput, "resume_before_pause"),
        (lambda: pause(january(), PAUSED_AT, utc("2026-01-10")), InvalidInput, "resume_before_pause"),
        (lambda: pause(january(), FEBRUARY), InvalidInput, "outside_period"),
        (lambda: pause(CANCELED, PAUSED_AT), Conflict, "subscription_ended"),
        (lambda: pause(INCOMPLETE, PAUSED_AT), Conflict, "subscription_incomplete"),
        (lambda: pause(replace(INCOMPLETE, status="unpaid"), PAUSED_AT), Conflict, "subscription_unpaid"),
        (lambda: resume(january(), PAUSED_AT), Conflict, "not_paused"),
        (lambda: resume(PAUSED, PAUSED_AT - timedelta(days=1)), InvalidInput, "clock_backwards"),
        (lambda: change(PAUSED, terms("62"), utc("2026-01-15")), Conflict, "subscription_paused"),
        (lambda: pause(january(), PAUSED_AT, None, SKIP, FULL), InvalidInput, "invalid_credit"),
    ],
)
def test_a_pause_that_cannot_be_is_refused(act, error, code):
    with pytest.raises(error) as refusal:
        act()
    assert refusal.value.code == code
