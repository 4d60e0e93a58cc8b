"""Subscriptions that are only looked at. Plans of 31.00 make a day in January cost 1.00."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.db import tenant_scope, transaction
from app.services import tenants
from tests.api.conftest import Api, Shop
from tests.api.previewing import GST, ONTARIO, OSS, Body, buyer, instant, plan, subscription
from tests.api.test_previews import GRADUATED

CALENDAR = {"mode": "calendar"}


def invoices(answer: Body) -> str:
    """Day and amounts of the lines of each invoice: `01-01: 31.00, 01-18: -14.00 28.00`."""
    return ", ".join(
        f"{invoice['at'][5:10]}: {' '.join(line['amount'] for line in invoice['lines'])}"
        for invoice in answer["invoices"]
    )


JANUARY = "2026-01-01"
FIFTEENTH, LAST = {"mode": "day_of_month", "day": 15}, {"mode": "day_of_month", "day": 31}
ELEVENTH = {"mode": "date", "at": "2026-01-11T00:00:00Z"}
ARREARS = plan("31", bill="in_arrears")
USAGE = {"price": GRADUATED, "currency": "CAD", "interval": "month"}

PERIODS: list[tuple[Body, str, Body, str]] = [
    # plan, start, what else, invoices
    (plan("30"), "2026-01-31", {"cycles": 3}, "01-31: 30.00, 02-28: 30.00, 03-31: 30.00"),
    (plan("30"), "2028-01-31", {"cycles": 2}, "01-31: 30.00, 02-29: 30.00"),
    (plan("7", "week"), JANUARY, {"cycles": 2}, "01-01: 7.00, 01-08: 7.00"),
    (plan("90", interval_count=3), "2026-01-31", {"cycles": 2}, "01-31: 90.00, 04-30: 90.00"),
    (plan("10"), JANUARY, {"cycles": 1, "quantity": "3"}, "01-01: 30.00"),
    (USAGE, JANUARY, {"cycles": 1, "quantity": 1200}, "01-01: 55.00"),
    (plan("30"), JANUARY, {"until": "2026-03-01T00:00:00Z"}, "01-01: 30.00, 02-01: 30.00"),
    (plan("30"), JANUARY, {"until": "2026-03-01T00:00:01Z", "cycles": 1}, "01-01: 30.00"),
    (plan("30", trial_days=14), "2026-01-17", {"cycles": 1}, "01-31: 30.00"),
    (ARREARS, JANUARY, {"cycles": 2}, "02-01: 31.00, 03-01: 31.00"),
    # a short first period
    (plan("31"), "2026-01-18", {"anchor": CALENDAR, "cycles": 2}, "01-18: 14.00, 02-01: 31.00"),
    (plan("31"), "2026-01-18", {"anchor": CALENDAR, "cycles": 1, "first_period": "full"}, "01-18: 31.00"),
    (plan("31"), "2026-01-18", {"anchor": CALENDAR, "cycles": 1, "first_period": "free"}, "01-18: 0.00"),
    (plan("31"), "2026-01-16T12:00", {"anchor": CALENDAR, "cycles": 1, "proration": "second"}, "01-16: 15.50"),
    (plan("31"), "2026-01-16T12:00", {"anchor": CALENDAR, "cycles": 1}, "01-16: 16.00"),  # 16 days of 31
    (plan("90", interval_count=3), "2026-02-15", {"anchor": CALENDAR, "cycles": 1}, "02-15: 45.00"),  # 45 of 90 days
    (plan("7", "week"), "2026-01-07", {"anchor": CALENDAR, "cycles": 1}, "01-07: 5.00"),  # Wednesday to Monday
    (plan("365", "year"), "2026-07-02", {"anchor": CALENDAR, "cycles": 1}, "07-02: 183.00"),
    (plan("31"), "2026-01-31", {"anchor": FIFTEENTH, "cycles": 2}, "01-31: 15.00, 02-15: 31.00"),
    (plan("28"), "2026-02-10", {"anchor": LAST, "cycles": 2}, "02-10: 18.00, 02-28: 28.00"),
    (plan("31"), JANUARY, {"anchor": ELEVENTH, "cycles": 1}, "01-01: 10.00"),
    (ARREARS, "2026-01-18", {"anchor": CALENDAR, "cycles": 1}, "02-01: 14.00"),
]


def test_a_period_is_invoiced_as_the_plan_says(api: Api, subtests: pytest.Subtests) -> None:
    for sold, start, more, expected in PERIODS:
        with subtests.test(plan=sold, start=start, more=more):
            answer = api.post("/v1/subscriptions/preview", subscription(sold, start, **more), expect=200)
            assert invoices(answer) == expected


MIDDLE, NOON = "2026-01-18", "2026-01-16T12:00"  # 14 and 15.5 of 31 days are left
CHANGES: list[tuple[Body, str, Body, str]] = [
    # plan, instant, change, invoices of two periods from 1 January on
    (plan("30"), MIDDLE, {"plan": plan("60")}, "01-01: 30.00, 01-18: -13.55 27.10, 02-01: 60.00"),
    (plan("31"), MIDDLE, {"plan": plan("62")}, "01-01: 31.00, 01-18: -14.00 28.00, 02-01: 62.00"),
    (plan("62"), MIDDLE, {"plan": plan("31")}, "01-01: 62.00, 01-18: -28.00 14.00, 02-01: 31.00"),
    (plan("31"), NOON, {"quantity": 2, "proration": "second"}, "01-01: 31.00, 01-16: -15.50 31.00, 02-01: 62.00"),
    (plan("31"), MIDDLE, {"plan": plan("62"), "proration": "none"}, "01-01: 31.00, 02-01: 62.00"),
    (plan("31"), MIDDLE, {"quantity": 2, "proration": "full"}, "01-01: 31.00, 01-18: -31.00 62.00, 02-01: 62.00"),
    (plan("31"), MIDDLE, {"plan": plan("62"), "proration": "next_period"}, "01-01: 31.00, 02-01: 62.00"),
    (plan("50"), MIDDLE, {"plan": plan("10"), "quantity": 8}, "01-01: 50.00, 01-18: -22.58 36.13, 02-01: 80.00"),
    (plan("31"), MIDDLE, {"plan": plan("365", "year")}, "01-01: 31.00, 01-18: -14.00 365.00"),
    (plan("31"), MIDDLE, {"plan": plan("365", "year"), "proration": "none"}, "01-01: 31.00, 01-18: 365.00"),
    (plan("31"), "2026-02-01", {"plan": plan("56")}, "01-01: 31.00, 02-01: 31.00, 02-01: -31.00 56.00"),
    (plan("30", trial_days=14), "2026-01-10", {"plan": plan("60")}, "01-15: 60.00, 02-15: 60.00"),
    (ARREARS, MIDDLE, {"plan": plan("62")}, "02-01: 17.00 28.00, 03-01: 62.00"),  # still in arrears
    (ARREARS, MIDDLE, {"plan": plan("62", bill="in_advance")}, "01-18: 28.00, 02-01: 17.00 62.00"),
]


def test_a_change_is_paid_for_as_it_asks(api: Api, subtests: pytest.Subtests) -> None:
    for sold, at, change, expected in CHANGES:
        with subtests.test(plan=sold, change=change):
            asked = subscription(sold, JANUARY, cycles=2, changes=[{"at": instant(at), **change}])
            assert invoices(api.post("/v1/subscriptions/preview", asked, expect=200)) == expected


def ending(at: str, mode: str = "now", credit: str = "none") -> Body:
    return {"cancel": {"at": instant(at), "mode": mode, "credit": credit}}


ENDS: list[tuple[Body, Body, str]] = [
    # plan, cancellation, invoices from 1 January on
    (plan("31"), ending(MIDDLE, credit="day"), "01-01: 31.00, 01-18: -14.00"),
    (plan("31"), ending(NOON, credit="second"), "01-01: 31.00, 01-16: -15.50"),
    (plan("31"), ending(MIDDLE), "01-01: 31.00"),
    (plan("31"), ending(MIDDLE, "period_end", "day"), "01-01: 31.00"),
    (ARREARS, ending(MIDDLE), "01-18: 17.00"),
    (ARREARS, ending(MIDDLE, "period_end"), "02-01: 31.00"),
    (plan("30", trial_days=14), ending("2026-01-05"), ""),
    ({**plan("1000"), "currency": "JPY"}, ending(NOON, credit="second"), "01-01: 1000, 01-16: -500"),
    ({**plan("31.000"), "currency": "KWD"}, ending(MIDDLE, credit="day"), "01-01: 31.000, 01-18: -14.000"),
]


def test_the_end_gives_back_what_it_asks(api: Api, subtests: pytest.Subtests) -> None:
    for sold, end, expected in ENDS:
        with subtests.test(plan=sold, end=end):
            answer = api.post("/v1/subscriptions/preview", subscription(sold, JANUARY, **end), expect=200)
            assert invoices(answer) == expected


def test_changes_are_told_one_from_the_other_in_order_of_time(api: Api) -> None:
    changes = [{"at": instant("2026-01-21"), "quantity": 3}, {"at": instant("2026-01-11"), "plan": plan("62")}]
    asked = subscription(plan("31"), JANUARY, cycles=1, changes=changes)
    answer = api.post("/v1/subscriptions/preview", asked, expect=200)
    # 21 days left: -21.00 + 42.00; then 11 days left of 62.00: -22.00 and 3 × 22.00
    assert invoices(answer) == "01-01: 31.00, 01-11: -21.00 42.00, 01-21: -22.00 66.00"


def test_29_february_comes_back_after_three_common_years(api: Api) -> None:
    asked = subscription(plan("100", "year"), "2028-02-29", cycles=5)
    answer = api.post("/v1/subscriptions/preview", asked, expect=200)
    starts = ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    assert [paid["start"][:10] for paid in answer["periods"]] == starts


# March 2026 has 743 hours in Toronto, November 721.
@pytest.mark.parametrize(
    ("start", "amount", "at", "end", "fraction", "lines"),
    [
        ("2026-03-01T05:00", "743", "2026-03-08T05:00", "2026-04-01T04:00:00Z", "575/743", "-575.00 1150.00"),
        ("2026-03-01T05:00", "743", "2026-03-09T04:00", "2026-04-01T04:00:00Z", "552/743", "-552.00 1104.00"),
        ("2026-11-01T04:00", "721", "2026-11-02T05:00", "2026-12-01T05:00:00Z", "696/721", "-696.00 1392.00"),
    ],
)
def test_hours_count_as_they_pass_when_clocks_are_set(
    api: Api, start: str, amount: str, at: str, end: str, fraction: str, lines: str
) -> None:
    asked = subscription(
        plan(amount),
        start,
        timezone="America/Toronto",
        proration="second",
        cycles=1,
        changes=[{"at": instant(at), "quantity": 2}],
    )
    answer = api.post("/v1/subscriptions/preview", asked, expect=200)
    assert answer["periods"][0]["end"] == end
    assert invoices(answer).endswith(f": {lines}")
    assert {line["fraction"] for line in answer["invoices"][1]["lines"]} == {fraction}


def test_the_answer_has_every_field_of_the_contract(api: Api) -> None:
    asked = subscription(
        plan("30", name="Team"),
        "2026-01-01",
        cycles=1,
        changes=[{"at": instant("2026-01-18"), "plan": plan("60", name="Crew")}],
    )
    answer = api.post("/v1/subscriptions/preview", asked, expect=200)
    assert answer["invoices"][1].pop("lines")[1:] == [
        {
            "kind": "proration_charge",
            "description": "Remaining time on Crew",
            "period_start": "2026-01-18T00:00:00Z",
            "period_end": "2026-02-01T00:00:00Z",
            "quantity": "1",
            "unit_amount": "60",
            "fraction": "14/31",
            "amount": "27.10",
            "discount": "0.00",
            "tax": "0.00",
            "taxes": [],
            "derivation": [
                {
                    "step": "units",
                    "text": "1 × 60",
                    "amount": "60",
                    "values": {"quantity": "1", "free_units": "0", "unit_amount": "60"},
                },
                {
                    "step": "prorate",
                    "text": "14/31 of the period, counted by day",
                    "amount": "840/31",
                    "values": {"numerator": "14", "denominator": "31", "counted_by": "day"},
                },
                {"step": "round", "text": "Rounded to 27.10 CAD", "amount": "27.10", "values": {"currency": "CAD"}},
            ],
        }
    ]
    (first,) = answer["invoices"].pop(0)["lines"]
    assert (first["kind"], first["description"], first["fraction"]) == ("recurring", "Team", "1")
    assert answer == {
        "currency": "CAD",
        "periods": [{"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z", "amount": "43.55"}],
        "invoices": [
            {
                "at": "2026-01-18T00:00:00Z",
                "subtotal": "13.55",
                "discount": "0.00",
                "tax": "0.00",
                "total": "13.55",
                "taxes": [],
                "notes": [],
                "review_reason": None,
            }
        ],
        "statuses": [{"at": "2026-01-01T00:00:00Z", "status": "active"}],
        "next_invoice_at": "2026-02-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("sold", "more", "statuses", "following"),
    [
        (plan("30"), {}, ["01-01 active"], "2027-01-01T00:00:00Z"),  # 12 cycles
        (plan("30", trial_days=14), {"cycles": 1}, ["01-01 trialing", "01-15 active"], "2026-02-15T00:00:00Z"),
        (plan("30"), ending("2026-01-18"), ["01-01 active", "01-18 canceled"], None),
        (plan("30"), ending("2026-01-18", "period_end"), ["01-01 active", "02-01 canceled"], None),
        (ARREARS, {"until": "2026-01-20T00:00:00Z"}, ["01-01 active"], "2026-02-01T00:00:00Z"),
    ],
)
def test_statuses_and_the_next_invoice_are_told(
    api: Api, sold: Body, more: Body, statuses: list[str], following: str | None
) -> None:
    answer = api.post("/v1/subscriptions/preview", subscription(sold, JANUARY, **more), expect=200)
    assert [f"{each['at'][5:10]} {each['status']}" for each in answer["statuses"]] == statuses
    assert answer["next_invoice_at"] == following


NOVA_SCOTIA = {"customer": buyer("CA-NS"), "registrations": [GST]}  # 15 %, from 1 April 2025 on 14 %
GERMANY = {
    "customer": buyer("DE", "business", tax_ids=[{"type": "eu_vat", "value": "DE123456789", "status": "valid"}]),
    "registrations": [OSS],
}
HALF_OFF, TENTH_OFF, FIVE_OFF = [{"percent": "50"}], [{"percent": "10"}], [{"amount": "5"}]
DOUBLED = {"changes": [{"at": instant(MIDDLE), "quantity": 2}]}
TAXED: list[tuple[Body, str, Body, list[str]]] = [
    # plan, start, what else; subtotal, discount, tax and total of each invoice
    (plan("100"), JANUARY, ONTARIO, ["100.00 0.00 13.00 113.00"]),
    (plan("100"), JANUARY, {**ONTARIO, "discounts": TENTH_OFF}, ["100.00 10.00 11.70 101.70"]),
    (plan("113", tax_behavior="inclusive"), JANUARY, ONTARIO, ["113.00 0.00 13.00 113.00"]),
    (plan("100", tax_category="exempt"), JANUARY, ONTARIO, ["100.00 0.00 0.00 100.00"]),
    (plan("100"), "2025-03-31", NOVA_SCOTIA, ["100.00 0.00 15.00 115.00"]),
    (plan("100"), "2025-04-02", NOVA_SCOTIA, ["100.00 0.00 14.00 114.00"]),
    (plan("100"), JANUARY, GERMANY, ["100.00 0.00 0.00 100.00"]),
    # a credit is taxed as the invoice was: 10 of 31 days at 15 %
    (
        plan("31"),
        "2025-03-15",
        {**NOVA_SCOTIA, **ending("2025-04-05", credit="day")},
        ["31.00 0.00 4.65 35.65", "-10.00 0.00 -1.50 -11.50"],
    ),
    # and gives back the price that was paid: 15.50 × 21/31
    (
        plan("31"),
        JANUARY,
        {**ending("2026-01-11", credit="day"), "discounts": HALF_OFF},
        ["31.00 15.50 0.00 15.50", "-10.50 0.00 0.00 -10.50"],
    ),
    # a fixed amount is off once a period, 14/31 of it for the rest of one; 25.00 × 14/31 = 11.29 is given back
    (plan("30"), JANUARY, {**DOUBLED, "discounts": FIVE_OFF}, ["30.00 5.00 0.00 25.00", "15.81 2.26 0.00 13.55"]),
]


def test_invoices_to_come_are_discounted_and_taxed(api: Api, subtests: pytest.Subtests) -> None:
    for sold, start, more, expected in TAXED:
        with subtests.test(plan=sold, more=more):
            asked = subscription(sold, start, cycles=1, **more)
            answer = api.post("/v1/subscriptions/preview", asked, expect=200)
            names = ("subtotal", "discount", "tax", "total")
            assert [" ".join(invoice[name] for name in names) for invoice in answer["invoices"]] == expected


def test_a_note_stands_on_an_invoice_whose_tax_the_buyer_accounts_for(api: Api) -> None:
    asked = subscription(plan("100"), JANUARY, cycles=1, **GERMANY)
    (invoice,) = api.post("/v1/subscriptions/preview", asked, expect=200)["invoices"]
    assert (invoice["notes"], invoice["taxes"]) == (["Reverse charge"], [])


def test_a_stored_plan_and_customer_are_previewed_as_they_are_sold(
    app: Flask, tenant: str, api: Api, shop: Shop, at: Any
) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
    bought = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "quantity": 3})
    (issued,) = api.get(f"/v1/invoices?subscription={bought['id']}")["data"]
    asked = {"customer": shop.customer, "plan": shop.plan, "quantity": 3, "start_at": bought["started_at"], "cycles": 1}
    answer = api.post("/v1/subscriptions/preview", asked, expect=200)
    (invoice,) = answer["invoices"]
    names = ("subtotal", "discount", "tax", "total")
    assert [invoice[name] for name in names] == [issued[name] for name in names] == ["90.00", "0.00", "11.70", "101.70"]
    assert answer["periods"][0]["end"] == bought["current_period_end"]
    assert invoice["lines"][0]["description"] == "Team"


def test_a_stored_plan_brings_its_trial_and_its_taxes(api: Api, shop: Shop) -> None:
    fields = {"product": shop.product, "name": "Tried", "currency": "CAD", "interval": "month", "amount": "113.00"}
    tried = api.post("/v1/plans", {**fields, "trial_days": 14, "tax_behavior": "inclusive"})["id"]
    answer = api.post("/v1/subscriptions/preview", subscription(tried, JANUARY, cycles=1, **ONTARIO), expect=200)
    assert [each["status"] for each in answer["statuses"]] == ["trialing", "active"]
    assert (answer["invoices"][0]["at"], answer["invoices"][0]["total"]) == ("2026-01-15T00:00:00Z", "113.00")


def test_a_change_between_stored_and_given_plans_is_previewed(api: Api, shop: Shop) -> None:
    for before, after, expected in (
        (shop.plan, plan("60"), "01-01: 30.00, 01-18: -13.55 27.10"),
        (plan("60"), shop.plan, "01-01: 60.00, 01-18: -27.10 13.55"),
    ):
        asked = subscription(before, JANUARY, cycles=1, changes=[{"at": instant(MIDDLE), "plan": after}])
        assert invoices(api.post("/v1/subscriptions/preview", asked, expect=200)) == expected


def test_a_subscription_starts_now_unless_it_says_when(api: Api) -> None:
    before = datetime.now(UTC)
    answer = api.post("/v1/subscriptions/preview", {"plan": plan("30"), "cycles": 1}, expect=200)
    assert before <= datetime.fromisoformat(answer["periods"][0]["start"]) <= datetime.now(UTC)


def test_what_is_null_is_what_is_left_out(api: Api) -> None:
    nothing = dict.fromkeys(["customer", "registrations", "until", "cycles", "cancel", "anchor"])
    for more in ({}, nothing):
        answer = api.post("/v1/subscriptions/preview", subscription(plan("30"), JANUARY, **more), expect=200)
        assert len(answer["periods"]) == 12


def test_a_thousand_periods_are_shown(api: Api) -> None:
    answer = api.post("/v1/subscriptions/preview", subscription(plan("1", "day"), JANUARY, cycles=1000), expect=200)
    assert (len(answer["periods"]), len(answer["invoices"])) == (1000, 1000)
    assert answer["next_invoice_at"] == "2028-09-27T00:00:00Z"  # 1000 days after 1 January 2026
