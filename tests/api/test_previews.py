"""Invoices that are only looked at: prices, discounts, roundings and the shape of the answer."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, tenant_scope, transaction
from app.extensions import db
from app.services import tenant_settings, tenants
from tests.api.conftest import Api, Shop, key_of
from tests.api.previewing import AT, ONTARIO, Body, buyer, hundred, invoice, plan, sold, standard, subscription, worth

TIERS = [
    {"up_to": "1000", "unit_amount": "0.05", "flat_amount": "0"},
    {"up_to": None, "unit_amount": "0.02", "flat_amount": "1"},
]
GRADUATED, VOLUME = {"model": "graduated", "tiers": TIERS}, {"model": "volume", "tiers": TIERS}
STEPS = {"model": "stairstep", "tiers": [{"up_to": "10", "flat_amount": "50"}, {"up_to": None, "flat_amount": "80"}]}
PACKAGE = {"model": "package", "package_size": "100", "package_amount": "5"}
FEE = {"model": "percentage", "rate": "2.9", "fixed_amount": "0.30"}
SLIDING = {
    "model": "graduated_percentage",
    "tiers": [{"up_to": "1000", "rate": "2"}, {"up_to": None, "rate": "1", "flat_amount": "5"}],
}
EVENTS = {"events": ["10", "80"]}

PRICES: list[tuple[Body, Body, str, str]] = [
    # price, usage, currency, amount
    (standard("9.99"), {}, "CAD", "9.99"),  # one, unless something else is said
    (standard("0.05"), {"quantity": "1200"}, "CAD", "60.00"),
    (standard("0.05"), {"quantity": 1200}, "CAD", "60.00"),
    (standard("0.05", free_units="200"), {"quantity": "1200"}, "CAD", "50.00"),  # 1000 × 0.05
    (standard("0.05", free_units="200"), {"quantity": "100"}, "CAD", "0.00"),
    (standard("0.05", minimum_amount="75"), {"quantity": "1200"}, "CAD", "75.00"),
    (standard("0.05", maximum_amount="50"), {"quantity": "1200"}, "CAD", "50.00"),
    (standard("0.05", minimum_amount="5"), {"quantity": "0"}, "CAD", "5.00"),
    (standard("0.335"), {"quantity": "3"}, "CAD", "1.01"),  # 1.005
    (standard("0.335"), {"quantity": "-3"}, "CAD", "-1.01"),  # away from zero
    (standard("-4.50"), {"quantity": "2"}, "CAD", "-9.00"),
    (standard("0.000000000001"), {"quantity": "1000000000000"}, "CAD", "1.00"),  # 10⁻¹² × 10¹²
    (standard("1"), {"quantity": "1000000000000"}, "CAD", "1000000000000.00"),
    (standard("0.000000000001"), {"quantity": "0.000000000001"}, "CAD", "0.00"),
    (standard("0.5"), {"quantity": "3"}, "JPY", "2"),  # 1.5
    (standard("0.0005"), {}, "KWD", "0.001"),
    (standard("1.2345"), {}, "KWD", "1.235"),
    (GRADUATED, {"quantity": "1200"}, "CAD", "55.00"),  # 1000 × 0.05 + 200 × 0.02 + 1
    (GRADUATED, {"quantity": "1000"}, "CAD", "50.00"),  # up_to is inclusive
    (GRADUATED, {"quantity": "1001"}, "CAD", "51.02"),
    (GRADUATED, {"quantity": "0"}, "CAD", "0.00"),
    ({**GRADUATED, "minimum_amount": "60"}, {"quantity": "1200"}, "CAD", "60.00"),
    (VOLUME, {"quantity": "1200"}, "CAD", "25.00"),  # 1200 × 0.02 + 1
    (VOLUME, {"quantity": "1000"}, "CAD", "50.00"),
    (STEPS, {"quantity": "10"}, "CAD", "50.00"),
    (STEPS, {"quantity": "11"}, "CAD", "80.00"),
    (PACKAGE, {"quantity": "200"}, "CAD", "10.00"),
    (PACKAGE, {"quantity": "201"}, "CAD", "15.00"),  # a started package counts whole
    (PACKAGE, {"quantity": "-201"}, "CAD", "-15.00"),
    ({**PACKAGE, "free_units": "1"}, {"quantity": "201"}, "CAD", "10.00"),
    (FEE, EVENTS, "CAD", "3.21"),  # 90 × 2.9 % + 2 × 0.30
    (FEE, {"quantity": "100"}, "CAD", "3.20"),  # as one event
    ({**FEE, "free_events": "1"}, EVENTS, "CAD", "2.62"),  # 80 × 2.9 % + 0.30
    ({**FEE, "free_units": "20"}, EVENTS, "CAD", "2.33"),  # 70 × 2.9 % + 0.30
    ({**FEE, "per_event_min": "1"}, EVENTS, "CAD", "3.62"),  # 1.00 + 2.62
    ({**FEE, "per_event_max": "2"}, EVENTS, "CAD", "2.59"),  # 0.59 + 2.00
    ({**FEE, "minimum_amount": "5"}, {"events": []}, "CAD", "5.00"),
    ({**FEE, "maximum_amount": "3"}, EVENTS, "CAD", "3.00"),
    (SLIDING, {"quantity": "1500"}, "CAD", "30.00"),  # 1000 × 2 % + 500 × 1 % + 5
    (SLIDING, {"quantity": "1000"}, "CAD", "20.00"),
]


def test_a_line_costs_what_its_price_says(api: Api, subtests: pytest.Subtests) -> None:
    for price, usage, currency, amount in PRICES:
        with subtests.test(price=price, usage=usage):
            answer = api.post("/v1/invoices/preview", invoice(sold(price, **usage), currency=currency), expect=200)
            (line,) = answer["lines"]
            assert (line["amount"], answer["subtotal"], answer["total"]) == (amount, amount, amount)
            assert worth(line) == Decimal(amount)


def amounts(*texts: str) -> list[Body]:
    return [sold(standard(text)) for text in texts]


DISCOUNTS: list[tuple[list[Body], list[Body], str, str, str]] = [
    # lines, discounts, discount, tax of 13 %, total
    (amounts("100"), [{"percent": "10"}], "10.00", "11.70", "101.70"),
    (amounts("100"), [{"percent": "10"}, {"amount": "5.00"}], "15.00", "11.05", "96.05"),
    (amounts("100"), [{"amount": "5.00"}, {"percent": "10"}], "14.50", "11.12", "96.62"),  # 85.50 × 13 % = 11.115
    (amounts("100"), [{"percent": "100"}], "100.00", "0.00", "0.00"),
    (amounts("100"), [{"amount": "500"}], "100.00", "0.00", "0.00"),  # no more than there is
    (amounts("0.33", "0.33", "0.34"), [{"percent": "10"}], "0.10", "0.12", "1.02"),  # 0.90 × 13 % = 0.117
    (amounts("10", "30"), [{"amount": "1"}], "1.00", "5.07", "44.07"),  # 39.00 × 13 %
    (amounts("100", "-50"), [{"percent": "10"}], "10.00", "5.20", "45.20"),  # a credit keeps its worth
    (amounts("0"), [{"percent": "10"}], "0.00", "0.00", "0.00"),
]


def test_discounts_come_in_their_order_and_before_taxes(api: Api, subtests: pytest.Subtests) -> None:
    for lines, discounts, *expected in DISCOUNTS:
        with subtests.test(discounts=discounts):
            body = invoice(*lines, discounts=discounts, **ONTARIO)
            answer = api.post("/v1/invoices/preview", body, expect=200)
            assert [answer["discount"], answer["tax"], answer["total"]] == expected
            assert sum(Decimal(line["discount"]) for line in answer["lines"]) == Decimal(answer["discount"])


@pytest.mark.parametrize(
    ("lines", "rounding", "tax", "each"),
    [
        (amounts("0.33", "0.33", "0.34"), "invoice", "0.13", ["0.04", "0.04", "0.05"]),
        (amounts("0.33", "0.33", "0.34"), "line", "0.12", ["0.04", "0.04", "0.04"]),
        (amounts("0.04", "0.04"), "invoice", "0.01", ["0.01", "0.00"]),  # 1.04 cents
        (amounts("0.04", "0.04"), "line", "0.02", ["0.01", "0.01"]),
    ],
)
def test_a_tax_is_rounded_once_or_line_by_line(
    api: Api, lines: list[Body], rounding: str, tax: str, each: list[str]
) -> None:
    body = invoice(*lines, tax_rounding=rounding, **ONTARIO)
    answer = api.post("/v1/invoices/preview", body, expect=200)
    assert (answer["tax"], [line["tax"] for line in answer["lines"]]) == (tax, each)


def test_the_answer_has_every_field_of_the_contract(api: Api) -> None:
    body = invoice(sold(GRADUATED, quantity="1200"), discounts=[{"percent": "10"}], **ONTARIO)
    body["customer"] = buyer("CA-ON", exempt={"reason": "resale", "regions": ["BC"]})
    answer = api.post("/v1/invoices/preview", body, expect=200)
    (line,) = answer.pop("lines")
    steps = line.pop("derivation")
    assert answer == {
        "currency": "CAD",
        "subtotal": "55.00",
        "discount": "5.50",
        "tax": "6.44",  # 49.50 × 13 % = 6.435
        "total": "55.94",
        "taxes": [
            {
                "name": "HST",
                "jurisdiction": "CA-ON",
                "rate": "13",
                "taxable": "49.50",
                "amount": "6.44",
                "registration_number": "826393555RT0001",
            }
        ],
        "notes": [],
        "review_reason": None,
    }
    assert line == {
        "description": "Something",
        "quantity": "1200",
        "unit_amount": None,
        "amount": "55.00",
        "discount": "5.50",
        "tax": "6.44",
        "taxes": [{"name": "HST", "jurisdiction": "CA-ON", "rate": "13", "amount": "6.44"}],
    }
    assert [(step["step"], step["amount"]) for step in steps] == [
        ("graduated_tier", "50"),
        ("graduated_tier", "55"),
        ("round", "55.00"),
        ("discount", "49.50"),
        ("tax", "55.94"),
    ]
    assert all(step["text"] for step in steps)


def test_a_unit_amount_and_a_quantity_are_plain_decimals(api: Api) -> None:
    body = invoice(sold(standard("0.0050"), quantity="1e3"))
    (line,) = api.post("/v1/invoices/preview", body, expect=200)["lines"]
    assert (line["quantity"], line["unit_amount"], line["amount"]) == ("1000", "0.005", "5.00")


def test_a_preview_for_a_stored_customer_is_the_invoice_they_get(
    app: Flask, tenant: str, api: Api, shop: Shop, at: Any
) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
    api.patch(f"/v1/customers/{shop.customer}", {"external_id": "crm-7"})
    lines = [{"description": "Hours", "unit_amount": "80.505", "quantity": "2.5"}]
    issued = api.post("/v1/invoices", {"customer": shop.customer, "lines": lines})
    asked = {"currency": "CAD", "lines": [sold(standard("80.505"), quantity="2.5", description="Hours")]}
    for customer in (shop.customer, "crm-7"):
        answer = api.post("/v1/invoices/preview", {**asked, "customer": customer}, expect=200)
        totals = ("subtotal", "discount", "tax", "total", "notes")
        assert [answer[name] for name in totals] == [issued[name] for name in totals]
        assert answer["tax"] == "26.16"  # 80.505 × 2.5 = 201.2625, so 201.26; × 13 % = 26.1638
        assert answer["lines"][0]["derivation"] == issued["lines"][0]["derivation"]


def rows(app: Flask, tenant: str) -> dict[str, int]:
    """How many rows of the tenant each table has."""
    with app.app_context(), tenant_scope(tenant):
        tables = [table for table in db.metadata.sorted_tables if "tenant_id" in table.c]
        return {table.name: session().scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_a_key_that_reads_may_preview_and_nothing_is_stored(app: Flask, tenant: str, shop: Shop) -> None:
    reader = Api(app, key_of(app, tenant, "read"))
    before = rows(app, tenant)
    reader.post("/v1/invoices/preview", invoice(hundred(), customer=shop.customer), expect=200)
    reader.post("/v1/subscriptions/preview", subscription(shop.plan, "2026-01-31", customer=shop.customer), expect=200)
    assert rows(app, tenant) == before


def test_an_idempotency_key_does_no_harm(api: Api) -> None:
    for path, body in (
        ("/v1/invoices/preview", invoice(hundred(), at=AT)),
        ("/v1/subscriptions/preview", subscription(plan("30"), "2026-01-31")),
    ):
        first = api("POST", path, body, expect=200, Idempotency_Key=path)
        again = api("POST", path, body, expect=200, Idempotency_Key=path)
        assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")


def test_a_hundred_lines_and_a_thousand_events_are_taken(api: Api) -> None:
    many = api.post("/v1/invoices/preview", invoice(*[hundred()] * 100, **ONTARIO), expect=200)
    assert (many["subtotal"], many["tax"]) == ("10000.00", "1300.00")
    fees = api.post("/v1/invoices/preview", invoice(sold(FEE, events=["1"] * 1000)), expect=200)
    assert (fees["lines"][0]["quantity"], fees["total"]) == ("1000", "329.00")  # 1000 × 2.9 % + 1000 × 0.30


def test_previews_say_what_would_be_set_aside(app: Flask, tenant: str, api: Api, shop: Shop) -> None:
    """More than 30 is looked at first. The shop's plan is 30.00."""
    with app.app_context(), tenant_scope(tenant), transaction():
        tenant_settings.change_settings({"review_amount": 30}, datetime.now(UTC))
    said = "This invoice would come to 100.00 CAD before tax, and more than 30 is looked at first."
    assert api.post("/v1/invoices/preview", invoice(hundred()), expect=200)["review_reason"] == said
    assert api.post("/v1/invoices/preview", invoice(sold(standard("30"))), expect=200)["review_reason"] is None
    later = {"at": "2026-01-15T00:00:00Z", "quantity": 2, "proration": "next_period"}
    seats = {"changes": [later], "cycles": 2}
    ahead = api.post("/v1/subscriptions/preview", subscription(plan("20"), "2026-01-01", **seats), expect=200)
    assert [bool(one["review_reason"]) for one in ahead["invoices"]] == [False, True]
    running = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "collection": "manual"})
    path = f"/v1/subscriptions/{running['id']}"
    change = {"quantity": 5, "proration": "full"}
    assert "120.00 CAD" in api.post(f"{path}/change/preview", change, expect=200)["invoice"]["review_reason"]
    assert api.get(f"{path}/next-invoice")["review_reason"] is None
    api.post(f"{path}/change", change, expect=200)
    assert "150.00 CAD" in api.get(f"{path}/next-invoice")["review_reason"]
