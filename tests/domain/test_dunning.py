"""What happens next with a debt, and where the customer stands. Laws: 100 histories of refusals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sold import utc

from app.domain.declines import DECLINES, decline_for
from app.domain.dunning import Debt, DunningRules, FinalAction, StepKind, next_step
from app.domain.errors import InvalidInput
from app.domain.reminders import StageState, reminder_list
from tests.laws import tried

REMINDER, RETRY, FINAL = StepKind
DONE, DUE, PLANNED, DROPPED = StageState
QUIET = DunningRules(remind_before_days=(), remind_after_days=())
FAILED = Debt(
    due_at=utc("2026-01-01"),
    timezone="UTC",
    first_failed_at=utc("2026-01-01"),
    tried_at=utc("2026-01-01"),
    decline="insufficient_funds",
)
BY_HAND = Debt(due_at=utc("2026-01-15"), timezone="UTC", automatic=False)


def told(step):
    return step and (step.kind, f"{step.at:%m-%d}")


@pytest.mark.parametrize(
    ("debt", "at", "expected"),
    [
        # soft: 1, 3, 5, 7 days after the first failure, then the final action
        (FAILED, "2026-01-01", (RETRY, "01-02")),
        (replace(FAILED, tried_at=utc("2026-01-02")), "2026-01-02", (RETRY, "01-04")),
        (replace(FAILED, tried_at=utc("2026-01-04")), "2026-01-04", (RETRY, "01-06")),
        (replace(FAILED, tried_at=utc("2026-01-06")), "2026-01-06", (RETRY, "01-08")),
        (replace(FAILED, tried_at=utc("2026-01-08")), "2026-01-08", (FINAL, "01-08")),
        # an unknown word of the bank is soft
        (replace(FAILED, decline="gremlins"), "2026-01-01", (RETRY, "01-02")),
        # a retry that was missed is due now, and those it overtook are not made up for
        (FAILED, "2026-01-05", (RETRY, "01-02")),
        (replace(FAILED, tried_at=utc("2026-01-05")), "2026-01-05", (RETRY, "01-06")),
        (replace(FAILED, tried_at=utc("2026-02-05")), "2026-02-05", (FINAL, "02-05")),
        # hard: not tried again, and the customer has the same days until the final action
        (replace(FAILED, decline="stolen_card"), "2026-01-01", (FINAL, "01-08")),
        # a new method is tried at once, also after a hard decline, and then the schedule goes on
        (replace(FAILED, decline="stolen_card", method_changed_at=utc("2026-01-03")), "2026-01-03", (RETRY, "01-03")),
        (
            replace(FAILED, tried_at=utc("2026-01-03"), method_changed_at=utc("2026-01-03")),
            "2026-01-03",
            (RETRY, "01-04"),
        ),
        (replace(FAILED, method_changed_at=utc("2025-12-01")), "2026-01-01", (RETRY, "01-02")),
        # paid in any way
        (replace(FAILED, is_open=False), "2026-01-02", None),
        # nothing has failed yet
        (Debt(utc("2026-01-01"), "UTC"), "2026-01-01", None),
    ],
)
def test_a_failed_charge_is_tried_again_by_the_calendar_and_by_what_the_bank_said(debt, at, expected):
    assert told(next_step(QUIET, debt, utc(at))) == expected


@pytest.mark.parametrize(
    ("debt", "at", "expected"),
    [
        (BY_HAND, "2026-01-01", (REMINDER, "01-12")),  # 3 days before 15 January
        (replace(BY_HAND, reminded_at=utc("2026-01-12")), "2026-01-12", (REMINDER, "01-16")),
        (replace(BY_HAND, reminded_at=utc("2026-01-16")), "2026-01-16", (REMINDER, "01-18")),
        (replace(BY_HAND, reminded_at=utc("2026-01-18")), "2026-01-18", (REMINDER, "01-22")),
        (replace(BY_HAND, reminded_at=utc("2026-01-22")), "2026-01-22", (FINAL, "01-22")),
        # three are late: only the newest of them is sent
        (BY_HAND, "2026-01-20", (REMINDER, "01-18")),
        (replace(BY_HAND, reminded_at=utc("2026-01-20")), "2026-01-20", (REMINDER, "01-22")),
        (replace(BY_HAND, is_open=False), "2026-01-20", None),
    ],
)
def test_who_pays_by_hand_is_reminded_before_and_after_the_due_date(debt, at, expected):
    assert told(next_step(DunningRules(), debt, utc(at))) == expected


def test_who_is_charged_automatically_is_not_reminded_before_the_charge():
    assert told(next_step(DunningRules(), Debt(utc("2026-01-15"), "UTC"), utc("2026-01-01"))) == (REMINDER, "01-16")


@pytest.mark.parametrize(
    ("action", "words"),
    [(FinalAction.CANCEL, "canceled on 2026-01-08."), (FinalAction.UNPAID, "suspended as unpaid on 2026-01-08.")],
)
def test_the_final_action_is_the_tenants_and_says_itself(action, words):
    rules = DunningRules(final_action=action, remind_after_days=())
    assert words in next_step(rules, replace(FAILED, decline="stolen_card"), utc("2026-01-02")).reason


def test_a_tenant_can_keep_debts_past_due_for_ever():
    rules = DunningRules(final_action=FinalAction.KEEP_PAST_DUE, remind_after_days=())
    assert next_step(rules, replace(FAILED, tried_at=utc("2026-01-08")), utc("2026-01-08")) is None


def test_without_retries_the_first_failure_is_the_last():
    rules = DunningRules(retry_days=(), remind_after_days=())
    assert told(next_step(rules, FAILED, utc("2026-01-01"))) == (FINAL, "01-01")


def test_a_retry_keeps_the_customers_wall_time_through_a_clock_change():
    debt = replace(
        FAILED,
        timezone="America/Toronto",
        first_failed_at=utc("2026-03-07T14:00"),
        tried_at=utc("2026-03-07T14:00"),
    )
    assert next_step(QUIET, debt, utc("2026-03-07T15:00")).at == utc("2026-03-08T13:00")  # 09:00 EST, then EDT


@pytest.mark.parametrize(
    ("debt", "words"),
    [
        (FAILED, "There was not enough money in the account. We will try again later. Next attempt: 2026-01-02."),
        (
            replace(FAILED, decline="stolen_card", method_changed_at=utc("2026-01-03")),
            "The payment method was replaced, so it is tried at once.",
        ),
    ],
)
def test_a_step_says_why(debt, words):
    assert next_step(QUIET, debt, utc("2026-01-01")).reason == words


def test_reminders_name_the_due_date():
    rules = DunningRules(remind_before_days=(3,), remind_after_days=(1,))
    reasons = [next_step(rules, BY_HAND, utc("2026-01-01")).reason]
    reasons.append(next_step(rules, replace(BY_HAND, reminded_at=utc("2026-01-12")), utc("2026-01-13")).reason)
    assert reasons == ["The invoice is due on 2026-01-15.", "The invoice was due on 2026-01-15."]


def test_the_reminder_list_shows_what_was_done_what_is_due_and_what_is_planned():
    debt = replace(FAILED, tried_at=utc("2026-01-02"), reminded_at=utc("2026-01-02"))
    stages = reminder_list(DunningRules(remind_after_days=(1, 6)), debt, utc("2026-01-05"))
    assert [(stage.kind, f"{stage.at:%m-%d}", stage.state) for stage in stages] == [
        (REMINDER, "01-02", DONE),
        (RETRY, "01-02", DONE),
        (RETRY, "01-04", DUE),
        (RETRY, "01-06", PLANNED),
        (REMINDER, "01-07", PLANNED),
        (RETRY, "01-08", PLANNED),
        (FINAL, "01-08", PLANNED),
    ]


def test_the_reminder_list_drops_retries_after_a_hard_decline_and_everything_once_paid():
    hard = reminder_list(QUIET, replace(FAILED, decline="expired_card"), utc("2026-01-02"))
    assert [stage.state for stage in hard] == [DROPPED] * 4 + [PLANNED]
    paid = reminder_list(QUIET, replace(FAILED, is_open=False), utc("2026-01-02"))
    assert [stage.state for stage in paid] == [DROPPED] * 5


def test_a_debt_is_overdue_from_its_due_date_until_it_is_paid():
    days = [utc(f"2026-01-{day}") for day in (14, 15, 16)]
    assert [BY_HAND.is_overdue(day) for day in days] == [False, True, True]
    assert not replace(BY_HAND, is_open=False).is_overdue(days[2])


@pytest.mark.parametrize("days", [(3, 1), (1, 1), (0,), (-1,), (366,), (1.5,), (True,)])
def test_days_must_be_ascending_and_sane(days):
    with pytest.raises(InvalidInput) as refusal:
        DunningRules(retry_days=days)
    assert (refusal.value.code, refusal.value.field) == ("invalid_days", "retry_days")


def test_an_unknown_decline_is_soft_and_every_known_one_speaks_to_the_customer():
    assert decline_for("gremlins") == decline_for(None) == DECLINES["card_declined"]
    assert not decline_for("gremlins").hard
    assert all(decline.message.endswith(".") and code == decline.code for code, decline in DECLINES.items())


def test_no_sentence_tells_a_thief_that_the_card_is_reported():
    told_to_payer = {DECLINES[code].message for code in ("lost_card", "stolen_card", "suspected_fraud", "do_not_honor")}
    assert len(told_to_payer) == 1


@given(
    st.lists(st.sampled_from(["insufficient_funds", "stolen_card", None]), min_size=1, max_size=30),
    st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), min_size=30, max_size=30),
)
@tried(100)
def test_dunning_always_ends_after_at_most_four_retries_and_never_goes_back_in_time(answers, delays):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    debt = replace(FAILED, decline=answers[0])
    kinds = []
    for answer, delay in zip(answers, delays, strict=False):
        step = next_step(QUIET, debt, now)
        kinds.append(step.kind)
        now = max(step.at, now) + delay
        if step.kind is FINAL:
            break
        debt = replace(debt, tried_at=now, decline=answer)
    assert kinds.count(RETRY) <= 4
    assert kinds[-1] is FINAL or len(kinds) == len(answers)
