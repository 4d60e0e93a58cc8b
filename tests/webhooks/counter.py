"""A shop that sells through a simulated gateway, and the webhooks that the gateway would have sent meanwhile."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import clock
from app.db import session, tenant_scope, transaction
from app.gateways.sandbox_bank import SandboxBank
from app.gateways.types import PaymentResult, PaymentStatus, RawRequest, Redirect
from app.models import Customer, GatewayAccount, InboxNotice, Invoice, Payment
from app.queries.base import get
from app.services import charging, gateway_accounts, inbox_work, payment_methods
from app.services.ways import Hosted
from tests.gateways.worlds import SimulatedWorld, world_class
from tests.shop import Shop, invoices_of, open_shop

PHONE = "+254 712 345678"  # of payers, for gateways that ask for it


@dataclass(slots=True)
class Counter:
    """Everything happens in contexts of its own, so that a client can be used beside it.

    `letters` are the webhooks that came to be since the beginning, in their order, signed and not delivered yet.
    """

    app: Flask
    tenant_id: str
    world: SimulatedWorld
    at: datetime
    shop: Shop
    account_id: str = ""
    path: str = ""
    letters: list[RawRequest] = field(default_factory=list)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The tenant's scope."""
        with self.app.app_context(), tenant_scope(self.tenant_id):
            yield

    def connect(self, name: str = "Other", **changes: str) -> str:
        """Another account at the gateway; gives the path of its webhooks."""
        with self.inside():
            with transaction():
                made = gateway_accounts.create(name, self.world.gateway, {**self.world.account(), **changes}, self.at)
            return f"/webhooks/{self.world.gateway}/{made.webhook_key}"

    @property
    def keeps(self) -> bool:
        """Whether payers leave a method there; otherwise they pay each time themselves."""
        return "ok" in self.world.tokens

    def owe(self) -> str:
        """An invoice of 22.60 (2260.00 where there are no cents); its customer has a method, where there are such."""
        with self.inside():
            customer = self.shop.customer(currency=self.world.currency)
            if self.keeps:
                left = self.world.leave("ok", payment_methods.payer_of(get(Customer, customer)))
                payment_methods.add(customer, self.account_id, left, self.at)
            price = str(self.world.money(2000).amount)
            plan = self.shop.plan(price, currency=self.world.currency)
            return invoices_of(self.shop.sell(customer, plan))[0].id

    def pay(self, invoice_id: str | None = None) -> str:
        """Collect an invoice, or have its payer pay and come back; gives the payment's id."""
        invoice_id = invoice_id or self.owe()
        if self.keeps:
            with self.inside():
                return charging.collect(invoice_id, self.at).id
        payment = self.begin(invoice_id)
        answer = self.approve(payment)
        with self.inside():
            return charging.resume(payment.id, answer, self.at).id

    def begin(self, invoice_id: str) -> Payment:
        """A payment that its payer is to finish themselves."""
        hosted = Hosted(self.account_id, phone=PHONE)
        with self.inside():
            return charging.collect(invoice_id, self.at, hosted=hosted, off_session=False)

    def approve(self, payment: Payment) -> Mapping[str, str]:
        """The payer pays; gives the query they would come back with."""
        page = payment.next_action.get("url")
        next_action = Redirect(page) if page else None
        return self.world.pay(
            PaymentResult(PaymentStatus(payment.status), payment.gateway_ref, next_action=next_action)
        )

    def deliver(self, letter: RawRequest, path: str | None = None, **options: object) -> TestResponse:
        """Send a webhook to the account's address."""
        return self.app.test_client().post(
            path or self.path,
            data=letter.body,
            headers=dict(letter.headers),
            **options,  # type: ignore[arg-type]
        )

    def deliver_all(self) -> None:
        """Send all that there are, each once and in their order."""
        while self.letters:
            assert self.deliver(self.letters.pop(0)).status_code == 200

    def work(self, at: datetime | None = None) -> int:
        """Follow up on what is due."""
        with self.inside():
            return inbox_work.follow_due(at or clock.now())

    def notices(self) -> list[InboxNotice]:
        """What the inbox holds, oldest first, as it is now."""
        with self.inside():
            query = select(InboxNotice).order_by(InboxNotice.id).execution_options(populate_existing=True)
            return list(session().scalars(query))

    def payment(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        with self.inside():
            query = select(Payment).where(Payment.id == payment_id)
            return session().scalars(query.execution_options(populate_existing=True)).one()

    def invoice(self, invoice_id: str) -> Invoice:
        """The invoice as it is now."""
        with self.inside():
            query = select(Invoice).where(Invoice.id == invoice_id)
            return session().scalars(query.execution_options(populate_existing=True)).one()


@contextmanager
def counter_at(
    gateway: str, app: Flask, tenant: str, at: datetime, bank: SandboxBank, place: Path
) -> Iterator[Counter]:
    """The shop, with the gateway's simulator running as long as the block."""
    with ExitStack() as stack:
        world = stack.enter_context(world_class(gateway).begun(place))
        assert isinstance(world, SimulatedWorld)
        with app.app_context(), tenant_scope(tenant):
            shop = open_shop(at, bank)
        found = Counter(app, tenant, world, at, shop)
        found.path = found.connect("Till")
        with found.inside():
            account = select(GatewayAccount).where(GatewayAccount.webhook_key == found.path.rpartition("/")[2])
            found.account_id = found.shop.account_id = session().scalars(account).one().id
        world.simulator.post.send = lambda _event: found.letters.append(world.webhook())  # type: ignore[method-assign]
        yield found
