"""What each noun can do, from adding it to its end."""

from typing import Any

import pytest

from tests.api.conftest import Api, Shop, invoice_to_pay

ADDRESS = {"line1": "1 Front St", "city": "Toronto", "region": "ON", "postal_code": "M5V 2T6", "country": "CA"}


def test_a_customer_is_added_shown_changed_and_forgotten(api: Api) -> None:
    tax_id = {"type": "eu_vat", "value": "DE123456789", "status": "valid"}
    exempt = {"reason": "resale", "regions": ["BC"]}
    added = api.post(
        "/v1/customers",
        {
            "name": " Ada ",
            "email": "ada@example.com",
            "external_id": "crm/1",
            "kind": "consumer",
            "currency": "EUR",
            "timezone": "Europe/Berlin",
            "locale": "de_DE",
            "address": ADDRESS,
            "tax_ids": [tax_id],
            "exempt": exempt,
            "metadata": {"note": "é"},
        },
    )
    assert added == api.get(f"/v1/customers/{added['id']}")
    assert (added["name"], added["currency"], added["metadata"]) == ("Ada", "EUR", {"note": "é"})
    assert (added["tax_ids"], added["exempt"]) == ([tax_id], exempt)
    assert added["address"] == {"line2": None, **ADDRESS}
    changed = api.patch(f"/v1/customers/{added['id']}", {"name": "Eve", "exempt": False, "external_id": None})
    assert (changed["name"], changed["exempt"], changed["external_id"]) == ("Eve", None, None)
    assert changed["address"] == added["address"]
    assert api("DELETE", f"/v1/customers/{added['id']}", expect=204).data == b""
    forgotten = api.get(f"/v1/customers/{added['id']}")
    assert (forgotten["name"], forgotten["deleted_at"] is None) == ("Forgotten customer", False)
    assert api.get("/v1/customers")["data"] == []
    assert api.patch(f"/v1/customers/{added['id']}", {"name": "A"}, expect=409)["code"] == "customer_forgotten"


def test_a_customer_without_much_takes_after_the_seller(api: Api) -> None:
    added = api.post("/v1/customers", {"name": "Ada", "email": "ada@example.com"})
    assert (added["currency"], added["timezone"], added["kind"]) == ("CAD", "America/Toronto", "business")


def test_an_external_id_finds_its_customer_and_is_not_given_twice(api: Api) -> None:
    ada = {"name": "Ada", "email": "ada@example.com", "external_id": "crm-1"}
    added = api.post("/v1/customers", ada)
    api.post("/v1/customers", {**ada, "external_id": "crm-2"})
    assert [found["id"] for found in api.get("/v1/customers?external_id=crm-1")["data"]] == [added["id"]]
    taken = api.post("/v1/customers", ada, expect=409)
    assert (taken["code"], taken["errors"][0]["field"]) == ("external_id_taken", "external_id")


def test_a_list_is_walked_by_its_cursor_without_gap_or_double(api: Api) -> None:
    ids = [api.post("/v1/products", {"name": f"P{i}"})["id"] for i in range(5)]
    walked: list[str] = []
    path: str | None = "/v1/products?limit=2"
    while path:
        found = api.get(path)
        walked += [product["id"] for product in found["data"]]
        path = found["next_cursor"] and f"/v1/products?limit=2&cursor={found['next_cursor']}"
    assert walked == ids[::-1]


def test_a_product_gets_a_code_from_its_name(api: Api) -> None:
    added = api.post("/v1/products", {"name": "Équipe Pro – annuel"})
    assert added["code"] == "equipe-pro-annuel"
    assert api.post("/v1/products", {"name": "équipe pro annuel"}, expect=409)["code"] == "code_taken"
    changed = api.patch(f"/v1/products/{added['id']}", {"description": "More", "tax_category": "goods"})
    assert (changed["name"], changed["description"], changed["tax_category"]) == (
        "Équipe Pro – annuel",
        "More",
        "goods",
    )


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ({"amount": "30"}, "30.00"),
        ({"amount": 30}, "30.00"),
        ({"price": {"model": "standard", "unit_amount": "0.005"}}, "0.005"),
        ({"price": {"model": "standard", "unit_amount": "1", "free_units": "5"}}, None),
        ({"price": {"model": "package", "package_size": "10", "package_amount": "1"}}, None),
    ],
)
def test_a_plan_shows_the_price_of_a_unit_if_there_is_one(api: Api, shop: Shop, price: Any, amount: str | None) -> None:
    plan = {"product": shop.product, "name": "P", "currency": "CAD", "interval": "month", **price}
    assert api.post("/v1/plans", plan)["amount"] == amount


def test_a_changed_price_is_a_new_version_and_a_changed_name_is_not(api: Api, shop: Shop) -> None:
    subscription = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    renamed = api.patch(f"/v1/plans/{shop.plan}", {"name": "Crew"})
    assert (renamed["id"], renamed["version"]) == (shop.plan, 1)
    dearer = api.patch(f"/v1/plans/{shop.plan}", {"amount": "35.00"})
    assert (dearer["id"] == shop.plan, dearer["version"], dearer["amount"]) == (False, 2, "35.00")
    assert api.get(f"/v1/plans/{shop.plan}")["amount"] == "30.00"
    assert api.get(f"/v1/subscriptions/{subscription['id']}")["plan"] == shop.plan
    assert [plan["id"] for plan in api.get("/v1/plans")["data"]] == [dearer["id"]]
    assert len(api.get("/v1/plans?archived=true")["data"]) == 2


def test_a_second_plan_of_the_same_code_is_refused(api: Api, shop: Shop) -> None:
    plan = {"product": shop.product, "name": "Team", "amount": "1", "currency": "CAD", "interval": "year"}
    assert api.post("/v1/plans", plan, expect=409)["code"] == "code_taken"


def test_a_subscription_is_sold_and_invoiced(api: Api, shop: Shop) -> None:
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "quantity": 3})
    assert (sold["status"], sold["quantity"]) == ("incomplete", 3)
    (invoice,) = api.get(f"/v1/invoices?subscription={sold['id']}")["data"]
    assert (invoice["subtotal"], invoice["currency"], invoice["status"]) == ("90.00", "CAD", "open")
    (line,) = api.get(f"/v1/invoices/{invoice['id']}")["lines"]
    assert (line["quantity"], line["unit_amount"], line["amount"]) == ("3", "30", "90.00")
    assert line["derivation"][-1]["amount"] == "90.00"


def test_a_trial_costs_nothing_yet(api: Api, shop: Shop) -> None:
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "trial_days": 14})
    assert (sold["status"], sold["trial_end_at"]) == ("trialing", sold["current_period_end"])
    assert api.get(f"/v1/invoices?subscription={sold['id']}")["data"] == []


def test_a_subscription_is_anchored_where_it_is_asked_to_be(api: Api, shop: Shop) -> None:
    wanted = {"start_at": "2026-01-10T12:00:00-05:00", "anchor": {"mode": "day_of_month", "day": 31}}
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, **wanted})
    assert sold["current_period_start"] == "2026-01-10T17:00:00Z"
    assert sold["current_period_end"] == "2026-01-31T05:00:00Z"


def test_a_cancellation_is_planned_taken_back_and_done(api: Api, shop: Shop) -> None:
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan, "collection": "manual"})
    path = f"/v1/subscriptions/{sold['id']}"
    planned = api.post(f"{path}/cancel", {"at_period_end": True, "reason": "too dear"}, expect=200)
    assert (planned["status"], planned["cancel_at_period_end"], planned["cancel_reason"]) == (
        "active",
        True,
        "too dear",
    )
    assert api.post(f"{path}/uncancel", expect=200)["cancel_at_period_end"] is False
    assert api.post(f"{path}/uncancel", expect=409)["code"] == "not_canceling"
    assert api("DELETE", f"{path}?at_period_end=true", expect=200).json["cancel_at_period_end"] is True
    assert api.patch(path, {"cancel_at_period_end": False})["cancel_at_period_end"] is False
    assert api("DELETE", path, expect=200).json["status"] == "canceled"
    assert api("DELETE", path, expect=409).json["code"] == "subscription_ended"
    assert api.patch(path, {"metadata": {}}, expect=409)["code"] == "subscription_ended"


def test_a_subscription_changes_its_method_and_metadata(api: Api, shop: Shop, other_api: Api) -> None:
    method = api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})["id"]
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    changed = api.patch(f"/v1/subscriptions/{sold['id']}", {"payment_method": method, "metadata": {"a": "b"}})
    assert (changed["payment_method"], changed["metadata"]) == (method, {"a": "b"})
    assert api.patch(f"/v1/subscriptions/{sold['id']}", {"payment_method": None})["payment_method"] is None
    bob = api.post("/v1/customers", {"name": "Bob", "email": "bob@example.com"})["id"]
    bobs = api.post("/v1/payment-methods", {"customer": bob, "token": "tok_ok"})["id"]
    refused = api.patch(f"/v1/subscriptions/{sold['id']}", {"payment_method": bobs}, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("payment_method_unknown", "payment_method")


def test_a_one_off_invoice_is_issued_read_as_pdf_and_voided(api: Api, shop: Shop) -> None:
    lines = [
        {"description": "Set-up", "unit_amount": "120.00"},
        {"description": "Hours", "unit_amount": "80.50", "quantity": "2.5"},
    ]
    issued = api.post("/v1/invoices", {"customer": shop.customer, "lines": lines, "memo": "Thanks"})
    assert (issued["subtotal"], issued["status"], issued["number"]) == ("321.25", "open", "INV-000001")  # 120 + 201.25
    pdf = api("GET", f"/v1/invoices/{issued['id']}/pdf", expect=200)
    assert (pdf.content_type, pdf.data[:5]) == ("application/pdf", b"%PDF-")
    assert "INV-000001.pdf" in pdf.headers["Content-Disposition"]
    voided = api.post(f"/v1/invoices/{issued['id']}/void", {"reason": "mistake"}, expect=200)
    assert (voided["status"], voided["number"]) == ("void", "INV-000001")
    assert api.post(f"/v1/invoices/{issued['id']}/pay", expect=409)["code"] == "not_payable"


def test_a_payment_method_is_kept_made_default_and_removed(api: Api, shop: Shop) -> None:
    first = api.post(
        "/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok", "payment_gateway": "sandbox"}
    )
    second = api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_auth", "default": False})
    assert (first["brand"], first["last4"], first["is_default"], second["is_default"]) == ("visa", "4242", True, False)
    assert "token" not in first
    assert api.post(f"/v1/payment-methods/{second['id']}/default", expect=200)["is_default"] is True
    assert api("DELETE", f"/v1/payment-methods/{second['id']}", expect=204).data == b""
    left = api.get(f"/v1/payment-methods?customer={shop.customer}")["data"]
    assert [(method["id"], method["is_default"]) for method in left] == [(first["id"], True)]


def test_gateway_accounts_are_listed_without_their_secrets(api: Api, bank: str) -> None:
    (account,) = api.get("/v1/gateway-accounts")["data"]
    assert (account["id"], account["gateway"], account["mode"]) == (bank, "sandbox", "test")
    assert set(account) == {"id", "name", "gateway", "mode", "created_at", "disabled_at", "reserving"}


def test_access_follows_what_is_paid(api: Api, shop: Shop) -> None:
    api.patch(f"/v1/customers/{shop.customer}", {"external_id": "crm/ada 1"})
    assert api.get(f"/v1/access/{shop.customer}")["reason"] == "no_subscription"
    api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    sold = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    (invoice,) = api.get(f"/v1/invoices?subscription={sold['id']}")["data"]
    payment = api.post(f"/v1/invoices/{invoice['id']}/pay")
    answer = api.get("/v1/access/crm%2Fada%201")
    assert (answer["customer"], answer["access"], answer["paid"]) == (shop.customer, "active", True)
    assert answer["valid_until"] == sold["current_period_end"]
    assert answer["evidence"] == {"invoice": invoice["id"], "payment": payment["id"]}
    assert api.get("/v1/access/nobody", expect=404)["code"] == "not_found"


def test_an_invoice_of_another_customer_is_not_paid_with_this_ones_method(api: Api, shop: Shop) -> None:
    bob = api.post("/v1/customers", {"name": "Bob", "email": "bob@example.com"})["id"]
    bobs = api.post("/v1/payment-methods", {"customer": bob, "token": "tok_ok"})["id"]
    invoice = invoice_to_pay(api, shop.customer)["id"]
    refused = api.post("/v1/payments", {"invoice_id": invoice, "payment_method_id": bobs}, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("payment_method_unknown", "payment_method_id")
