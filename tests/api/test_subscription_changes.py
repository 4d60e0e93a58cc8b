"""Changes, pauses and cancellations over the API: what they answer, and what they refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.ids import new_id
from tests.api.conftest import Api, Shop

AGO = timedelta(days=10)


@pytest.fixture
def team(api: Api, shop: Shop) -> str:
    """A subscription that began ten days ago, by id."""
    return sold(api, shop)


def sold(api: Api, shop: Shop, **values: Any) -> str:
    given = {"customer": shop.customer, "plan": shop.plan, "collection": "manual", **values}
    found: str = api.post("/v1/subscriptions", {"start_at": (datetime.now(UTC) - AGO).isoformat(), **given})["id"]
    return found


def plan(api: Api, shop: Shop, amount: str, **values: Any) -> str:
    given = {"product": shop.product, "name": f"Plan {amount}", "currency": "CAD", "interval": "month", **values}
    found: str = api.post("/v1/plans", {"amount": amount, **given})["id"]
    return found


def of(subscription: str, verb: str) -> str:
    return f"/v1/subscriptions/{subscription}/{verb}"


def test_a_plan_says_how_it_is_billed_and_prorated(api: Api, shop: Shop) -> None:
    settings = {
        "bill": "in_arrears",
        "first_period": "free",
        "proration_upgrade": "full",
        "proration_downgrade": "next_period",
        "proration_counted": "day",
    }
    added = api.get(f"/v1/plans/{plan(api, shop, '60.00', **settings)}")
    assert {name: added[name] for name in settings} == settings
    changed = api.patch(f"/v1/plans/{added['id']}", {"bill": "in_advance"})
    assert (changed["version"], changed["bill"], changed["first_period"]) == (2, "in_advance", "free")
    refused = api.patch(f"/v1/plans/{changed['id']}", {"proration_counted": "full"}, expect=422)
    assert refused["errors"][0]["field"] == "proration_counted"


def test_a_change_costs_what_its_preview_said(api: Api, shop: Shop, team: str) -> None:
    dearer = plan(api, shop, "60.00")
    previewed = api.post(of(team, "change/preview"), {"plan": dearer}, expect=200)
    wanted = {"plan": dearer, "at": previewed["at"], "fingerprint": previewed["fingerprint"]}
    changed = api.post(of(team, "change"), wanted, expect=200)
    assert (changed["plan"], changed["next_plan"]) == (dearer, None)
    last = api.get(f"/v1/invoices?subscription={team}")["data"][0]
    shown = api.get(f"/v1/invoices/{last['id']}")
    assert (shown["total"], previewed["due_now"]) == (previewed["invoice"]["total"], shown["total"])
    assert [line["amount"] for line in shown["lines"]] == [line["amount"] for line in previewed["invoice"]["lines"]]
    assert [line["kind"] for line in shown["lines"]] == ["proration_credit", "proration_charge"]


def test_a_change_whose_price_has_moved_is_refused(api: Api, shop: Shop, team: str) -> None:
    dearer = plan(api, shop, "60000.00")
    then = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    previewed = api.post(of(team, "change/preview"), {"plan": dearer, "at": then}, expect=200)
    wanted = {"plan": dearer, "fingerprint": previewed["fingerprint"]}
    assert api.post(of(team, "change"), wanted, expect=409)["code"] == "price_moved"
    assert api.post(of(team, "change"), {**wanted, "at": then}, expect=200)["plan"] == dearer


def test_a_change_is_planned_and_taken_back(api: Api, team: str) -> None:
    planned = api.post(of(team, "change"), {"quantity": 4, "proration": "next_period"}, expect=200)
    assert (planned["quantity"], planned["next_quantity"], planned["next_plan"]) == (1, 4, planned["plan"])
    kept = api("DELETE", of(team, "change"), expect=200).json
    assert (kept["next_quantity"], kept["next_plan"]) == (None, None)
    assert api("DELETE", of(team, "change"), expect=409).json["code"] == "no_change_planned"


def test_a_pause_is_resumed(api: Api, team: str) -> None:
    until = (datetime.now(UTC) + AGO).isoformat().replace("+00:00", "Z")
    paused = api.post(of(team, "pause"), {"resume_at": until, "credit": "second"}, expect=200)
    assert (paused["status"], paused["resume_at"], paused["paused_billing"]) == ("paused", until, "skip")
    assert api.post(of(team, "pause"), expect=409)["code"] == "pause_overlaps"
    assert api.post(of(team, "change"), {"quantity": 2}, expect=409)["code"] == "subscription_paused"
    resumed = api.post(of(team, "resume"), expect=200)
    assert (resumed["status"], resumed["paused_at"], resumed["resume_at"]) == ("active", None, None)
    assert api.post(of(team, "resume"), expect=409)["code"] == "not_paused"


def test_a_cancellation_gives_unused_time_back(api: Api, shop: Shop, team: str) -> None:
    ended = api.post(of(team, "cancel"), {"credit": "day", "reason": "moved away"}, expect=200)
    assert (ended["status"], ended["cancel_reason"]) == ("canceled", "moved away")
    last = api.get(f"/v1/invoices?subscription={team}")["data"][0]
    assert float(last["total"]) < 0
    balance = api.get(f"/v1/customers/{shop.customer}/balance")["balance"]
    assert float(balance) == -float(last["total"])


NOW = datetime.now(UTC)
REFUSED: list[tuple[str, str, dict[str, Any], int, str, str | None]] = [
    ("change", "before the period", {"quantity": 2, "at": NOW - 2 * AGO}, 422, "outside_period", "at"),
    ("change", "in the future", {"quantity": 2, "at": NOW + AGO}, 422, "in_future", "at"),
    ("change", "nothing", {}, 422, "missing", "plan"),
    ("change", "the same", {"quantity": 1}, 422, "nothing_to_change", "plan"),
    ("change", "half a seat", {"quantity": "1.5"}, 422, "invalid_type", "quantity"),
    ("change", "an unknown mode", {"quantity": 2, "proration": "week"}, 422, "invalid_choice", "proration"),
    ("pause", "an end before it begins", {"resume_at": NOW - AGO}, 422, "resume_before_pause", "resume_at"),
    ("pause", "an unknown way of billing", {"billing": "half"}, 422, "invalid_choice", "billing"),
    ("cancel", "an unknown credit", {"credit": "full"}, 422, "invalid_choice", "credit"),
]


@pytest.mark.parametrize(
    ("verb", "_what", "body", "status", "code", "field"), REFUSED, ids=[f"{case[0]} {case[1]}" for case in REFUSED]
)
def test_what_makes_no_sense_is_refused_with_a_code_and_a_sentence(
    api: Api, team: str, verb: str, _what: str, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    sent = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}
    refused = api.post(of(team, verb), sent, expect=status)
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)
    assert refused["detail"].endswith(".")


def test_a_plan_in_another_currency_and_one_not_sold_any_more_are_refused(api: Api, shop: Shop, team: str) -> None:
    dollars, gone = plan(api, shop, "60.00", currency="USD", code="usd"), plan(api, shop, "70.00")
    api.patch(f"/v1/plans/{gone}", {"amount": "71.00"})
    assert api.post(of(team, "change"), {"plan": dollars}, expect=422)["code"] == "currency_mismatch"
    assert api.post(of(team, "change"), {"plan": gone}, expect=409)["code"] == "plan_archived"
    unknown = api.post(of(team, "change"), {"plan": new_id("pln")}, expect=422)
    assert (unknown["code"], unknown["errors"][0]["field"]) == ("not_found", "plan")


@pytest.mark.parametrize("verb", ["change", "change/preview", "pause", "resume", "cancel", "uncancel"])
def test_nothing_happens_to_a_subscription_that_has_ended(api: Api, team: str, verb: str) -> None:
    api.post(of(team, "cancel"), expect=200)
    body = {"quantity": 2} if verb.startswith("change") else {}
    assert api.post(of(team, verb), body, expect=409)["code"] in ("subscription_ended", "not_paused")


def test_a_subscription_that_waits_for_its_first_payment_is_not_paused(api: Api, shop: Shop) -> None:
    waiting = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    refused = api.post(of(waiting["id"], "pause"), expect=409)
    assert (refused["code"], "first payment is missing" in refused["detail"]) == ("subscription_incomplete", True)


def test_another_tenant_cannot_touch_it(team: str, other_api: Api) -> None:
    assert other_api.post(of(team, "pause"), expect=404)["code"] == "not_found"
