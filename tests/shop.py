"""A shop for tests: a seller in Toronto with a tax number and a sandbox account, what it sells, and its books."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select, text, update

from app.config import Settings
from app.db import current_tenant_id, session, transaction
from app.gateways.sandbox_bank import SandboxBank
from app.models import (
    BalanceMove,
    CreditNote,
    Customer,
    GatewayAccount,
    Invoice,
    LedgerAccount,
    Mail,
    Payment,
    Posting,
    Refund,
    Subscription,
)
from app.models.base import TenantRow
from app.queries.dues import credit_of
from app.services import catalog, customers, gateway_accounts, payment_methods, subscriptions, tenants

Row = TypeVar("Row", bound=TenantRow)

REGISTRATION = "826393555RT0001"
ONTARIO = {"line1": "1 Main Street", "city": "Guelph", "region": "ON", "postal_code": "N1H 3A1", "country": "CA"}


@dataclass(slots=True)
class Shop:
    """What a test needs to sell something. Prices are in Canadian dollars; Ontario adds 13 % HST."""

    at: datetime
    account_id: str
    product_id: str
    bank: SandboxBank
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def customer(self, **values: Any) -> str:
        """A business in Guelph."""
        with transaction():
            given = {"name": "Foxglove Farm", "email": "farm@foxglove.example", "address": ONTARIO, **values}
            return customers.create(given, self.at).id

    def method(self, customer_id: str, token: str = "tok_ok", at: datetime | None = None) -> str:
        """A sandbox token, kept as the customer's default method."""
        return payment_methods.add(customer_id, self.account_id, token, at or self.at).id

    def plan(self, amount: str = "20.00", **values: Any) -> str:
        """A monthly plan: 20.00 before tax, 22.60 with it."""
        given = {
            "product_id": self.product_id,
            "code": f"plan-{next(self.numbers)}",
            "name": "Basic",
            "currency": "CAD",
            "price": {"model": "standard", "unit_amount": amount},
            "interval": "month",
            **values,
        }
        with transaction():
            return catalog.create_plan(given, self.at).id

    def buyer(self, token: str | None = "tok_ok", **values: Any) -> str:
        """A customer with a method."""
        customer_id = self.customer(**values)
        if token:
            self.method(customer_id, token)
        return customer_id

    def sell(self, customer_id: str, plan_id: str | None = None, at: datetime | None = None, **options: Any) -> str:
        """A subscription, on a monthly plan of 20.00 unless given another."""
        plan_id = plan_id or self.plan()
        with transaction():
            return subscriptions.create(customer_id, plan_id, at or self.at, **options).id

    def move_to(self, gateway: str) -> None:
        """Sell through another gateway from now on."""
        with transaction():
            self.account_id = gateway_accounts.create(
                gateway.title(), gateway, {"api_key": "sandbox_other"}, self.at
            ).id

    def debt(self, token: str | None = "tok_ok", **options: Any) -> str:
        """An invoice of 22.60 that nobody has tried to collect yet."""
        return invoices_of(self.sell(self.buyer(token), **options))[0].id


@pytest.fixture
def bank(settings: Settings) -> SandboxBank:
    """The bank behind the sandbox, with an empty book."""
    return empty_bank(settings)


def empty_bank(settings: Settings) -> SandboxBank:
    """The same, for who is no fixture."""
    path = settings.quittance_data_dir / "gateways" / "sandbox-bank.sqlite3"
    path.unlink(missing_ok=True)
    return SandboxBank(path)


@pytest.fixture
def shop(in_tenant: str, at: datetime, bank: SandboxBank) -> Shop:
    """The test runs inside this shop."""
    return open_shop(at, bank)


def open_shop(at: datetime, bank: SandboxBank) -> Shop:
    """A tax number, a sandbox account and a product for the tenant in scope."""
    with transaction():
        tenants.register_for_tax("CA", None, "gst_hst", REGISTRATION, at)
        account = gateway_accounts.create(
            "Sandbox", "sandbox", {"api_key": "sandbox_test", "page_url": "http://bank.example"}, at
        )
        product = catalog.create_product({"code": "notes", "name": "Notes"}, at)
        return Shop(at, account.id, product.id, bank)


def fresh(model: type[Row], row_id: str) -> Row:
    """The row as it is in the database now."""
    return session().get_one(model, (current_tenant_id(), row_id), populate_existing=True)


def invoices_of(subscription_id: str) -> list[Invoice]:
    """The invoices of a subscription in the order of their periods, as they are now."""
    query = select(Invoice).where(Invoice.subscription_id == subscription_id).order_by(Invoice.period_start)
    return list(session().scalars(query.execution_options(populate_existing=True)))


def payments_of(invoice_id: str) -> list[Payment]:
    """The attempts on an invoice, oldest first, as they are now."""
    query = select(Payment).where(Payment.invoice_id == invoice_id).order_by(Payment.id)
    return list(session().scalars(query.execution_options(populate_existing=True)))


def mails(template: str) -> list[Mail]:
    """The mails of that kind, oldest first, as they are now."""
    query = select(Mail).where(Mail.template == template).order_by(Mail.id)
    return list(session().scalars(query.execution_options(populate_existing=True)))


def status(subscription_id: str) -> str:
    """The status of a subscription now."""
    return fresh(Subscription, subscription_id).status


def let_check_fall_due(model: type[Payment] | type[Refund] = Payment) -> None:
    """Let the database's clock reach the instant at which open attempts are asked about."""
    with transaction():
        session().execute(
            update(model).where(model.check_at.is_not(None)).values(check_at=func.now() - text("interval '1 second'"))
        )


def let_pause_end(account_id: str) -> None:
    """Let the database's clock reach the instant until which a gateway account is left alone."""
    with transaction():
        past = func.now() - text("interval '1 second'")
        session().execute(update(GatewayAccount).where(GatewayAccount.id == account_id).values(paused_until=past))


def balance(account: str) -> int:
    """What stands on an account of the tenant's books, in minor units: debit positive."""
    query = select(func.coalesce(func.sum(Posting.amount_minor), 0)).join(
        LedgerAccount, (LedgerAccount.tenant_id == Posting.tenant_id) & (LedgerAccount.id == Posting.account_id)
    )
    return int(session().scalar(query.where(LedgerAccount.code == account)) or 0)


def assert_books_agree(bank: SandboxBank) -> None:
    """Whatever the bank has booked, we have booked, to the cent, and nothing else; and the ledger says the same."""
    ours = {p.id: p.amount_minor for p in _rows(Payment) if p.status == "succeeded"}
    sent_back = {r.id: r.amount_minor for r in _rows(Refund) if r.status == "succeeded"}
    assert ours == {charge.key: charge.minor for charge in bank.charges() if charge.status == "succeeded"}
    assert sent_back == {key: minor for key, _, minor in bank.refunds()}
    held = balance("disputes")  # the gateway keeps what is disputed to itself
    assert balance("gateway_clearing") + held == sum(ours.values()) - sum(sent_back.values())
    assert_books_balance()


def assert_books_balance() -> None:
    """The books sum to zero, what customers owe there is what open invoices ask for less what credit notes are still
    to send back, and balances say the same in the books, on the customers and in their moves."""
    assert session().scalar(select(func.coalesce(func.sum(Posting.amount_minor), 0))) == 0
    owed = sum(i.due.minor for i in _rows(Invoice) if i.status == "open")
    sent = sum(r.amount_minor for r in _rows(Refund) if r.credit_note_id and r.status == "succeeded")
    assert balance("accounts_receivable") == owed - (sum(note.refund_minor for note in _rows(CreditNote)) - sent)
    assert_balances_agree()


def assert_balances_agree() -> None:
    """Each customer's balance is the sum of its moves, the last of them, and the customer's part of the books."""
    for customer in _rows(Customer):
        moves = session().scalars(
            select(BalanceMove).where(BalanceMove.customer_id == customer.id).order_by(BalanceMove.number)
        )
        running = 0
        for move in moves:
            running += move.amount_minor
            assert move.balance_minor == running
        assert (customer.balance_minor, credit_of(customer).minor) == (running, running)


def _rows(model: type[Row]) -> list[Row]:
    return list(session().scalars(select(model).execution_options(populate_existing=True)))
