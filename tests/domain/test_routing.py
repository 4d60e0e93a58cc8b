"""Routing rules: which accounts take a payment, in which order; and how long a failing gateway is left alone."""

from collections import Counter
from datetime import timedelta

import pytest

from app.domain.breaker import LONGEST_PAUSE, LONGEST_WAIT, UNTOLD_WAIT, pause_after, wait_for
from app.domain.routing import Case, Rule, order, stands_in_on_decline

A, B, C = "gac_a", "gac_b", "gac_c"
CASE = Case("CAD", 50_00, "CA", "card")


@pytest.mark.parametrize(
    ("rule", "takes"),
    [
        (Rule(A), True),
        (Rule(A, currency="CAD", country="CA", kind="card"), True),
        (Rule(A, currency="USD"), False),
        (Rule(A, country="US"), False),
        (Rule(A, kind="sepa_debit"), False),
        (Rule(A, currency="CAD", min_minor=50_00), True),
        (Rule(A, currency="CAD", min_minor=50_01), False),
        (Rule(A, currency="CAD", max_minor=50_00), True),
        (Rule(A, currency="CAD", max_minor=49_99), False),
    ],
)
def test_a_rule_takes_what_meets_all_of_its_conditions(rule: Rule, takes: bool) -> None:
    assert rule.takes(CASE) is takes


def test_a_kind_that_is_not_known_yet_meets_any() -> None:
    assert Rule(A, kind="card").takes(Case("CAD", 1))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], [A, B, C]),
        ([Rule(B)], [B, A, C]),
        ([Rule(C, 2), Rule(B, 1)], [B, C, A]),
        ([Rule(A, currency="USD")], [B, C]),
        ([Rule(A, currency="USD"), Rule(A, 3, currency="CAD"), Rule(C, 1)], [C, A, B]),
        ([Rule("gac_disabled"), Rule(C, 2)], [C, A, B]),
    ],
    ids=["none", "first", "positions", "about something else", "two about one", "account gone"],
)
def test_accounts_in_order(rules: list[Rule], expected: list[str]) -> None:
    assert order(rules, [A, B, C], CASE, "inv_1") == expected


def test_equals_share_by_weight_and_one_invoice_always_draws_the_same() -> None:
    rules = [Rule(A, weight=3), Rule(B, weight=1)]
    firsts = Counter(order(rules, [A, B], CASE, f"inv_{number}")[0] for number in range(4000))
    assert 2800 < firsts[A] < 3200
    assert len({tuple(order(rules, [A, B], CASE, "inv_7")) for _ in range(5)}) == 1
    assert sorted(order(rules, [A, B], CASE, "inv_7")) == [A, B]


def test_only_a_rule_that_says_so_stands_in_for_a_refusal() -> None:
    rules = [Rule(A), Rule(B, on_decline=True), Rule(C, on_decline=True, currency="USD")]
    assert [stands_in_on_decline(rules, one, CASE) for one in (A, B, C)] == [False, True, False]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, None), (4, None), (5, 30), (6, 60), (7, 120), (9, 480), (10, 600), (500, 600)]
)
def test_pauses_double_up_to_ten_minutes(failures: int, seconds: int | None) -> None:
    assert pause_after(failures) == (None if seconds is None else timedelta(seconds=seconds))
    assert seconds is None or timedelta(seconds=seconds) <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("told", "wait"),
    [(None, UNTOLD_WAIT), (0, timedelta(seconds=1)), (7, timedelta(seconds=7)), (10**9, LONGEST_WAIT)],
)
def test_a_gateway_says_how_long_to_wait_within_reason(told: int | None, wait: timedelta) -> None:
    assert wait_for(told) == wait
