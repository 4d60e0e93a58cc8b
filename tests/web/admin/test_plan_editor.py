"""The plan editor: every price model, further charges, and the table of what they come to, without JavaScript."""

from typing import Any

import pytest

from app.domain.pricing import MODELS
from app.models import Plan
from app.queries import lists
from tests.shop import fresh
from tests.web.admin.desk import FRAGMENT, Desk, World, error_of, words
from tests.web.admin.test_selling import newest_id

TIERS = {
    "price-tiers-0-up_to": "10",
    "price-tiers-0-unit_amount": "5",
    "price-tiers-1-unit_amount": "4",
    "price-tiers-1-flat_amount": "1",
}
STEPS = {
    "price-tiers-0-up_to": "10",
    "price-tiers-0-flat_amount": "50",
    "price-tiers-1-flat_amount": "80",
}
RATES = {"price-tiers-0-up_to": "1000", "price-tiers-0-rate": "2", "price-tiers-1-rate": "1"}

# A model, what is typed, and what 100 of it cost: (units, price) as the table says.
PRICES: list[tuple[str, dict[str, str], str]] = [
    ("standard", {"price-unit_amount": "0.05", "price-free_units": "20"}, "100 $4.00"),  # 80 × 0.05
    ("graduated", TIERS, "100 $411.00"),  # 10 × 5 + 90 × 4 + 1
    ("volume", TIERS, "100 $401.00"),  # 100 × 4 + 1
    ("stairstep", STEPS, "100 $80.00"),
    ("package", {"price-package_size": "30", "price-package_amount": "7"}, "100 $28.00"),  # 4 started packages
    ("percentage", {"price-rate": "2.9", "price-fixed_amount": "0.30"}, "100 $3.20"),  # 2.90 + 0.30
    ("graduated_percentage", RATES, "100 $2.00"),
]


def new_plan(world: World, model: str, **typed: str) -> dict[str, Any]:
    good = {"product": world.product_id, "name": "Team", "code": "team", "currency": "CAD", "interval": "month"}
    settings = {"bill": "in_advance", "first_period": "full", "proration_counted": "day"}
    changes = {"proration_upgrade": "second", "proration_downgrade": "next_period"}
    return {
        **good,
        **settings,
        **changes,
        "interval_count": "1",
        "tax_behavior": "exclusive",
        "price-model": model,
        **typed,
    }


def test_every_model_is_shown_priced_and_kept(desk: Desk, world: World, subtests: pytest.Subtests) -> None:
    assert {model for model, _, _ in PRICES} == set(MODELS)
    for model, typed, said in PRICES:
        with subtests.test(model=model):
            form = new_plan(world, model, **{**typed, "code": model})
            table = desk.post("/admin/plans/prices", form, **FRAGMENT).text
            assert "<html" not in table
            assert said in words(table)
            answer = desk.post("/admin/plans/", form)
            assert answer.status_code == 303, error_of(answer.text, "price-unit_amount")
            assert said in words(desk.get(answer.location))
            plan_id = newest_id(desk, "plans")
            again = desk.does(f"/admin/plans/{plan_id}/edit")  # saved as it is, it is no other price
            assert "The changes were saved." in again
            with desk.inside():
                row = fresh(Plan, plan_id)
                assert (row.price["model"], row.first_period, row.proration_downgrade) == (model, "full", "next_period")


def test_limits_hold_and_a_quantity_is_tried(desk: Desk, world: World) -> None:
    limits = {"price-minimum_amount": "3", "price-maximum_amount": "40", "tried": "37"}
    typed = new_plan(world, "standard", **{"price-unit_amount": "1", **limits})
    table = words(desk.post("/admin/plans/prices", typed, **FRAGMENT).text)
    assert "1 $3.00" in table
    assert "37 $37.00" in table
    assert "100 $40.00" in table


def test_tiers_and_charges_are_added_and_dropped(desk: Desk, world: World) -> None:
    typed = new_plan(world, "graduated", **TIERS)
    wider = desk.post("/admin/plans/shape", {**typed, "change": "price.tiers"}).text
    assert 'name="price-tiers-2-up_to"' in wider
    charged = desk.post("/admin/plans/shape", {**typed, "change": "charges"}).text
    assert 'name="charges-0-price-unit_amount"' in charged
    calls = {"charges-0-name": "Calls", "charges-0-kind": "usage", "charges-0-meter": world.meter_id}
    priced = {"charges-0-price-model": "package", "charges-0-price-package_size": "1000"}
    metered = {**typed, **calls, **priced, "charges-0-price-package_amount": "2.50"}
    assert "Calls" in words(desk.post("/admin/plans/prices", metered, **FRAGMENT).text)
    answer = desk.post("/admin/plans/", metered)
    page = words(desk.get(answer.location))
    assert "Calls Package by Calls" in page
    plan_id = newest_id(desk, "plans")
    edit = f"/admin/plans/{plan_id}/edit"
    dropped = desk.fill(edit, {"change": "charges.0"}, f"/admin/plans/{plan_id}")
    assert dropped.status_code == 303
    shaped = desk.post(f"/admin/plans/{plan_id}/shape", {**metered, "change": "charges.0"}).text
    assert 'name="charges-0-name"' not in shaped


def test_what_is_wrong_stands_at_its_field(desk: Desk, world: World) -> None:
    calls = {"charges-0-name": "Calls", "charges-0-kind": "usage", "charges-0-price-model": "standard"}
    calls["charges-0-price-unit_amount"] = "1"
    standard = {"price-unit_amount": "1"}
    cases: list[tuple[str, dict[str, str], str, str]] = [
        ("graduated", {**TIERS, "price-tiers-0-up_to": "0"}, "price-tiers-0-up_to", "must end above 0"),
        ("graduated", {**TIERS, "price-tiers-1-up_to": "5"}, "price-tiers-0-up_to", "last tier must be without end"),
        ("package", {"price-package_amount": "7"}, "price-package_size", "is missing"),
        ("package", {"price-package_size": "0", "price-package_amount": "7"}, "price-package_size", "more than zero"),
        ("percentage", {"price-rate": "a lot"}, "price-rate", "is a number"),
        ("standard", {**standard, **calls}, "charges-0-meter", "names its meter"),
        ("standard", {**standard, **calls, "charges-0-name": ""}, "charges-0-name", "is missing"),
        ("standard", {"price-unit_amount": "1", "price-free_units": "-1"}, "price-free_units", "not be below zero"),
    ]
    for model, typed, field, said in cases:
        answer = desk.post("/admin/plans/", new_plan(world, model, **typed))
        assert answer.status_code == 422, (model, typed)
        found = words(answer.text)
        assert said in found, (model, typed, found[-900:])
        assert f'id="{field}' in answer.text
    with desk.inside():
        assert not lists.plans({"code": "team", "archived": "yes"}).items
