"""Payments that were held, in the hands of staff: released and charged, or refused; the rules and the lists."""

import pytest

from app.models import FraudReview, Invoice
from app.queries import fraud as query
from app.queries.base import get
from tests.shop import fresh
from tests.web.admin.desk import Desk, World, words


def status(desk: Desk, world: World) -> str:
    with desk.inside():
        return get(FraudReview, world.review_id).status


def test_a_held_payment_is_told_of_at_home_and_released(desk: Desk, world: World) -> None:
    assert "Payments to look at" in words(desk.get("/admin/"))
    page = desk.press("/admin/fraud/", f"/admin/fraud/reviews/{world.review_id}/release")
    assert "The payment was released." in page
    assert status(desk, world) == "released"


def test_a_held_payment_is_refused_after_a_question(desk: Desk, world: World) -> None:
    desk.does(f"/admin/fraud/reviews/{world.review_id}/refusal")
    assert status(desk, world) == "refused"
    with desk.inside():
        assert fresh(Invoice, world.manual_invoice_id).status == "open"


def test_rules_and_lists_are_added_to_and_taken_from(desk: Desk, world: World) -> None:
    desk.does("/admin/fraud/rules/new", {"signal": "cvc_failed", "at_least": "1", "verdict": "refuse"})
    desk.does("/admin/fraud/entries/new", {"kind": "ip", "value": "203.0.113.7", "effect": "block"})
    page = words(desk.get("/admin/fraud/"))
    assert "The bank said the security code is wrong Refuse it" in page
    assert "203.0.113.7 Never" in page
    desk.press("/admin/fraud/", f"/admin/fraud/rules/{world.fraud_rule_id}/removal")
    desk.press("/admin/fraud/", f"/admin/fraud/entries/{world.listed_id}/removal")
    with desk.inside():
        assert [row.signal for row in query.rules()] == ["cvc_failed"]
        assert [row.value for row in query.entries()] == ["203.0.113.7"]


@pytest.mark.parametrize(
    ("page", "typed"),
    [
        ("rules/new", {"signal": "mood", "at_least": "1", "verdict": "review"}),
        ("rules/new", {"signal": "ip_attempts", "at_least": "0", "verdict": "review"}),
        ("entries/new", {"kind": "ip", "value": "nowhere", "effect": "block"}),
        ("entries/new", {"kind": "country", "value": "Canada", "effect": "block"}),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, world: World, page: str, typed: dict[str, str]) -> None:
    desk.refused(f"/admin/fraud/{page}", typed)
