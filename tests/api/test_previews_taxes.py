"""Taxes of previews: by place and day, by the seller's numbers, by the customer's status; own rates and reference."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from flask import Flask

from app.api.schemas.previews import Scheme
from app.db import tenant_scope, transaction
from app.domain.tax_tables.canada import RATES
from app.domain.taxes import Registration, TaxRate
from app.services import tenants
from app.services.previews import REFERENCE_RATES
from tests.api.conftest import OTHER_SELLER, Api, key_of
from tests.api.previewing import AT, GST, OSS, PST_BC, QST, Body, buyer, hundred, invoice, tax_number

RST_ON, PST_PE = tax_number("CA-ON", "rst"), tax_number("CA-PE", "pst")
CANADA = [GST, QST, PST_BC, RST_ON, PST_PE]
UK, GERMAN_VAT = tax_number("GB", "vat", "123456789"), tax_number("DE", "vat", "DE999999999")


def vat_id(value: str, status: str = "valid") -> Body:
    return {"tax_ids": [{"type": "eu_vat", "value": value, "status": status}]}


def exempt(reason: str, *regions: str) -> Body:
    return {"exempt": {"reason": reason, "regions": list(regions)}}


PLACES: list[tuple[str, str, str, list[Body], str]] = [
    # place, instant, category, the seller's numbers, taxes on 100.00
    ("CA-ON", AT, "saas", CANADA, "HST 13.00"),
    ("CA-ON", "2010-06-30T12:00:00Z", "goods", CANADA, "GST 5.00 RST 8.00"),
    ("CA-QC", AT, "saas", CANADA, "GST 5.00 QST 9.98"),  # 9.975
    ("CA-QC", "2012-12-31T12:00:00Z", "saas", CANADA, "GST 5.00 QST 9.98"),  # 9.5 % of 105.00
    ("CA-QC", AT, "saas", [GST], "GST 5.00"),
    ("CA-BC", AT, "saas", CANADA, "GST 5.00 PST 7.00"),
    ("CA-BC", AT, "service", CANADA, "GST 5.00"),
    ("CA-BC", "2013-03-31T12:00:00Z", "saas", CANADA, "HST 12.00"),
    ("CA-BC", AT, "exempt", CANADA, ""),
    ("CA-NS", "2025-03-31T12:00:00Z", "saas", CANADA, "HST 15.00"),
    ("CA-NS", "2025-04-01T03:59:59Z", "saas", CANADA, "HST 15.00"),  # still March where the seller is
    ("CA-NS", "2025-04-01T04:00:00Z", "saas", CANADA, "HST 14.00"),
    ("CA-PE", "2013-03-31T12:00:00Z", "goods", CANADA, "GST 5.00 PST 10.50"),  # 10 % of 105.00
    ("CA-PE", AT, "saas", CANADA, "HST 15.00"),
    ("CA-AB", AT, "saas", CANADA, "GST 5.00"),
    ("CA-ON", AT, "saas", [], ""),
    ("CA-ON", AT, "saas", [OSS], ""),
    ("DE", AT, "saas", [OSS], "VAT 19.00"),
    ("DE", AT, "saas", [tax_number("EU", "oss")], "VAT 19.00"),
    ("DE", "2020-07-01T12:00:00Z", "saas", [OSS], "VAT 16.00"),
    ("FI", AT, "saas", [OSS], "VAT 25.50"),
    ("GB", AT, "saas", [UK], "VAT 20.00"),
    ("GB", AT, "saas", [OSS], ""),
    ("US-NY", AT, "saas", [tax_number("US-NY", "sales_tax")], ""),  # there are no rates of the United States
]


def taxes(answer: Body) -> str:
    return " ".join(f"{tax['name']} {tax['amount']}" for tax in answer["taxes"])


def test_a_hundred_dollars_bear_the_taxes_of_the_place_and_day(api: Api, subtests: pytest.Subtests) -> None:
    for place, at, category, registrations, expected in PLACES:
        with subtests.test(place=place, at=at):
            body = invoice(hundred(tax_category=category), at=at, customer=buyer(place), registrations=registrations)
            answer = api.post("/v1/invoices/preview", body, expect=200)
            assert taxes(answer) == expected
            assert Decimal(answer["total"]) == 100 + Decimal(answer["tax"])


INSIDE: list[tuple[str, str, str, str, str]] = [
    # place, instant, price with taxes, taxes, what is taxed
    ("CA-ON", AT, "113.00", "HST 13.00", "100.00"),
    ("CA-QC", AT, "114.98", "GST 5.00 QST 9.98", "100.00"),
    ("CA-PE", "2013-03-31T12:00:00Z", "115.50", "GST 5.00 PST 10.50", "100.00"),
    ("DE", AT, "119.00", "VAT 19.00", "100.00"),
]


def test_taxes_inside_a_price_leave_it_what_it_is(api: Api, subtests: pytest.Subtests) -> None:
    for place, at, price, expected, taxable in INSIDE:
        with subtests.test(place=place):
            line = hundred(tax_behavior="inclusive", tax_category="goods")
            line["price"] = {"model": "standard", "unit_amount": price}
            body = invoice(line, at=at, customer=buyer(place), registrations=[*CANADA, OSS])
            answer = api.post("/v1/invoices/preview", body, expect=200)
            assert (answer["subtotal"], answer["total"], taxes(answer)) == (price, price, expected)
            assert answer["taxes"][0]["taxable"] == taxable


STATUSES: list[tuple[Body, list[Body], str, list[str]]] = [
    # customer, the seller's numbers, taxes on 100.00, notes
    (buyer("DE", "business", **vat_id("DE123456789")), [OSS], "", ["Reverse charge"]),
    (buyer("DE", "business", **vat_id("DE123456789")), [GERMAN_VAT], "", ["Reverse charge"]),  # the seller is in Canada
    (buyer("DE", "business", **vat_id("DE123456789", "unverified")), [OSS], "VAT 19.00", []),
    (buyer("DE", "business", **vat_id("DE123456789", "invalid")), [OSS], "VAT 19.00", []),
    (buyer("DE", "consumer", **vat_id("DE123456789")), [OSS], "VAT 19.00", []),
    (buyer("GR", "business", **vat_id("EL123456789")), [OSS], "", ["Reverse charge"]),
    (buyer("FR", "business", **vat_id("DE123456789")), [OSS], "VAT 20.00", []),
    (buyer("CA-BC", **exempt("resale")), CANADA, "GST 5.00", ["Tax exempt: resale"]),
    (buyer("CA-BC", **exempt("resale", "ON")), CANADA, "GST 5.00 PST 7.00", []),
    (buyer("CA-ON", **exempt("diplomat")), CANADA, "", ["Tax exempt: diplomat"]),
    (buyer("CA-ON", exempt=False), CANADA, "HST 13.00", []),
    ({"kind": "consumer"}, CANADA, "", []),  # nobody knows where
]


def test_who_the_customer_is_decides_who_bears_the_tax(api: Api, subtests: pytest.Subtests) -> None:
    for customer, registrations, expected, notes in STATUSES:
        with subtests.test(customer=customer):
            body = invoice(hundred(), customer=customer, registrations=registrations)
            answer = api.post("/v1/invoices/preview", body, expect=200)
            assert (taxes(answer), answer["notes"]) == (expected, notes)


def test_the_sellers_own_numbers_hold_unless_others_are_given(app: Flask, tenant: str, api: Api, at: datetime) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
    quebec = invoice(hundred(), customer=buyer("CA-QC"))
    for more, expected in (({}, "GST 5.00"), ({"registrations": [QST]}, "QST 9.98"), ({"registrations": []}, "")):
        assert taxes(api.post("/v1/invoices/preview", {**quebec, **more}, expect=200)) == expected


def api_of(app: Flask, rates: Sequence[TaxRate], at: datetime) -> Api:
    """An application of a seller who keeps these rates."""
    with app.app_context():
        seller = tenants.create(OTHER_SELLER, rates, at)
    return Api(app, key_of(app, seller, "read"))


def test_the_sellers_own_rates_go_before_those_of_the_reference(app: Flask, at: datetime) -> None:
    (harmonized,) = [rate for rate in RATES if rate.jurisdiction == "CA-ON" and rate.name == "HST"]
    seller = api_of(app, [replace(harmonized, percent=Decimal(20))], at)
    for place, expected in (("CA-ON", "HST 20.00"), ("CA-QC", "GST 5.00 QST 9.98"), ("IE", "VAT 23.00")):
        body = invoice(hundred(), customer=buyer(place), registrations=[*CANADA, OSS])
        assert taxes(seller.post("/v1/invoices/preview", body, expect=200)) == expected


def test_without_a_what_if_there_are_no_rates_but_the_sellers_own(app: Flask, at: datetime) -> None:
    seller = api_of(app, [], at)
    body: dict[str, Any] = invoice(hundred(), customer=buyer("CA-ON"))
    assert seller.post("/v1/invoices/preview", body, expect=200)["tax"] == "0.00"
    assert seller.post("/v1/invoices/preview", {**body, "registrations": [GST]}, expect=200)["tax"] == "13.00"


def test_every_scheme_that_can_be_named_covers_a_rate_of_the_reference() -> None:
    for scheme in set(get_args(Scheme)) - {"sales_tax"}:
        assert any(
            Registration(rate.country, rate.region, scheme, "1").covers(rate, rate.valid_from)
            for rate in REFERENCE_RATES
        ), scheme
