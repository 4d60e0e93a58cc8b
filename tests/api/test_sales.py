"""Coupons, drafts, items, credit notes, balances and write-offs over the API.

The shop's seller is in Ontario but has no tax number, so nothing is taxed unless a test says so; the plan is 30.00 CAD.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.db import tenant_scope, transaction
from app.ids import new_id
from app.models import Subscription
from app.queries.base import get
from tests.api.conftest import Api, Shop, invoice_to_pay

LINE = {"description": "Work", "unit_amount": "100.00"}


def paid_invoice(api: Api, shop: Shop) -> Mapping[str, Any]:
    api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    invoice = invoice_to_pay(api, shop.customer)
    assert api.post(f"/v1/invoices/{invoice['id']}/pay")["status"] == "succeeded"
    return invoice


def balance(api: Api, shop: Shop) -> str:
    found: str = api.get(f"/v1/customers/{shop.customer}/balance")["balance"]
    return found


def test_a_coupon_is_added_changed_archived_and_given_out_again(api: Api) -> None:
    added = api.post("/v1/coupons", {"code": "SPRING", "percent": "12.5", "duration": "repeating", "periods": 3})
    assert (added["percent"], added["amount"], added["periods"], added["redeemed"]) == ("12.5", None, 3, 0)
    path = f"/v1/coupons/{added['id']}"
    changed = api.patch(path, {"name": "Spring sale", "max_redemptions": 10, "metadata": {"a": "b"}})
    assert (changed["name"], changed["max_redemptions"], changed["metadata"]) == ("Spring sale", 10, {"a": "b"})
    assert api.patch(path, {"archived": True})["archived_at"]
    assert api.get("/v1/coupons")["data"] == []
    assert [one["id"] for one in api.get("/v1/coupons?archived=true")["data"]] == [added["id"]]
    assert api.patch(path, {"archived": False})["archived_at"] is None
    assert api.get(path)["name"] == "Spring sale"


def test_a_subscription_is_sold_with_a_coupon(api: Api, shop: Shop) -> None:
    api.post("/v1/coupons", {"code": "TENTH", "percent": "10"})
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "coupon": "TENTH"})
    (invoice,) = api.get(f"/v1/invoices?subscription={sold['id']}")["data"]
    assert (invoice["subtotal"], invoice["discount"], invoice["total"]) == ("30.00", "3.00", "27.00")  # 10 % of 30.00
    (redemption,) = api.get(f"/v1/redemptions?subscription={sold['id']}")["data"]
    assert (redemption["code"], redemption["used"], redemption["active"]) == ("TENTH", 1, False)


def test_a_coupon_is_given_to_a_customer_and_taken_back(api: Api, shop: Shop) -> None:
    api.post("/v1/coupons", {"code": "FIVE", "amount": "5.00", "currency": "CAD", "duration": "forever"})
    given = api.post("/v1/redemptions", {"coupon": "FIVE", "customer": shop.customer})
    assert invoice_to_pay(api, shop.customer)["total"] == "95.00"  # 100.00 less 5.00
    assert api("DELETE", f"/v1/redemptions/{given['id']}", expect=200).json["ended_at"]
    assert invoice_to_pay(api, shop.customer)["total"] == "100.00"
    assert api.get(f"/v1/redemptions?customer={shop.customer}")["data"] == []
    assert len(api.get(f"/v1/redemptions?customer={shop.customer}&ended=true")["data"]) == 1


def test_an_unknown_coupon_sells_nothing(api: Api, shop: Shop) -> None:
    body = {"customer": shop.customer, "plan": shop.plan, "coupon": "NOPE"}
    refused = api.post("/v1/subscriptions", body, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("coupon_unknown", "coupon")
    assert api.get("/v1/subscriptions")["data"] == []


# what the coupon is like, the status and code of the refusal, and its sentence
UNREDEEMABLE: list[tuple[dict[str, Any], int, str, str]] = [
    ({"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}, 409, "coupon_expired", "expired on "),
    ({"max_redemptions": 1}, 409, "coupon_limit_reached", "has been used up."),
    ({"max_per_customer": 1}, 409, "coupon_customer_limit_reached", "was already used by this customer as often as"),
    ({"percent": None, "amount": "5", "currency": "USD"}, 422, "coupon_wrong_currency", "is in USD and cannot be used"),
    ({"archived": True}, 409, "coupon_archived", "is not given out any more."),
]


def test_a_coupon_that_cannot_be_redeemed_is_refused_wherever_it_is_given(
    api: Api, shop: Shop, subtests: pytest.Subtests
) -> None:
    """With a sale, to a customer and to a subscription: nothing is sold, redeemed, counted or invoiced."""
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})["id"]
    customer = {"customer": shop.customer}
    given = (
        ("subscriptions", {**customer, "plan": shop.plan}),
        ("redemptions", customer),
        ("redemptions", {**customer, "subscription": sold}),
    )
    for number, (values, status, code, sentence) in enumerate(UNREDEEMABLE):
        with subtests.test(code=code):
            name = f"GONE{number}"
            is_archived = values.get("archived", False)
            terms = {name: value for name, value in values.items() if name != "archived"}
            coupon = api.post("/v1/coupons", {"code": name, "percent": "10", **terms})
            if is_archived:
                api.patch(f"/v1/coupons/{coupon['id']}", {"archived": True})
            if "limit" in code:
                api.post("/v1/redemptions", {**customer, "coupon": name})
            before = counted(api, coupon["id"])
            for noun, body in given:
                refused = api.post(f"/v1/{noun}", {**body, "coupon": name}, expect=status)
                assert (refused["code"], refused["errors"][0]["field"]) == (code, "coupon")
                assert refused["detail"].startswith(f"The coupon “{name}” {sentence}")
            assert counted(api, coupon["id"]) == before


def counted(api: Api, coupon: str) -> tuple[int, ...]:
    """How often a coupon was redeemed, and how much there is of what could be half-written."""
    lists = (api.get(f"/v1/{noun}")["data"] for noun in ("subscriptions", "redemptions", "invoices"))
    return api.get(f"/v1/coupons/{coupon}")["redeemed"], *(len(rows) for rows in lists)


def test_a_draft_is_changed_line_by_line_and_finalised(api: Api, shop: Shop) -> None:
    draft = api.post("/v1/invoices", {"customer": shop.customer, "lines": [LINE], "draft": True})
    assert (draft["status"], draft["number"], draft["total"]) == ("draft", None, "100.00")
    path = f"/v1/invoices/{draft['id']}"
    with_hours = api.post(f"{path}/lines", {"description": "Hours", "unit_amount": "80.50", "quantity": "2.5"})
    assert with_hours["total"] == "301.25"  # 100.00 + 201.25
    first, hours = with_hours["lines"]
    assert api.patch(f"{path}/lines/{hours['id']}", {"quantity": "2"})["total"] == "261.00"  # 100.00 + 161.00
    assert api("DELETE", f"{path}/lines/{first['id']}", expect=200).json["total"] == "161.00"
    final = api.post(f"{path}/finalize", expect=200)
    assert (final["status"], final["number"], final["amount_due"]) == ("open", "INV-000001", "161.00")
    assert api.post(f"{path}/finalize", expect=409)["code"] == "not_a_draft"
    assert api.post(f"{path}/lines", LINE, expect=409)["code"] == "not_a_draft"


def test_an_invoice_is_replaced_by_a_draft_that_can_be_corrected(api: Api, shop: Shop) -> None:
    wrong = invoice_to_pay(api, shop.customer)
    draft = api.post(f"/v1/invoices/{wrong['id']}/replace")
    assert (draft["status"], draft["total"], draft["memo"]) == ("draft", "100.00", "Replaces INV-000001.")
    old = api.get(f"/v1/invoices/{wrong['id']}")
    assert (old["status"], old["number"], old["replaced_by"]) == ("void", "INV-000001", draft["id"])
    assert api.post(f"/v1/invoices/{draft['id']}/finalize", expect=200)["number"] == "INV-000002"


def test_items_wait_for_the_next_invoice(api: Api, shop: Shop) -> None:
    kept = api.post("/v1/invoice-items", {"customer": shop.customer, **LINE})
    dropped = api.post("/v1/invoice-items", {"customer": shop.customer, **LINE})
    assert api("DELETE", f"/v1/invoice-items/{dropped['id']}", expect=204).data == b""
    assert [one["id"] for one in api.get("/v1/invoice-items?waiting=true")["data"]] == [kept["id"]]
    invoice = invoice_to_pay(api, shop.customer, "20.00")
    assert invoice["total"] == "120.00"
    assert api.get(f"/v1/invoice-items/{kept['id']}")["invoice"] == invoice["id"]
    assert api("DELETE", f"/v1/invoice-items/{kept['id']}", expect=409).json["code"] == "item_invoiced"


def test_credit_notes_are_previewed_and_sum_up_to_the_invoice(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    preview = api.post(f"{path}/preview", {"amount": "33.33"}, expect=200)
    assert (preview["total"], preview["off_invoice"], preview["refund"]) == ("33.33", "33.33", "0.00")
    assert api.get(path)["data"] == []
    first = api.post(path, {"amount": "33.33", "reason": "late"})
    assert (first["number"], first["total"], first["off_invoice"]) == ("CN-000001", "33.33", "33.33")
    line = invoice["lines"][0]["id"]
    assert api.post(path, {"lines": {line: "11.11"}})["lines"][0]["amount"] == "11.11"
    assert api.post(path)["total"] == "55.56"  # 100.00 - 33.33 - 11.11
    assert api.post(path, expect=409)["code"] == "nothing_left_to_credit"
    assert len(api.get(path)["data"]) == 3
    closed = api.get(f"/v1/invoices/{invoice['id']}")
    assert (closed["amount_credited"], closed["amount_due"]) == ("100.00", "0.00")
    pdf = api("GET", f"/v1/credit-notes/{first['id']}/pdf", expect=200)
    assert (pdf.data[:5], "CN-000001.pdf" in pdf.headers["Content-Disposition"]) == (b"%PDF-", True)
    assert api.get(f"/v1/credit-notes/{first['id']}")["reason"] == "late"
    assert len(api.get(f"/v1/credit-notes?customer={shop.customer}&limit=2")["data"]) == 2


def test_what_was_paid_goes_to_the_balance_and_pays_the_next_invoice(api: Api, shop: Shop) -> None:
    invoice = paid_invoice(api, shop)
    note = api.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": "40", "settle": "balance"})
    assert (note["to_balance"], note["refund"], balance(api, shop)) == ("40.00", "0.00", "40.00")
    following = invoice_to_pay(api, shop.customer, "25.00")
    assert (following["status"], following["amount_from_balance"]) == ("paid", "25.00")
    moves = api.get(f"/v1/customers/{shop.customer}/balance/moves")["data"]
    assert [(move["amount"], move["balance"]) for move in moves] == [("-25.00", "15.00"), ("40.00", "40.00")]


def test_a_balance_is_given_taken_back_and_spent_by_hand(api: Api, shop: Shop) -> None:
    path = f"/v1/customers/{shop.customer}/balance"
    invoice = invoice_to_pay(api, shop.customer)
    assert api.post(path, {"amount": "30.00", "reason": "sorry"}, expect=200)["balance"] == "30.00"
    assert api.post(path, {"amount": "-10"}, expect=200)["balance"] == "20.00"
    assert api.post(path, {"amount": "-20.01"}, expect=409)["code"] == "balance_too_low"
    spent = api.post(f"/v1/invoices/{invoice['id']}/apply-balance", expect=200)
    assert (spent["amount_from_balance"], spent["amount_due"], balance(api, shop)) == ("20.00", "80.00", "0.00")
    assert api.post(f"/v1/invoices/{invoice['id']}/apply-balance", expect=409)["code"] == "no_balance"


def test_an_invoice_is_written_off_and_can_still_be_paid(api: Api, shop: Shop) -> None:
    api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    invoice = invoice_to_pay(api, shop.customer)
    path = f"/v1/invoices/{invoice['id']}"
    given_up = api.post(f"{path}/write-off", {"reason": "bankrupt"}, expect=200)
    assert (given_up["status"], given_up["written_off_at"] is None) == ("uncollectible", False)
    assert api.post(f"{path}/write-off", expect=409)["code"] == "not_open"
    assert api.post(f"{path}/pay")["status"] == "succeeded"


def test_a_parked_subscription_is_listed_with_its_reason_and_released(
    app: Flask, api: Api, shop: Shop, tenant: str
) -> None:
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    with app.app_context(), tenant_scope(tenant), transaction():
        row = get(Subscription, sold["id"], lock=True)
        row.parked_reason, row.next_billing_at = "An invoice of 900 lines.", None
    (parked,) = api.get("/v1/subscriptions?parked=true")["data"]
    assert (parked["id"], parked["parked_reason"]) == (sold["id"], "An invoice of 900 lines.")
    released = api.post(f"/v1/subscriptions/{sold['id']}/release", expect=200)
    assert (released["parked_reason"], released["next_billing_at"]) == (None, sold["next_billing_at"])
    assert api.post(f"/v1/subscriptions/{sold['id']}/release", expect=409)["code"] == "not_parked"


COUPON = {"code": "A", "percent": "10"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"code": "A"}, "invalid_discount", "percent"),
        ({**COUPON, "amount": "5", "currency": "CAD"}, "invalid_discount", "percent"),
        ({**COUPON, "percent": "0"}, "percent_out_of_range", "percent"),
        ({**COUPON, "percent": "100.1"}, "percent_out_of_range", "percent"),
        ({**COUPON, "percent": 12.5}, "float_refused", "percent"),
        ({"code": "A", "amount": "5"}, "missing", "currency"),
        ({**COUPON, "currency": "CAD"}, "missing", "amount"),
        ({"code": "A", "amount": "5.001", "currency": "CAD"}, "too_precise", "amount"),
        ({"code": "A", "amount": "-5", "currency": "CAD"}, "amount_out_of_range", "amount"),
        ({**COUPON, "duration": "repeating"}, "invalid_periods", "periods"),
        ({**COUPON, "periods": 3}, "invalid_periods", "periods"),
        ({**COUPON, "duration": "twice"}, "invalid_choice", "duration"),
        ({**COUPON, "max_redemptions": 0}, "out_of_range", "max_redemptions"),
        ({**COUPON, "expires_at": "tomorrow"}, "invalid_instant", "expires_at"),
        ({**COUPON, "code": "  "}, "too_short", "code"),
        ({**COUPON, "code": "A" * 65}, "too_long", "code"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(api: Api, body: dict[str, Any], code: str, field: str) -> None:
    refused = api.post("/v1/coupons", body, expect=422)
    assert (refused["code"], [fault["field"] for fault in refused["errors"]]) == (code, [field])
    assert api.get("/v1/coupons?archived=true")["data"] == []


def test_a_coupon_does_not_change_what_it_grants(api: Api) -> None:
    path = f"/v1/coupons/{api.post('/v1/coupons', COUPON)['id']}"
    assert api.patch(path, {"percent": "50"}, expect=422)["errors"][0]["field"] == "percent"
    assert api.patch(path, {"max_redemptions": None})["max_redemptions"] is None
    assert api.post("/v1/coupons", COUPON, expect=409)["code"] == "code_taken"


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"amount": "0"}, 422, "credit_not_positive", "amount"),
        ({"amount": "1.001"}, 422, "too_precise", "amount"),
        ({"amount": "100.01"}, 409, "credit_exceeds_invoice", "amount"),
        ({"lines": {}}, 422, "too_few", "lines"),
        ({"lines": {"LINE": "-1"}}, 422, "credit_not_positive", "lines.LINE"),
        ({"lines": {"LINE": "100.01"}}, 409, "credit_exceeds_invoice", "lines.LINE"),
        ({"lines": {"OTHER": "1"}}, 422, "unknown_line", "lines.OTHER"),
        ({"amount": "1", "lines": {"LINE": "1"}}, 422, "ambiguous_credit", "amount"),
        ({"amount": "1", "settle": "cash"}, 422, "invalid_choice", "settle"),
    ],
)
def test_a_credit_that_is_none_is_refused(
    api: Api, shop: Shop, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    named = {"LINE": invoice["lines"][0]["id"], "OTHER": new_id("ivl")}
    sent = dict(body)
    if "lines" in body:
        sent["lines"] = {named[name]: amount for name, amount in body["lines"].items()}
    for path in ("credit-notes", "credit-notes/preview"):
        refused = api.post(f"/v1/invoices/{invoice['id']}/{path}", sent, expect=status)
        fields = [fault["field"] for fault in refused["errors"]]
        for name, line in named.items():
            fields = [one.replace(line, name) for one in fields]
        assert (refused["code"], fields) == (code, [field])
    assert api.get(f"/v1/invoices/{invoice['id']}")["amount_due"] == "100.00"


def test_nothing_of_another_tenant_is_reached(api: Api, other_api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    coupon = api.post("/v1/coupons", COUPON)
    note = api.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": "1"})
    for path in (
        f"coupons/{coupon['id']}",
        f"credit-notes/{note['id']}",
        f"credit-notes/{note['id']}/pdf",
        f"invoices/{invoice['id']}/credit-notes",
        f"customers/{shop.customer}/balance",
        f"customers/{shop.customer}/balance/moves",
    ):
        assert other_api.get(f"/v1/{path}", expect=404)["code"] == "not_found"
    for path in ("write-off", "finalize", "replace", "lines", "credit-notes", "apply-balance"):
        body = LINE if path == "lines" else {}
        assert other_api.post(f"/v1/invoices/{invoice['id']}/{path}", body, expect=404)["code"] == "not_found"
