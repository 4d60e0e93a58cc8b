"""What previews refuse: each with a status, a code and the field in the request's own words."""

import json
from typing import Any

import pytest
from flask import Flask

from app.db import tenant_scope, transaction
from app.ids import new_id
from app.services import tenants
from tests.api.conftest import Api, Shop
from tests.api.previewing import (
    GST,
    ONTARIO,
    Body,
    buyer,
    hundred,
    instant,
    invoice,
    plan,
    sold,
    standard,
    subscription,
)
from tests.api.test_previews import FEE, GRADUATED, STEPS


def tiered(*tiers: Body, model: str = "graduated") -> Body:
    return {"model": model, "tiers": list(tiers)}


LAST = {"up_to": None, "unit_amount": "1"}

PRICES: list[tuple[Any, str, str]] = [
    # price, code, field below the price
    ({}, "unknown_price_model", ".model"),
    ({"model": "auction"}, "unknown_price_model", ".model"),
    ({"model": "standard"}, "missing_field", ".unit_amount"),
    (standard("x"), "invalid_decimal", ".unit_amount"),
    ({"model": "standard", "unit_amount": 0.1}, "invalid_decimal", ".unit_amount"),
    (standard("0.0000000000001"), "too_precise", ".unit_amount"),  # 13 decimals
    (standard("1e40"), "out_of_range", ".unit_amount"),
    (standard("1", free_units="-1"), "negative", ".free_units"),
    (standard("1", colour="red"), "unknown_field", ".colour"),
    (standard("1", minimum_amount="5", maximum_amount="4"), "limits_crossed", ".minimum_amount"),
    (tiered(), "tiers_bounded", ".tiers"),
    (tiered({"up_to": "10"}), "tiers_bounded", ".tiers"),
    (tiered({"up_to": "10"}, {"up_to": "10"}, LAST), "tiers_unordered", ".tiers.1.up_to"),
    (tiered({"up_to": "10"}, {"up_to": "5"}, LAST), "tiers_unordered", ".tiers.1.up_to"),
    (tiered({"up_to": None}, {"up_to": "5"}, LAST), "tiers_unordered", ".tiers.0.up_to"),
    (tiered({"up_to": "-1"}, LAST), "negative", ".tiers.0.up_to"),
    (tiered({"up_to": "1", "unit_amount": "-1"}, LAST), "negative", ".tiers.0.unit_amount"),
    (tiered({"up_to": "1", "rate": "1"}, LAST), "unknown_field", ".tiers.0.rate"),
    (tiered({"unit_amount": "1"}), "missing_field", ".tiers.0.up_to"),
    (tiered(*[{"up_to": str(i)} for i in range(1, 101)], LAST), "too_many", ".tiers"),
    ({"model": "volume", "tiers": "all"}, "invalid_tiers", ".tiers"),
    (tiered({"up_to": None, "unit_amount": "1"}, model="stairstep"), "stairstep_unit_amount", ".tiers.0.unit_amount"),
    ({"model": "package", "package_size": "0", "package_amount": "1"}, "empty_package", ".package_size"),
    ({**FEE, "free_events": "0.5"}, "not_whole", ".free_events"),
    ({**FEE, "per_event_min": "2", "per_event_max": "1"}, "limits_crossed", ".per_event_min"),
]


def test_a_price_that_makes_no_sense_is_refused_wherever_it_stands(api: Api, subtests: pytest.Subtests) -> None:
    for price, code, field in PRICES:
        with subtests.test(price=price):
            refused = api.post("/v1/invoices/preview", invoice(hundred(), sold(price)), expect=422)
            assert told(refused) == (code, [f"lines.1.price{field}"])
            asked = {"price": price, "currency": "CAD", "interval": "month"}
            refused = api.post("/v1/subscriptions/preview", subscription(asked, "2026-01-01"), expect=422)
            assert told(refused) == (code, [f"plan.price{field}"])


def told(refused: Body) -> tuple[str, list[str]]:
    assert refused["detail"]
    assert refused["title"] == "Unprocessable Entity"
    return refused["code"], [fault["field"] for fault in refused["errors"]]


def line(**fault: Any) -> Body:
    return {"lines": [hundred(), hundred(**fault)]}


HUGE = sold(standard("1e25"), quantity="1e25")
INVOICES: list[tuple[Body, str, str]] = [
    # what is wrong with an invoice, code, field
    ({"currency": "CAX"}, "unknown_currency", "currency"),
    ({"currency": ...}, "missing", "currency"),
    ({"lines": []}, "too_few", "lines"),
    ({"lines": ...}, "missing", "lines"),
    ({"lines": [hundred()] * 101}, "too_many", "lines"),
    ({"lines": "all"}, "invalid_type", "lines"),
    ({"line": []}, "unknown_field", "line"),
    ({"at": "2026-01-31T00:00:00"}, "invalid_instant", "at"),
    ({"at": "2026-02-30T00:00:00Z"}, "invalid_instant", "at"),
    ({"at": 1768478400}, "invalid_instant", "at"),
    ({"tax_rounding": "never"}, "invalid_choice", "tax_rounding"),
    (line(quantity=1.5), "float_refused", "lines.1.quantity"),
    (line(quantity="many"), "invalid_decimal", "lines.1.quantity"),
    (line(quantity="NaN"), "invalid_decimal", "lines.1.quantity"),
    (line(quantity="0.0000000000001"), "too_precise", "lines.1.quantity"),
    (line(quantity="1e26"), "out_of_range", "lines.1.quantity"),
    (line(quantity=True), "invalid_decimal", "lines.1.quantity"),
    (line(quantity="1", events=["1"]), "ambiguous_usage", "lines.1.events"),
    (line(events=["1", 0.5]), "float_refused", "lines.1.events.1"),
    (line(events=["1", "0.0000000000001"]), "too_precise", "lines.1.events.1"),
    (line(events=["1"] * 1001), "too_many", "lines.1.events"),
    (line(description=""), "too_short", "lines.1.description"),
    (line(price="free"), "invalid_type", "lines.1.price"),
    (line(tax_category="magic"), "unknown_tax_category", "lines.1.tax_category"),
    (line(tax_behavior="maybe"), "invalid_choice", "lines.1.tax_behavior"),
    ({"lines": [hundred(), HUGE]}, "amount_out_of_range", "lines.1"),
    ({"lines": [sold(standard("9e16"))] * 2}, "amount_out_of_range", "lines"),  # 1.8e17, above 9.2e16
    ({"discounts": [{"percent": "101"}]}, "percent_out_of_range", "discounts.0.percent"),
    ({"discounts": [{"percent": "0"}]}, "percent_out_of_range", "discounts.0.percent"),
    ({"discounts": [{"percent": "-5"}]}, "negative", "discounts.0.percent"),
    ({"discounts": [{"percent": 12.5}]}, "float_refused", "discounts.0.percent"),
    ({"discounts": [{"amount": "5"}, {"amount": "5.001"}]}, "too_precise", "discounts.1.amount"),
    ({"discounts": [{"amount": "0"}]}, "amount_out_of_range", "discounts.0.amount"),
    ({"discounts": [{}]}, "invalid_discount", "discounts.0"),
    ({"discounts": [{"percent": "5", "amount": "5"}]}, "invalid_discount", "discounts.0"),
    ({"discounts": [{"coupon": "X"}]}, "unknown_field", "discounts.0.coupon"),
    ({"discounts": [{"percent": "1"}] * 21}, "too_many", "discounts"),
    ({"customer": 7}, "invalid_type", "customer"),
    ({"customer": "nobody"}, "not_found", "customer"),
    ({"customer": new_id("cus")}, "not_found", "customer"),
    ({"customer": {"kind": "robot"}}, "invalid_choice", "customer.kind"),
    ({"customer": {"name": "Ada"}}, "unknown_field", "customer.name"),
    ({"customer": {"address": {"region": "ON"}}}, "missing", "customer.address.country"),
    ({"customer": {"address": {"country": "UK"}}}, "unknown_country", "customer.address.country"),
    ({"customer": buyer("CA"), "registrations": [GST]}, "region_required", "customer.address.region"),
    ({"customer": buyer("CA-on"), "registrations": [GST]}, "region_required", "customer.address.region"),
    ({"customer": buyer("DE", tax_ids=[{"type": "eu_vat"}])}, "missing", "customer.tax_ids.0.value"),
    (
        {"customer": buyer("DE", tax_ids=[{"type": "eu_vat", "value": "DE1", "status": "fine"}])},
        "invalid_choice",
        "customer.tax_ids.0.status",
    ),
    ({"customer": buyer("CA-ON", exempt=True)}, "invalid_type", "customer.exempt"),
    ({"registrations": [{**GST, "scheme": "tithe"}]}, "invalid_choice", "registrations.0.scheme"),
    ({"registrations": [{**GST, "country": "Canada"}]}, "unknown_country", "registrations.0.country"),
    ({"registrations": [{"country": "CA"}]}, "missing", "registrations.0.scheme"),
]


def test_an_invoice_that_makes_no_sense_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for fault, code, field in INVOICES:
        with subtests.test(fault=fault):
            refused = api.post("/v1/invoices/preview", spoiled(invoice(hundred()), fault), expect=422)
            assert told(refused) == (code, [field])


def spoiled(body: Body, fault: Body) -> Body:
    """A sound body with a fault; `...` leaves a field out."""
    return {name: value for name, value in {**body, **fault}.items() if value is not ...}


def change(at: str = "2026-01-18", **fault: Any) -> Body:
    return {"changes": [{"at": instant("2026-01-10"), "quantity": 2}, {"at": instant(at), **fault}]}


def cancel(at: str, **more: Any) -> Body:
    return {"cancel": {"at": instant(at), **more}}


WEEK = plan("7", "week")
SUBSCRIPTIONS: list[tuple[Body, str, str]] = [
    # what is wrong with a monthly subscription from 1 January 2026 on, code, field
    ({"plan": ...}, "missing", "plan"),
    ({"plan": 5}, "invalid_type", "plan"),
    ({"plan": "team"}, "not_found", "plan"),
    ({"plan": new_id("pln")}, "not_found", "plan"),
    ({"plan": {**plan("30"), "amount": 9.99}}, "float_refused", "plan.amount"),
    ({"plan": plan("9.999")}, "too_precise", "plan.amount"),
    ({"plan": {**plan("10.5"), "currency": "JPY"}}, "too_precise", "plan.amount"),
    ({"plan": plan("-1")}, "negative", "plan.amount"),
    ({"plan": plan("1", price=standard("1"))}, "ambiguous_price", "plan.amount"),
    ({"plan": {"currency": "CAD", "interval": "month"}}, "missing", "plan.amount"),
    ({"plan": plan("1", "fortnight")}, "invalid_choice", "plan.interval"),
    ({"plan": plan("1", interval_count=0)}, "out_of_range", "plan.interval_count"),
    ({"plan": plan("1", interval_count=121)}, "invalid_interval_count", "plan.interval_count"),
    ({"plan": plan("1", trial_days=-1)}, "out_of_range", "plan.trial_days"),
    ({"plan": plan("1", trial_days=4000)}, "invalid_trial_days", "plan.trial_days"),
    ({"plan": plan("1", bill="whenever")}, "invalid_choice", "plan.bill"),
    ({"plan": {**plan("1"), "currency": "XXX"}}, "unknown_currency", "plan.currency"),
    ({"plan": plan("9e15"), "quantity": 100}, "amount_out_of_range", "plan"),
    ({"quantity": 0}, "invalid_quantity", "quantity"),
    ({"quantity": -1}, "invalid_quantity", "quantity"),
    ({"quantity": "2.5"}, "invalid_quantity", "quantity"),
    ({"quantity": 2.5}, "float_refused", "quantity"),
    ({"quantity": 10**12}, "invalid_quantity", "quantity"),
    ({"timezone": "Mars/Olympus"}, "unknown_timezone", "timezone"),
    ({"timezone": "America"}, "unknown_timezone", "timezone"),
    ({"start_at": "2026-01-01T00:00:00"}, "invalid_instant", "start_at"),
    ({"start_at": "2026-01-01"}, "invalid_instant", "start_at"),
    ({"until": "soon"}, "invalid_instant", "until"),
    ({"until": instant("2026-01-01")}, "until_before_start", "until"),
    ({"plan": plan("1", "day"), "until": instant("2036-01-01")}, "too_many_periods", "until"),
    ({"cycles": 0}, "out_of_range", "cycles"),
    ({"cycles": 1001}, "out_of_range", "cycles"),
    ({"cycles": "12"}, "invalid_type", "cycles"),
    ({"plan": plan("1", "year", interval_count=10), "cycles": 1000}, "out_of_range", "cycles"),  # the year 12026
    ({"anchor": {"mode": "moon"}}, "invalid_choice", "anchor.mode"),
    ({"anchor": {"mode": "day_of_month"}}, "invalid_anchor_day", "anchor.day"),
    ({"anchor": {"mode": "day_of_month", "day": 32}}, "out_of_range", "anchor.day"),
    ({"anchor": {"mode": "date"}}, "anchor_incomplete", "anchor.at"),
    ({"plan": WEEK, "anchor": {"mode": "day_of_month", "day": 1}}, "anchor_mismatch", "anchor.mode"),
    ({"first_period": "half"}, "invalid_choice", "first_period"),
    ({"proration": "hour"}, "invalid_choice", "proration"),
    ({"proration": "full"}, "invalid_choice", "proration"),
    (change(quantity=-1), "invalid_quantity", "changes.1.quantity"),
    (change(), "missing", "changes.1.plan"),
    (change(plan="gone"), "not_found", "changes.1.plan"),
    (change(plan=plan("9.999")), "too_precise", "changes.1.plan.amount"),
    (change(plan={**plan("60"), "currency": "USD"}), "currency_mismatch", "changes.1.plan"),
    (change(plan=plan("60", tax_behavior="inclusive")), "taxed_otherwise", "changes.1.plan"),
    (change(plan=plan("60", tax_category="goods")), "taxed_otherwise", "changes.1.plan"),
    (change(quantity=3, proration="sometimes"), "invalid_choice", "changes.1.proration"),
    (change("2025-12-31", quantity=3), "outside_period", "changes.1.at"),
    (change("2027-01-01", quantity=3), "outside_period", "changes.1.at"),  # after twelve cycles
    ({**change("2026-03-02", quantity=3), "until": instant("2026-03-01")}, "outside_period", "changes.1.at"),
    ({"changes": [{"at": "2026-01-18T00:00:00", "quantity": 2}]}, "invalid_instant", "changes.0.at"),
    ({**change(quantity=3), **cancel("2026-01-12", mode="now")}, "subscription_ended", "changes.1"),
    (cancel("2025-12-31"), "outside_period", "cancel.at"),
    ({**cancel("2026-03-02"), "until": instant("2026-03-01")}, "outside_period", "cancel.at"),
    (cancel("2026-01-18", mode="later"), "invalid_choice", "cancel.mode"),
    (cancel("2026-01-18", credit="full"), "invalid_choice", "cancel.credit"),
    ({"cancel": {}}, "missing", "cancel.at"),
    ({"discounts": [{"amount": "0.001"}]}, "too_precise", "discounts.0.amount"),
    ({"customer": buyer("CA"), "registrations": [GST]}, "region_required", "customer.address.region"),
    ({"customer": "nobody"}, "not_found", "customer"),
    ({"trial": 5}, "unknown_field", "trial"),
    ({"plan": plan("30", colour="red")}, "unknown_field", "plan.colour"),
]


def test_a_subscription_that_makes_no_sense_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    sound = subscription(plan("30"), "2026-01-01")
    for fault, code, field in SUBSCRIPTIONS:
        with subtests.test(fault=fault):
            refused = api.post("/v1/subscriptions/preview", spoiled(sound, fault), expect=422)
            assert told(refused) == (code, [field])


def test_a_stored_customer_is_asked_for_in_their_currency(api: Api, shop: Shop) -> None:
    asked = invoice(hundred(), currency="USD", customer=shop.customer)
    assert told(api.post("/v1/invoices/preview", asked, expect=422)) == ("currency_mismatch", ["currency"])
    dollars = subscription({**plan("30"), "currency": "USD"}, "2026-01-01", customer=shop.customer)
    assert told(api.post("/v1/subscriptions/preview", dollars, expect=422)) == ("currency_mismatch", ["plan"])


def test_a_stored_customer_without_a_province_is_told_of(app: Flask, tenant: str, api: Api, at: Any) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
    somewhere = {"name": "Ada", "email": "ada@example.com", "address": {"country": "CA"}}
    customer = api.post("/v1/customers", somewhere)["id"]
    for path, asked in (
        ("/v1/invoices/preview", invoice(hundred())),
        ("/v1/subscriptions/preview", subscription(plan("30"), "2026-01-01")),
    ):
        refused = api.post(path, {**asked, "customer": customer}, expect=422)
        assert told(refused) == ("region_required", ["customer"])


def test_a_customer_who_was_forgotten_is_not_previewed(api: Api, shop: Shop) -> None:
    api("DELETE", f"/v1/customers/{shop.customer}", expect=204)
    for path, asked in (
        ("/v1/invoices/preview", invoice(hundred())),
        ("/v1/subscriptions/preview", subscription(plan("30"), "2026-01-01")),
    ):
        assert api.post(path, {**asked, "customer": shop.customer}, expect=409)["code"] == "customer_forgotten"


def test_a_customer_and_a_plan_of_another_tenant_are_not_there(other_api: Api, shop: Shop) -> None:
    asked = invoice(hundred(), customer=shop.customer)
    assert told(other_api.post("/v1/invoices/preview", asked, expect=422)) == ("not_found", ["customer"])
    asked = subscription(shop.plan, "2026-01-01")
    assert told(other_api.post("/v1/subscriptions/preview", asked, expect=422)) == ("not_found", ["plan"])


def test_all_faults_are_named_at_once(api: Api) -> None:
    asked = invoice(hundred(quantity=0.5), hundred(tax_behavior="maybe"), customer={"kind": "robot"}, colour="red")
    refused = api.post("/v1/invoices/preview", asked, expect=422)
    named = sorted(fault["field"] for fault in refused["errors"])
    assert named == ["colour", "customer.kind", "lines.0.quantity", "lines.1.tax_behavior"]


SOUND: list[tuple[str, Body]] = [
    ("/v1/invoices/preview", invoice(sold(GRADUATED, quantity="5"), sold(FEE, events=["1"]), sold(STEPS), **ONTARIO)),
    ("/v1/subscriptions/preview", subscription(plan("30"), "2026-01-01", **ONTARIO, **change(quantity=3))),
]
STRANGE: list[Any] = [None, 0.5, 10**30, "-1e-9", [[]], {"": {}}]


@pytest.mark.parametrize(("path", "sound"), SOUND, ids=["invoices", "subscriptions"])
@pytest.mark.parametrize("strange", STRANGE, ids=str)
def test_nothing_strange_anywhere_makes_a_preview_fail(api: Api, path: str, sound: Body, strange: Any) -> None:
    places = list(leaves(sound))
    assert len(places) > 10
    for place in places:
        body = json.loads(json.dumps(sound))
        inner = body
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = strange
        assert api("POST", path, body).status_code in (200, 422), place


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Every place inside a body, the outer ones too."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from leaves(inner, (*path, step))
