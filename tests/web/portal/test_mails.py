"""Mails lead to where the customer can see and pay: the portal if they can sign in, else the page of the invoice."""

import pytest
from flask.testing import FlaskClient

from tests.web.portal.store import Store, words

ABOUT_INVOICES = ("invoice", "payment_failed")


@pytest.mark.parametrize("template", ABOUT_INVOICES)
def test_without_a_user_they_lead_to_a_page_that_needs_no_sign_in(
    client: FlaskClient, store: Store, template: str
) -> None:
    store.buyer("tok_soft_decline")
    store.do_what_is_due()
    link = store.mails(template)[0].context["link"]
    assert "Amount due $22.60" in words(client.get(link[link.index("/pay/") :]))


@pytest.mark.parametrize("template", ABOUT_INVOICES)
def test_with_a_user_they_lead_into_the_portal(client: FlaskClient, store: Store, template: str) -> None:
    buyer = store.buyer("tok_soft_decline")
    store.let_in(buyer)
    store.do_what_is_due()
    assert store.mails(template)[0].context["link"].endswith(f"/portal/invoices/{buyer.invoice}")


def test_the_link_is_in_the_mail_that_is_sent(store: Store) -> None:
    store.buyer("tok_soft_decline")
    store.do_what_is_due()
    (mail,) = store.mails("invoice")
    sent = store.shop.bank.path.parent.parent / "mails"
    assert mail.state == "sent"
    texts = [file.read_text() for file in sent.glob("*.eml")]
    assert any("/pay/" in text for text in texts)
