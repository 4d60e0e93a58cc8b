"""What is declared of each gateway is what its payers and its sellers are offered, and nothing else."""

from typing import NamedTuple

import pytest

from app.clock import now
from app.db import transaction
from app.gateways import REGISTRY
from app.services import gateway_accounts, invoices
from app.services.one_off import OneOff
from simulators import simulator_class
from simulators.wire import served
from tests.web.form_reader import forms_of
from tests.web.portal.store import Buyer, Store


class Offered(NamedTuple):
    """What a payer sees of a gateway: a way to pay, whether it can be kept, a page or form to leave a method with, and
    whether they are asked for a phone or an asset."""

    pays: bool
    keeps: bool = False
    leaves: bool = False
    asks: str = ""


OFFERED = {
    "stripe": Offered(pays=True, keeps=True, leaves=True),
    "square": Offered(pays=True, keeps=True, leaves=True),
    "paypal": Offered(pays=True, keeps=True, leaves=True),
    "adyen": Offered(pays=True, keeps=True, leaves=True),
    "btcpay": Offered(pays=True),
    "web3": Offered(pays=True, asks="asset"),
    "pesapal": Offered(pays=True),
    "jenga": Offered(pays=True, asks="phone"),
}
IN_SHILLINGS = ("jenga",)


def test_every_gateway_has_its_row() -> None:
    assert {*OFFERED, "sandbox"} == set(REGISTRY)


@pytest.mark.parametrize("gateway", OFFERED)
def test_the_page_offers_what_the_gateway_can_do(store: Store, gateway: str) -> None:
    wanted, currency = OFFERED[gateway], "KES" if gateway in IN_SHILLINGS else "CAD"
    with served(simulator_class(gateway)()) as simulator:
        with store.inside() as shop:
            with transaction():
                gateway_accounts.disable(shop.account_id, now())
                credentials = {"webhook_url": "https://billing.example/hook", **simulator.account()}
                account_id = gateway_accounts.create(gateway.title(), gateway, credentials, now()).id
            customer = shop.customer(currency=currency, email="w@example.com")
            with transaction():
                invoice_id = invoices.create(customer, [OneOff("Work", "500")], now()).id
        till = store.app.test_client().get(store.link(invoice_id)).text
        assert (f'value="{account_id}"' in till) == wanted.pays
        assert ('name="keep"' in till) == wanted.keeps
        asked = [name.removeprefix(f"{account_id}-") for form in forms_of(till) for name in form.fields]
        assert [name for name in asked if name in ("phone", "asset")] == ([wanted.asks] if wanted.asks else [])
        buyer = Buyer(customer, "", invoice_id, "w@example.com")
        methods = store.client_of(buyer).get("/portal/payment-methods/new").text
        assert (account_id in methods) == wanted.leaves
