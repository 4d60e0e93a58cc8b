"""Whatever a client sends, it gets a clear refusal that names the field, and nothing is half-written."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.api import bodies
from app.config import Settings
from app.db import session, tenant_scope
from app.ids import new_id
from app.models import Customer, Invoice, Plan, Product, Subscription
from tests.api.conftest import Api, Shop
from tests.laws import tried, tried_on_servers

CUSTOMER = {"name": "A", "email": "a@example.com"}
PLAN = {"product": "", "name": "P", "amount": "1", "currency": "CAD", "interval": "month"}
LINE = {"description": "Work", "unit_amount": "10.00"}
FLOAT_PRICE = {"model": "standard", "unit_amount": 0.1}
CARD = "4242 4242 4242 4242"

# address, a sound body, what is wrong with it, the code, the field that is named
CASES = [
    ("customers", CUSTOMER, {"name": 1}, "invalid_type", "name"),
    ("customers", CUSTOMER, {"name": ""}, "too_short", "name"),
    ("customers", CUSTOMER, {"name": "   "}, "too_short", "name"),
    ("customers", CUSTOMER, {"name": "x" * 256}, "too_long", "name"),
    ("customers", CUSTOMER, {"name": None}, "invalid_type", "name"),
    ("customers", CUSTOMER, {"name": "nul\0"}, "invalid_text", "name"),
    ("customers", CUSTOMER, {"name": "half\ud800"}, "invalid_text", "name"),
    ("customers", CUSTOMER, {"email": "not an address"}, "invalid_email", "email"),
    ("customers", CUSTOMER, {"kind": "robot"}, "invalid_choice", "kind"),
    ("customers", CUSTOMER, {"currency": "CAX"}, "unknown_currency", "currency"),
    ("customers", CUSTOMER, {"timezone": "Mars/Olympus"}, "unknown_timezone", "timezone"),
    ("customers", CUSTOMER, {"address": {"country": "UK"}}, "unknown_country", "address.country"),
    ("customers", CUSTOMER, {"address": {"street": "x"}}, "unknown_field", "address.street"),
    ("customers", CUSTOMER, {"address": "CA"}, "invalid_type", "address"),
    ("customers", CUSTOMER, {"tax_ids": [{"type": "eu_vat"}]}, "missing", "tax_ids.0.value"),
    ("customers", CUSTOMER, {"exempt": True}, "invalid_type", "exempt"),
    ("customers", CUSTOMER, {"exempt": {"regions": ["BC"]}}, "missing", "exempt.reason"),
    ("customers", CUSTOMER, {"nmae": "A"}, "unknown_field", "nmae"),
    ("customers", CUSTOMER, {"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
    ("customers", CUSTOMER, {"metadata": {"a": "x" * 501}}, "too_long", "metadata.a"),
    ("customers", CUSTOMER, {"metadata": {f"k{i}": "" for i in range(51)}}, "too_many", "metadata"),
    ("customers", CUSTOMER, {"metadata": {"note": CARD}}, "card_number_refused", "metadata.note"),
    ("customers", CUSTOMER, {"metadata": {"n": 4242424242424242}}, "card_number_refused", "metadata.n"),
    ("customers", CUSTOMER, {"metadata": {CARD: "x"}}, "card_number_refused", "metadata"),
    ("customers", CUSTOMER, {"test_clock": new_id("clk")}, "not_found", "test_clock"),
    ("products", {"name": "P"}, {"tax_category": "magic"}, "unknown_tax_category", "tax_category"),
    ("products", {"name": "P"}, {"name": "…"}, "missing", "code"),
    ("plans", PLAN, {"amount": 9.99}, "float_refused", "amount"),
    ("plans", PLAN, {"amount": "9.999"}, "too_precise", "amount"),
    ("plans", PLAN, {"amount": "ten"}, "invalid_decimal", "amount"),
    ("plans", PLAN, {"amount": "NaN"}, "invalid_decimal", "amount"),
    ("plans", PLAN, {"amount": True}, "invalid_decimal", "amount"),
    ("plans", PLAN, {"amount": "1e40"}, "out_of_range", "amount"),
    ("plans", PLAN, {"amount": "-1"}, "negative", "amount"),
    ("plans", PLAN, {"currency": "cad"}, "unknown_currency", "currency"),
    ("plans", PLAN, {"interval": "fortnight"}, "invalid_choice", "interval"),
    ("plans", PLAN, {"interval_count": 0}, "out_of_range", "interval_count"),
    ("plans", PLAN, {"interval_count": 1.0}, "invalid_type", "interval_count"),
    ("plans", PLAN, {"trial_days": -1}, "out_of_range", "trial_days"),
    ("plans", PLAN, {"trial_days": 9999}, "invalid_trial", "trial_days"),
    ("plans", PLAN, {"product": new_id("prd")}, "not_found", "product"),
    ("plans", PLAN, {"product": new_id("pln")}, "invalid_id", "product"),
    ("plans", PLAN, {"price": {"model": "standard", "unit_amount": "1"}}, "ambiguous_price", "amount"),
    ("plans", PLAN, {"amount": ..., "price": {"model": "x"}}, "unknown_price_model", "price.model"),
    (
        "plans",
        PLAN,
        {"amount": ..., "price": {"model": "standard", "unit_amount": 0.1}},
        "invalid_decimal",
        "price.unit_amount",
    ),
    ("plans", PLAN, {"amount": ...}, "missing", "amount"),
    ("subscriptions", {}, {"quantity": -1}, "out_of_range", "quantity"),
    ("subscriptions", {}, {"quantity": 0}, "out_of_range", "quantity"),
    ("subscriptions", {}, {"quantity": "2"}, "invalid_type", "quantity"),
    ("subscriptions", {}, {"quantity": 2.5}, "invalid_type", "quantity"),
    ("subscriptions", {}, {"quantity": 10**30}, "out_of_range", "quantity"),
    ("subscriptions", {}, {"customer": new_id("cus")}, "not_found", "customer"),
    ("subscriptions", {}, {"customer": "ada"}, "invalid_id", "customer"),
    ("subscriptions", {}, {"customer": ...}, "missing", "customer"),
    ("subscriptions", {}, {"plan": new_id("pln")}, "not_found", "plan"),
    ("subscriptions", {}, {"payment_method": new_id("pm")}, "not_found", "payment_method"),
    ("subscriptions", {}, {"start_at": "2026-01-31"}, "invalid_instant", "start_at"),
    ("subscriptions", {}, {"start_at": "2026-01-31T00:00:00"}, "invalid_instant", "start_at"),
    ("subscriptions", {}, {"start_at": "2026-02-30T00:00:00Z"}, "invalid_instant", "start_at"),
    ("subscriptions", {}, {"start_at": 1768478400}, "invalid_instant", "start_at"),
    ("subscriptions", {}, {"start_at": "9999-12-31T23:59:59Z"}, "out_of_range", "start_at"),
    ("subscriptions", {}, {"anchor": {"mode": "moon"}}, "invalid_choice", "anchor.mode"),
    ("subscriptions", {}, {"anchor": {"mode": "day_of_month"}}, "invalid_anchor_day", "anchor.day"),
    ("subscriptions", {}, {"collection": "by force"}, "invalid_choice", "collection"),
    ("invoices", {"lines": [LINE]}, {"lines": []}, "too_few", "lines"),
    ("invoices", {"lines": [LINE]}, {"lines": LINE}, "invalid_type", "lines"),
    ("invoices", {"lines": [LINE]}, {"lines": [{**LINE, "unit_amount": 0.5}]}, "float_refused", "lines.0.unit_amount"),
    ("invoices", {"lines": [LINE]}, {"lines": [LINE, {**LINE, "quantity": "-1"}]}, "negative", "lines.1.quantity"),
    (
        "invoices",
        {"lines": [LINE]},
        {"lines": [{**LINE, "unit_amount": "-5"}]},
        "negative_amount",
        "lines.0.unit_amount",
    ),
    (
        "invoices",
        {"lines": [LINE]},
        {"lines": [{**LINE, "unit_amount": "9" * 17}]},
        "amount_out_of_range",
        "lines.0.unit_amount",
    ),
    ("invoice-items", LINE, {"unit_amount": "-5"}, "negative_amount", "unit_amount"),
    ("invoice-items", LINE, {"quantity": "-1"}, "negative", "quantity"),
    ("invoices", {"lines": [LINE]}, {"lines": [{"unit_amount": "1"}]}, "missing", "lines.0.description"),
    ("invoices", {"lines": [LINE]}, {"currency": "USD"}, "currency_mismatch", "currency"),
    ("payment-methods", {"token": "tok_ok"}, {"token": CARD}, "card_number_refused", "token"),
    ("payment-methods", {"token": "tok_ok"}, {"token": ""}, "too_short", "token"),
    ("payment-methods", {"token": "tok_ok"}, {"payment_gateway": "piggy"}, "gateway_unknown", "payment_gateway"),
    ("payments", {"invoice_id": new_id("inv")}, {}, "not_found", "invoice_id"),
    ("payments", {"invoice_id": new_id("inv")}, {"return_url": "javascript:x"}, "invalid_format", "return_url"),
]


def spoiled(body: dict[str, Any], shop: Shop, noun: str, fault: dict[str, Any]) -> dict[str, Any]:
    """A sound body with a fault; `...` leaves a field out."""
    named = {"product": {"product": shop.product}, "customer": {"customer": shop.customer}}
    sound = {
        **body,
        **(named["product"] if noun == "plans" else {}),
        **(named["customer"] if noun in ("subscriptions", "invoices", "invoice-items", "payment-methods") else {}),
        **({"plan": shop.plan} if noun == "subscriptions" else {}),
        **fault,
    }
    return {name: value for name, value in sound.items() if value is not ...}


def rows(app: Flask, tenant: str) -> list[int]:
    """How much there is of everything that could be half-written."""
    with app.app_context(), tenant_scope(tenant):
        models = (Customer, Product, Plan, Subscription, Invoice)
        return [session().scalar(select(func.count()).select_from(model)) or 0 for model in models]


@pytest.mark.parametrize("noun", sorted({case[0] for case in CASES}))
def test_a_fault_is_named_and_nothing_is_written(
    app: Flask, tenant: str, api: Api, shop: Shop, noun: str, subtests: pytest.Subtests
) -> None:
    before = rows(app, tenant)
    for _, body, fault, code, field in (case for case in CASES if case[0] == noun):
        with subtests.test(fault=fault):
            refused = api.post(f"/v1/{noun}", spoiled(body, shop, noun, fault), expect=422)
            assert (refused["code"], [fault["field"] for fault in refused["errors"]]) == (code, [field])
            assert rows(app, tenant) == before


def test_all_faults_are_named_at_once(api: Api) -> None:
    refused = api.post("/v1/customers", {"name": 1, "address": {"country": "XX"}, "colour": "red"}, expect=422)
    assert refused["code"] == "invalid"
    assert sorted(fault["field"] for fault in refused["errors"]) == ["address.country", "colour", "email", "name"]


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"[]", "application/json", 400, "malformed"),
        (b'"text"', "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b'{"name": NaN}', "application/json", 400, "malformed"),
        (b'{"n": ' + b"9" * 5000 + b"}", "application/json", 400, "malformed"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "application/json", 400, "malformed"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400, "malformed"),
        (b"name=A", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(api: Api, raw: bytes, content_type: str, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {api.key}"}
    response = api.app.test_client().post("/v1/customers", data=raw, content_type=content_type, headers=headers)
    assert (response.status_code, response.json["code"]) == (status, code)


def test_a_body_over_the_limit_is_refused(api: Api, settings: Settings) -> None:
    body = {**CUSTOMER, "metadata": {"a": "x" * settings.max_body_bytes}}
    assert api.post("/v1/customers", body, expect=413)["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("emial=a@example.com", "emial"),
        ("q=%00", "q"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str, field: str) -> None:
    refused = api.get(f"/v1/customers?{query}", expect=422)
    assert [fault["field"] for fault in refused["errors"]] == [field]


def test_an_unknown_status_is_told_the_known_ones(api: Api) -> None:
    refused = api.get("/v1/invoices?status=open,payed", expect=422)
    assert refused["errors"] == [{"field": "status", "message": "Statuses are draft, open, paid, uncollectible, void."}]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/customers/", 404, "not_found"),
        ("PUT", "/v1/customers", 405, "method_not_allowed"),
        ("POST", "/v1/access/ada", 405, "method_not_allowed"),
        ("GET", "/v1/access/%00", 422, "invalid_text"),
    ],
)
def test_addresses_that_are_not_there_answer_like_the_api(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    response = api(method, path)
    assert (response.status_code, response.json["code"]) == (status, code)
    assert response.content_type == "application/problem+json"
    assert ("Allow" in response.headers) == (status == 405)


def test_a_card_number_is_not_told_back(api: Api) -> None:
    body = json.dumps({**CUSTOMER, "name": CARD})
    refused = api("POST", "/v1/customers", json.loads(body))
    assert refused.json["code"] == "card_number_refused"
    assert "4242" not in refused.get_data(as_text=True)


def test_a_card_number_in_an_address_is_refused(api: Api) -> None:
    refused = api("GET", f"/v1/customers?q={CARD}")
    assert (refused.status_code, refused.json["code"]) == (422, "card_number_refused")
    assert "4242" not in refused.get_data(as_text=True)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "name",
    "email",
    "code",
    "coupon",
    "percent",
    "duration",
    "periods",
    "draft",
    "amount",
    "price",
    "currency",
    "interval",
    "quantity",
    "lines",
    "metadata",
    "address",
]


@pytest.mark.parametrize(
    "noun",
    [
        "customers",
        "products",
        "plans",
        "coupons",
        "subscriptions",
        "redemptions",
        "invoices",
        "invoice-items",
        "payments",
    ],
)
def test_no_body_whatever_makes_the_api_fail(api: Api, shop: Shop, noun: str) -> None:
    sound = {"product": shop.product, "customer": shop.customer, "plan": shop.plan, "invoice_id": new_id("inv")}

    @given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.sets(st.sampled_from(sorted(sound))))
    @tried_on_servers(40)
    def try_it(body: dict[str, Any], kept: set[str]) -> None:
        response = api("POST", f"/v1/{noun}", {**{name: sound[name] for name in kept}, **body})
        assert response.status_code < 500, response.get_data(as_text=True)

    try_it()


nasty = st.sampled_from(["", "x", CARD, "x" + CARD, "4242", "nul\0", "half\ud800", "\n", "é"])
values = st.recursive(
    st.one_of(nasty, st.integers(), st.just(4242424242424242), st.booleans(), st.none(), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(nasty, inner, max_size=3)),
    max_leaves=5,
)


@tried(150)
@given(
    value=values, depth=st.sampled_from([0, 17, 18, 19, 20]), wrap=st.sampled_from([lambda x: [x], lambda x: {"a": x}])
)
def test_a_body_that_looks_harmless_is_so_at_a_close_look_too(value: Any, depth: int, wrap: Any) -> None:
    for _ in range(depth):
        value = wrap(value)
    if bodies.is_harmless({"field": value}):
        bodies.look_closely({"field": value})
