"""The status tables: what may follow what, and what a refusal says."""

import itertools

import pytest

from app.domain.errors import IllegalTransition
from app.domain.lifecycle import INITIAL, TRANSITIONS, check_transition, is_final, statuses

DEFINITE = {"requires_action", "pending", "authorized", "succeeded", "failed", "canceled"}


@pytest.mark.parametrize(
    ("noun", "old", "new"),
    [
        ("payment", "sending", "unknown"),
        ("payment", "failed", "succeeded"),
        ("payment", "canceled", "succeeded"),
        ("payment", "succeeded", "failed"),
        ("refund", "failed", "succeeded"),
        ("refund", "succeeded", "failed"),
        ("invoice", "uncollectible", "paid"),
        ("invoice", "paid", "open"),
        ("subscription", "past_due", "active"),
        ("subscription", "unpaid", "active"),
        ("subscription", "paused", "trialing"),
        ("dispute", "inquiry", "open"),
        ("dispute", "won", "lost"),
    ],
)
def test_a_move_in_the_table_is_a_move(noun, old, new):
    assert check_transition(noun, old, new) is True


@pytest.mark.parametrize(
    ("noun", "old", "new", "sentence"),
    [
        ("invoice", "paid", "void", "An invoice that is paid cannot become void: it can become open."),
        ("invoice", "open", "draft", "An invoice that is open cannot become draft"),
        ("subscription", "canceled", "active", "that status is final"),
        ("payment", "succeeded", "canceled", "A payment that is succeeded cannot become canceled"),
        ("payment", "failed", "pending", "cannot become pending: it can become succeeded."),
        ("refund", "succeeded", "pending", "A refund that is succeeded cannot become pending"),
        ("dispute", "accepted", "won", "that status is final"),
    ],
)
def test_a_move_outside_the_table_is_refused_with_a_sentence(noun, old, new, sentence):
    with pytest.raises(IllegalTransition) as refusal:
        check_transition(noun, old, new)
    assert sentence in refusal.value.message
    assert (refusal.value.code, refusal.value.field) == ("illegal_transition", "status")


@pytest.mark.parametrize("noun", TRANSITIONS)
def test_an_equal_status_is_no_move(noun):
    assert not any(check_transition(noun, status, status) for status in statuses(noun))


@pytest.mark.parametrize(("old", "new"), [("open", "paied"), ("opened", "paid"), ("nowhere", "nowhere")])
def test_an_unknown_status_is_named(old, new):
    with pytest.raises(IllegalTransition) as refusal:
        check_transition("invoice", old, new)
    assert refusal.value.code == "unknown_status"


def test_no_answer_may_turn_into_anything_definite():
    assert TRANSITIONS["payment"]["unknown"] == DEFINITE
    assert TRANSITIONS["refund"]["unknown"] == {"pending", "succeeded", "failed"}


def test_money_that_arrives_late_can_be_booked_from_every_status_of_a_payment():
    for status in statuses("payment") - {"succeeded"}:
        assert check_transition("payment", status, "succeeded")


@pytest.mark.parametrize("noun", TRANSITIONS)
def test_every_move_leads_to_a_status_of_the_table_and_every_status_is_reached(noun):
    targets = set(itertools.chain.from_iterable(TRANSITIONS[noun].values()))
    assert targets <= statuses(noun)
    assert targets | INITIAL[noun] == statuses(noun)


def test_only_these_statuses_are_final():
    final = {(noun, status) for noun in TRANSITIONS for status in statuses(noun) if is_final(noun, status)}
    assert final == {
        ("subscription", "canceled"),
        ("subscription", "expired"),
        ("invoice", "void"),
        ("dispute", "accepted"),
    }
