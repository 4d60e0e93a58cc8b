"""A shop and its customers, for tests of what customers see. Pages ask the wall clock, so it all happens around now."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from html.parser import HTMLParser

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.clock import now
from app.db import session, tenant_scope, transaction
from app.gateways.sandbox_bank import SandboxBank
from app.jobs.schedule import run_due
from app.models import Mail, Payment
from app.services import gateway_accounts, pay_links, users
from app.settings import cache, current_settings
from tests.shop import Shop, invoices_of, open_shop, payments_of
from tests.web.people import PASSWORD, sign_in

LONG_AGO = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer with an unpaid invoice of 22.60 for a monthly plan of 20.00, all by id, and their address."""

    customer: str
    subscription: str
    invoice: str
    email: str


@dataclass(frozen=True, slots=True)
class Store:
    """A tenant's shop that is entered for each thing that is done in it, because requests come in between."""

    app: Flask
    tenant: str
    shop: Shop

    @contextmanager
    def inside(self) -> Iterator[Shop]:
        """The shop, in the scope of its tenant."""
        with self.app.app_context(), tenant_scope(self.tenant):
            yield self.shop

    def buyer(self, token: str | None = "tok_ok", email: str = "farm@foxglove.example", **sold: object) -> Buyer:
        """Somebody who bought three days ago and has not paid. `token` is their saved method."""
        with self.inside() as shop:
            customer = shop.buyer(token, email=email)
            subscription = shop.sell(customer, at=now() - LONG_AGO, **sold)
            return Buyer(customer, subscription, invoices_of(subscription)[0].id, email)

    def paid_up(self, email: str = "farm@foxglove.example") -> Buyer:
        """Somebody who bought and whose card paid."""
        buyer = self.buyer(email=email)
        self.do_what_is_due()
        return buyer

    def let_in(self, buyer: Buyer) -> None:
        """Give the customer a user with a password."""
        with self.inside(), transaction():
            users.create(buyer.email, "Fox", "customer", now(), password=PASSWORD, customer_id=buyer.customer)

    def client_of(self, buyer: Buyer) -> FlaskClient:
        """A browser that the customer is signed in with."""
        self.let_in(buyer)
        client = self.app.test_client()
        assert sign_in(client, buyer.email).status_code == 303
        return client

    def link(self, invoice: str, at: datetime | None = None) -> str:
        """The page where an invoice is paid by whoever has the link, made at `at`."""
        with self.inside():
            return f"/pay/{pay_links.invoice_token(invoice, at or now())}"

    def do_what_is_due(self) -> None:
        """What the schedule does."""
        with self.app.app_context():
            run_due(now())

    def let_time_pass(self) -> None:
        """Long enough for the gateway to be asked again by a page that waits."""
        with self.app.app_context():
            cache().flushdb()

    def payments(self, invoice: str) -> list[Payment]:
        """The attempts on an invoice, oldest first."""
        with self.inside():
            return payments_of(invoice)

    def mails(self, template: str) -> list[Mail]:
        """The mails of that kind, oldest first."""
        with self.inside():
            return list(session().scalars(select(Mail).where(Mail.template == template).order_by(Mail.id)))


def open_store(app: Flask, tenant: str, bank: SandboxBank) -> Store:
    """The shop of a tenant, whose sandbox sends payers to the bank page of the application itself."""
    with app.app_context(), tenant_scope(tenant):
        shop = open_shop(now() - LONG_AGO, bank)
        page = f"{current_settings().base_url}/sandbox-bank"
        with transaction():
            gateway_accounts.replace_credentials(shop.account_id, {"api_key": "sandbox_test", "page_url": page}, now())
    return Store(app, tenant, shop)


class _Forms(HTMLParser):
    """The hidden fields of each form of a page, by where the form is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, dict[str, str]] = {}
        self.inside: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = self.hidden.setdefault(found.get("action", ""), {})
        elif tag == "input" and found.get("type") == "hidden" and self.inside is not None:
            self.inside[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None


def forms_of(page: TestResponse) -> dict[str, dict[str, str]]:
    """The hidden fields of each form of a page, by where the form is sent."""
    forms = _Forms()
    forms.feed(page.text)
    return forms.hidden


def fill(client: FlaskClient, page: str, action: str | None = None, **typed: str) -> TestResponse:
    """Open a page, fill in its form and send it. Without an action it is sent to the page itself."""
    action = action or page
    hidden = forms_of(client.get(page))
    assert action in hidden, f"{page} has no form for {action}, but for {list(hidden)}"
    return client.post(action, data={**hidden[action], **typed})


def words(page: TestResponse) -> str:
    """What a page says: its text without tags, scripts and needless space."""
    main = re.search(r"<main[^>]*>(.*)</main>", page.text, re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", main[1] if main else page.text)
    return re.sub(r"\s+", " ", unescape(text)).replace(" .", ".").strip()
