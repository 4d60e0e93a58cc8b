"""Payments that an application begins and their payer finishes with a gateway, through the real adapters."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.db import tenant_scope, transaction
from app.models import Payment
from app.services import gateway_accounts
from simulators.frame import Simulator
from tests.api.conftest import Api, Shop, invoice_to_pay
from tests.shop import fresh
from tests.simulated import press, simulated

BACK = "https://shop.example/thanks?order=7"


@pytest.fixture
def accounts(app: Flask, tenant: str, api: Api, shop: Shop, at: datetime) -> Iterator[Mapping[str, str]]:
    """An account at each gateway that asks its payers for something else."""
    with ExitStack() as stack:
        simulators = {name: stack.enter_context(simulated(name)) for name in ("stripe", "jenga", "web3")}
        with app.app_context(), tenant_scope(tenant):
            yield {name: connect(name, simulator, at) for name, simulator in simulators.items()}


def connect(name: str, simulator: Simulator, at: datetime) -> str:
    with transaction():
        credentials = {"webhook_url": "https://billing.example/hook", **simulator.account()}
        return gateway_accounts.create(name.title(), name, credentials, at).id


def invoice_in_shillings(api: Api) -> str:
    address = {"country": "KE", "city": "Nairobi"}
    customer = api.post(
        "/v1/customers", {"name": "Wanjiku", "email": "w@example.com", "address": address, "currency": "KES"}
    )
    return str(invoice_to_pay(api, customer["id"], "500")["id"])


def begin(api: Api, invoice_id: str, expect: int = 201, *, key: str = "", at: str | None = None, **chosen: Any) -> Any:
    body = {"invoice_id": invoice_id, "hosted": chosen, "return_url": BACK, "payer_ip": "203.0.113.7"}
    body |= {"payment_gateway": at} if at else {}
    return api.post("/v1/payments", body, expect, **({"Idempotency_Key": key} if key else {}))


def test_the_options_of_an_invoice_are_what_its_page_offers(
    api: Api, shop: Shop, accounts: Mapping[str, str], app: Flask
) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    options = api.get(f"/v1/invoices/{invoice['id']}/payment-options")
    found = {option["gateway"]: option for option in options["hosted"]}
    assert found.keys() == {"stripe", "web3"}  # Jenga takes shillings only
    assert [choice["name"] for choice in found["web3"]["choices"]]
    assert (found["stripe"]["needs_phone"], found["stripe"]["keeps_method"]) == (False, True)
    assert options["payment_url"] == invoice["payment_url"] == api.get(f"/v1/invoices/{invoice['id']}")["payment_url"]
    assert found["stripe"]["reserving"] == {
        "kept_methods": True,
        "page": True,
        "form": True,
        "part": True,
        "days": 7,
    }
    assert found["web3"]["reserving"] is None
    page = app.test_client().get(urlsplit(options["payment_url"]).path)
    assert (page.status_code, invoice["number"] in page.text) == (200, True)
    in_shillings = api.get(f"/v1/invoices/{invoice_in_shillings(api)}/payment-options")["hosted"]
    assert [option["gateway"] for option in in_shillings if option["needs_phone"]] == ["jenga"]


def test_a_page_is_begun_once_and_the_payer_ends_where_the_application_wants(
    api: Api, shop: Shop, accounts: Mapping[str, str], app: Flask
) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    begun = begin(api, invoice["id"], key="order-7", gateway_account=accounts["stripe"])
    assert (begun["status"], begun["next_action"]["kind"]) == ("requires_action", "redirect")
    assert begin(api, invoice["id"], key="order-7", gateway_account=accounts["stripe"]) == begun
    assert api("POST", "/v1/payments", {"invoice_id": invoice["id"]}, Idempotency_Key="order-7").status_code == 409
    assert fresh(Payment, begun["id"]).ip == "203.0.113.7"
    back = app.test_client().get(press(begun["next_action"]["url"], "pm_card_visa"))
    assert back.status_code == 303
    assert parse_qs(urlsplit(back.location).query) == {"order": ["7"], "payment": [begun["id"]]}
    assert back.location.startswith("https://shop.example/thanks?")
    assert api.get(f"/v1/payments/{begun['id']}")["status"] == "succeeded"
    paid = api.get(f"/v1/invoices/{invoice['id']}")
    assert (paid["status"], paid["payment_url"]) == ("paid", None)
    assert api.get(f"/v1/invoices/{invoice['id']}/payment-options")["hosted"] == []


def test_a_phone_is_asked_and_a_code_is_shown(api: Api, shop: Shop, accounts: Mapping[str, str]) -> None:
    asked = begin(api, invoice_in_shillings(api), at="jenga", phone="+254 712 345 678")
    assert asked["next_action"] == {"kind": "phone_prompt", "msisdn": "254712345678"}
    shown = begin(api, invoice_to_pay(api, shop.customer)["id"], gateway_account=accounts["web3"], choice="USDC")
    assert shown["next_action"]["uri"].startswith("ethereum:")
    assert (shown["next_action"]["kind"], shown["next_action"]["amount_text"][-4:]) == ("qr_code", "USDC")


def test_what_cannot_be_had_is_refused_and_leaves_the_open_attempt_alone(
    api: Api, shop: Shop, accounts: Mapping[str, str]
) -> None:
    invoice, kes = invoice_to_pay(api, shop.customer)["id"], invoice_in_shillings(api)
    waiting = begin(api, invoice, gateway_account=accounts["stripe"])
    for chosen, code, field in (
        ({"gateway_account": accounts["web3"], "choice": "DOGE"}, "no_choice", "hosted.choice"),
        ({"gateway_account": "gac_01jz8zzzzzzzzzzzzzzzzzzzzz"}, "not_found", "hosted.gateway_account"),
        ({"gateway_account": "nonsense"}, "invalid_id", "hosted.gateway_account"),
    ):
        refused = begin(api, invoice, 422, **chosen)
        assert (refused["code"], refused["errors"][0]["field"]) == (code, field)
    assert begin(api, invoice, 409, gateway_account=accounts["jenga"])["code"] == "not_offered"
    assert begin(api, invoice, 409, at="jenga")["code"] == "not_offered"
    assert begin(api, kes, 422, at="jenga")["errors"][0]["field"] == "hosted.phone"
    assert begin(api, kes, 422, at="jenga", phone="no number")["errors"][0]["field"] == "hosted.phone"
    both = {"invoice_id": invoice, "hosted": {}, "token": "tok_ok"}
    assert api.post("/v1/payments", both, 422)["errors"][0]["field"] == "hosted"
    alone = {"invoice_id": invoice, "hosted": {}, "off_session": True}
    assert api.post("/v1/payments", alone, 422)["errors"][0]["field"] == "off_session"
    assert api.get(f"/v1/payments/{waiting['id']}")["status"] == "requires_action"
    form = begin(api, invoice, gateway_account=accounts["stripe"], by_form=True)["next_action"]
    assert (form["kind"], form["public_key"][:3]) == ("client_token", "pk_")
    again = begin(api, invoice, gateway_account=accounts["web3"])
    assert api.get(f"/v1/payments/{waiting['id']}")["status"] == "canceled"
    assert again["status"] == "requires_action"


def test_where_an_application_asks_from_is_not_where_its_payers_are(api: Api, shop: Shop, tenant: str) -> None:
    invoice = invoice_to_pay(api, shop.customer)["id"]
    paid = api.post("/v1/payments", {"invoice_id": invoice, "token": "tok_ok"})
    with api.app.app_context(), tenant_scope(tenant):
        assert fresh(Payment, paid["id"]).ip is None
    wrong = {"invoice_id": invoice, "token": "tok_ok", "payer_ip": "nowhere"}
    assert api.post("/v1/payments", wrong, 422)["errors"][0]["field"] == "payer_ip"
