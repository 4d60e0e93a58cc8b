"""A tenant with an account at every simulated gateway, and a customer who pays there."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Select, func, select

from app import clock
from app.config import Settings, load_settings
from app.db import session, transaction
from app.domain.money import Money
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.gateways.sandbox_bank import SandboxBank
from app.models import Dispute, GatewayAccount, InboxNotice, Invoice, Payment, PaymentQuote, Refund, Task
from app.models.base import TenantRow
from app.queries.base import get
from app.services import customers, gateway_accounts, invoices, pay_links, payment_methods, screening
from app.services.one_off import OneOff
from app.services.ways import Hosted
from bench.lab import Lab, lab
from crashtest.books import MAY_BE_UNSEEN, Books, Ours, Theirs
from crashtest.mailbox import Mailbox, mailbox
from crashtest.outside import Outside, simulators
from crashtest.payers import leave, payer_at
from crashtest.visits import Visitor
from simulators.books import Taken

Row = TypeVar("Row", bound=TenantRow)

PRICE = "10.00"
PART = 300  # of it, for a refund
WALLET = "0x00000000000000000000000000000000c0ffee00"  # of all customers
LATE = 0.3  # seconds, for webhooks
BADLY = {"copies": 2, "late": LATE, "lose": 0.1}
VARIABLES = {
    "GATEWAY_TIMEOUT_SECONDS": "1",
    "DATABASE_POOL_SIZE": "2",
    "WEBHOOK_LIMIT": "1000000/minute",
    "LOG_LEVEL": "CRITICAL",
}
# As if the time had come for all that waits for a later one: answers, leases, and second tries.
TIME_PASSES = (
    "UPDATE payments SET check_at = now() - interval '1 second' WHERE check_at IS NOT NULL",
    "UPDATE refunds SET check_at = now() - interval '1 second' WHERE check_at IS NOT NULL",
    "UPDATE tasks SET leased_until = NULL, due_at = least(due_at, now()) WHERE state = 'due'",
    "UPDATE inbox_notices SET leased_until = NULL, due_at = least(due_at, now()) WHERE state = 'due'",
    "UPDATE invoices SET collect_at = now() WHERE collect_at IS NOT NULL",
    "UPDATE gateway_accounts SET failures = 0, paused_until = NULL",
)


@dataclass
class Town:
    """Everything a round needs. Amounts are 10.00 in whatever currency the gateway takes."""

    lab: Lab
    outsides: dict[str, Outside]
    mailbox: Mailbox
    accounts: dict[str, str] = field(default_factory=dict)
    webhooks: dict[str, str] = field(default_factory=dict)  # their addresses
    customers: dict[str, str] = field(default_factory=dict)
    disputed: dict[str, int] = field(default_factory=dict)  # by reference, what is disputed there
    refused: dict[str, str] = field(default_factory=dict)  # invoice → why it could not be collected
    sent: dict[str, str] = field(default_factory=dict)  # refund → transaction
    payouts: dict[str, tuple[str, int]] = field(default_factory=dict)  # transaction → payment, and what was sent of it

    @cached_property
    def settings(self) -> Settings:
        """What processes of the application are started with."""
        return load_settings(**{name.lower(): value for name, value in self.lab.variables.items()})

    @cached_property
    def visitor(self) -> Visitor:
        """Whoever asks the real web server for something."""
        return Visitor(self.lab.api_key(), self._page, self._return)

    @property
    def gateways(self) -> list[str]:
        """The gateways that have another end here."""
        return [name for name in REGISTRY if name in self.outsides or name == "sandbox"]

    def can(self, gateway: str, capability: Capability) -> bool:
        """Whether the gateway does that."""
        return capability in gateway_class(gateway).capabilities

    def settle_in(self) -> None:
        """Connect the accounts, and let a customer of each leave what they pay with: to pay often is no fraud here."""
        with transaction():
            screening.add_rule("customer_attempts", "review", clock.now(), at_least=10**6)
        for gateway in self.gateways:
            self.accounts[gateway] = self._connect(gateway)
            self.customers[gateway] = self._customer(gateway)

    def debt(self, gateway: str) -> str:
        """A new invoice for the gateway's customer. Nobody has tried to collect it yet."""
        with transaction():
            return invoices.create(self.customers[gateway], [OneOff("Work", PRICE)], clock.now()).id

    def hosted(self, gateway: str, asset: str = "", *, by_form: bool = False) -> Hosted:
        """The payer pays with the gateway themselves, in this asset where that can be chosen: in its form on our page,
        if it has one, or else on its own."""
        return Hosted(self.accounts[gateway], payer_at(gateway).phone, choice=asset, by_form=by_form)

    def let_time_pass(self) -> None:
        """Leases end, and what would be looked at later is looked at now."""
        with self.lab.bare() as connection:
            for statement in TIME_PASSES:
                connection.execute(statement)

    def waiting_for_payers(self) -> Sequence[Payment]:
        """The attempts that somebody has to finish."""
        return self.all(select(Payment).where(Payment.status == "requires_action"))

    def reserved(self) -> Sequence[Payment]:
        """The payments whose money somebody has to take or give up."""
        return self.all(select(Payment).where(Payment.status == "authorized", Payment.decided.is_(None)))

    def untold(self) -> Sequence[Payment]:
        """The payments whose end only a webhook tells, as far as their gateway was asked for one."""
        return self.all(select(Payment).where(Payment.status == "pending", Payment.decided.is_not(None)))

    def unpaid(self) -> Sequence[Invoice]:
        """The invoices that are open and that nobody is just paying."""
        under_way = select(Payment.invoice_id).where(
            Payment.status.in_(("sending", "unknown", "requires_action", "pending", "authorized"))
        )
        return self.all(select(Invoice).where(Invoice.status == "open", Invoice.id.not_in(under_way)))

    def refundable(self, gateway: str) -> Sequence[tuple[str, Money]]:
        """What can be sent back of the gateway's payments: a part of it where it does parts, and once where it does
        not do several."""
        if not self.can(gateway, Capability.REFUND):
            return []
        part = self.can(gateway, Capability.PARTIAL_REFUND)
        most = Payment.amount_minor - PART if self.can(gateway, Capability.MULTI_REFUND) else 0
        query = select(Payment).where(
            Payment.gateway_account_id == self.accounts[gateway],
            Payment.status == "succeeded",
            Payment.refunded_minor <= most,
        )
        return [(row.id, Money(PART, row.currency) if part else row.amount) for row in self.all(query)]

    def disputable(self, gateway: str) -> Sequence[Payment]:
        """The gateway's payments that their payers could dispute, and have not yet. What was paid on a link is known
        here by the link until a webhook names the payment, and that may be lost."""
        disputed = select(Dispute.payment_id)
        query = select(Payment).where(
            Payment.gateway_account_id == self.accounts[gateway],
            Payment.status == "succeeded",
            Payment.refunded_minor == 0,
            Payment.gateway_ref.not_like("link/%"),
            Payment.id.not_in(disputed),
        )
        return self.all(query) if self.can(gateway, Capability.DISPUTES) else []

    def dispute(self, gateway: str, payment: Payment) -> None:
        """The payer's bank wants a payment back. The gateway tells of that late and twice, but does tell."""
        outside = self.outsides[gateway]
        outside.send_webhooks(self.webhooks[gateway], copies=2, late=LATE)
        self.disputed[outside.act("dispute", ref=payment.gateway_ref)] = payment.amount_minor
        outside.send_webhooks(self.webhooks[gateway], **BADLY)

    def gateway_of(self, payment: Payment) -> str:
        return get(GatewayAccount, payment.gateway_account_id).gateway

    def taken(self, payment: Payment) -> Theirs:
        """What its gateway took for a payment, by the gateway's own books."""
        rows = [row for row in self.theirs(self.gateway_of(payment)) if row.key == payment.id]
        return Theirs(payment.id, sum(row.minor for row in rows), sum(row.refunded for row in rows))

    def refunded(self) -> dict[str, int]:
        """What surely went back of each payment, in minor units."""
        sums = select(Refund.payment_id, func.sum(Refund.amount_minor)).where(Refund.status == "succeeded")
        return {payment_id: int(minor) for payment_id, minor in session().execute(sums.group_by(Refund.payment_id))}

    def books(self) -> Books:
        """Both sides as they are now."""
        refunded = self.refunded()
        ours = [
            Ours(
                row.id,
                row.invoice_id,
                self.gateway_of(row),
                row.status,
                row.received_minor if row.received_minor is not None else row.amount_minor,
                refunded.get(row.id, 0),
            )
            for row in self.all(select(Payment))
        ]
        theirs = [row for gateway in self.gateways for row in self.theirs(gateway)]
        invoices = {row.id: self._standing(row) for row in self.all(select(Invoice))}
        disputes = {row.gateway_ref: row.amount_minor for row in self.all(select(Dispute))}
        return Books(theirs, ours, invoices, self._waiting(), self.disputed, disputes)

    def all(self, query: Select[tuple[Row]]) -> Sequence[Row]:
        """The rows as they are in the database now."""
        return session().scalars(query.execution_options(populate_existing=True)).all()

    def _page(self, invoice_id: str) -> str:
        return f"/pay/{pay_links.invoice_token(invoice_id, clock.now())}"

    def _return(self, payment_id: str) -> str:
        return urlsplit(pay_links.return_address(get(Payment, payment_id), clock.now())).path

    def _standing(self, invoice: Invoice) -> str:
        return invoice.status if invoice.status == "paid" else invoice.status + self.refused.get(invoice.id, "")

    def _waiting(self) -> list[str]:
        unanswered = [
            f"{row.id} at {self.gateway_of(row if model is Payment else row.payment)} is {row.status}: {row.message}"
            for model in (Payment, Refund)
            for row in self.all(select(model).where(model.status.in_((*MAY_BE_UNSEEN, "pending"))))
        ]
        undone = [
            f"{row.id} is {row.state}: {row.last_error}"
            for model in (Task, InboxNotice)
            for row in self.all(select(model).where(model.state.in_(("due", "dead"))))
        ]
        return unanswered + undone

    def theirs(self, gateway: str) -> list[Theirs]:
        """What a gateway took and sent back, by its own books."""
        if gateway == "sandbox":
            return self._bank()
        taken = self.outsides[gateway].taken()
        if self.can(gateway, Capability.WATCH):
            return self._on_chain(taken)
        return [Theirs(row.key, row.units, row.refunded) for row in taken]

    def _on_chain(self, taken: Sequence[Taken]) -> list[Theirs]:
        """What came to our addresses, less what the person who sends refunds has sent to the customers' wallet."""
        quotes = {row.address.lower(): row for row in self.all(select(PaymentQuote))}
        sent: dict[str, int] = defaultdict(int)
        for row in taken:
            if row.key == WALLET:
                payment_id, minor = self.payouts.get(row.ref, ("", 0))
                sent[payment_id] += minor
        came = [(quotes.get(row.key), row.units) for row in taken if row.key != WALLET]
        return [
            Theirs(row.payment_id, row.quote.worth(units).minor, sent[row.payment_id]) if row else Theirs("", units)
            for row, units in came
        ]

    def _bank(self) -> list[Theirs]:
        bank = SandboxBank(self.settings.quittance_data_dir / "gateways" / "sandbox-bank.sqlite3")
        sent = bank.refunds()
        return [
            Theirs(charge.key, charge.minor, sum(minor for _, ref, minor in sent if ref == charge.ref))
            for charge in bank.charges()
            if charge.status == "succeeded"
        ]

    def _connect(self, gateway: str) -> str:
        outside = self.outsides.get(gateway)
        credentials = outside.account() if outside else {"api_key": "sandbox_crash", "page_url": "http://bank.example"}
        at = clock.now()
        with transaction():
            account = gateway_accounts.create(gateway, gateway, credentials | {"webhook_url": "-"}, at)
        self.webhooks[gateway] = f"{self.mailbox.url}/webhooks/{gateway}/{account.webhook_key}"
        with transaction():
            gateway_accounts.replace_credentials(account.id, credentials | {"webhook_url": self.webhooks[gateway]}, at)
        if outside and self.can(gateway, Capability.WEBHOOKS):
            outside.send_webhooks(self.webhooks[gateway], **BADLY)
        return account.id

    def _customer(self, gateway: str) -> str:
        payer = payer_at(gateway)
        given = {"name": f"{gateway} customer", "email": f"{gateway}@customer.example", "currency": payer.currency}
        with transaction():
            customer_id = customers.create({**given, "address": {"country": "CA", "region": "ON"}}, clock.now()).id
        if token := leave(gateway, self.outsides.get(gateway), customer_id):
            payment_methods.add(customer_id, self.accounts[gateway], token, clock.now())
        return customer_id


@contextmanager
def town(lent: Lab | None = None) -> Iterator[Town]:
    """A town for the length of a block, which runs in its tenant; on servers of its own unless some are lent."""
    with nullcontext(lent) if lent else lab() as running, simulators() as outsides, mailbox() as letters:
        running.variables.update(VARIABLES)
        place = Town(running, outsides, letters)
        with running.in_tenant():
            place.settle_in()
            yield place
