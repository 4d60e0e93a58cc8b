"""The customer says where a refund on a chain goes: by the link of a mail or the portal, once, and checked."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from app.clock import now
from app.db import session
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import AuditEntry, Refund
from app.services import pay_links, refunds
from simulators.web3 import Web3Simulator
from simulators.wire import served
from tests.services.test_deposits import RAW, Chain
from tests.shop import fresh, mails
from tests.web.form_reader import forms_of
from tests.web.portal.store import Buyer, Store

MINE = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@pytest.fixture
def owed(store: Store) -> Iterator[tuple[Buyer, str]]:
    """Somebody who paid in USDC, and the id of a refund that waits for their address."""
    with served(Web3Simulator(block_seconds=0)) as simulator:
        buyer = store.buyer(None)
        with store.inside() as shop:
            chain = Chain(shop, simulator)
            payment = chain.ask(invoice_id=buyer.invoice)
            chain.send(payment, RAW)
            chain.confirm()
            refund = refunds.refund(payment.id, Money(22_60, "CAD"), now())
            run_due(now())
            yield buyer, refund.id


def link_in_mail(store: Store) -> str:
    with store.inside():
        [mail] = mails("refund_to_address")
        assert (mail.context["coins"], mail.context["amount"]) == ("16.496351 USDC", "$22.60")
        return urlsplit(mail.context["claim"]).path


def test_an_address_is_given_once_and_confirmed(store: Store, owed: tuple[Buyer, str]) -> None:
    client, path = store.app.test_client(), link_in_mail(store)
    page = client.get(path).text
    assert "16.496351 USDC" in page
    form = forms_of(page)[-1]

    def give(address: str, **more: str) -> tuple[int, str]:
        answer = client.post(form.action, data={**form.fields, "address": address, **more})
        return answer.status_code, answer.text

    for address, more, said in (
        (MINE, {}, "Look at the network"),
        (MINE.replace("dA6", "Da6"), {"on_network": "y"}, "its checksum does not fit"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", {"on_network": "y"}, "0x and 40 digits"),
        ("", {"on_network": "y"}, "is missing"),
    ):
        status, text = give(address, **more)
        assert (status, said in text) == (422, True), (address, text)
    assert give(MINE, on_network="y")[0] == 303
    assert MINE in client.get(path).text
    assert give(MINE.lower(), on_network="y")[0] in (409, 422)
    with store.inside():
        run_due(now())
        assert fresh(Refund, owed[1]).next_step["address"] == MINE
        [mail] = mails("refund_address")
        assert mail.context["address"] == MINE
        [entry] = session().scalars(select(AuditEntry).where(AuditEntry.action == "refund.address")).all()
        assert entry.actor_kind == "payer"


def test_the_portal_leads_there_and_the_invoice_link_does_not(store: Store, owed: tuple[Buyer, str]) -> None:
    buyer, refund_id = owed
    client = store.client_of(buyer)
    address = f"/portal/invoices/{buyer.invoice}/refunds/{refund_id}/address"
    assert address in client.get(f"/portal/invoices/{buyer.invoice}").text
    assert "Where shall we send your refund?" in client.get(client.get(address).location).text
    other = store.buyer(email="other@example.com")
    assert client.get(f"/portal/invoices/{other.invoice}/refunds/{refund_id}/address").status_code == 404
    with store.inside():
        token = pay_links.invoice_token(buyer.invoice, now())
        old = pay_links.refund_token(refund_id, now() - pay_links.INVOICE_VALID)
    assert client.get(f"/pay/refund/{token}").status_code == 404
    assert client.get(f"/pay/refund/{old}").status_code == 410
