"""Asking about 10,000 open payments: statements for each gateway call, against one.

The gateway is a double in this process that says at once that nothing has changed, so that what is counted is ours.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import event, func, text, update

from app.db import session, transaction
from app.extensions import db
from app.gateways.sandbox import SandboxGateway
from app.gateways.types import PaymentRef, PaymentResult, PaymentStatus
from app.models import Invoice, Payment
from app.models.base import TenantRow
from app.services import catalog, charging, customers, due_payments, gateway_accounts, payment_methods, subscriptions
from bench.figures import Figure
from bench.lab import lab

PAYMENTS = 10_000
# The same instant, another one of its ids.
ANOTHER_ID = "substr(id::text, 1, 15) || substr(md5('p' || n), 1, 3) || '-8' || substr(md5('p' || n), 4, 3) || '-'"
ANOTHER_ID += " || substr(md5('p' || n), 7, 12)"


def run() -> Sequence[Figure]:
    """Statements in all, and gateway calls."""
    with lab() as place, place.in_tenant():
        _open_payments(datetime.now(UTC))
        with _counted() as (statements, calls):
            while due_payments.check_due(datetime.now(UTC)):
                pass
        return [Figure("open_payments_checked", next(statements), next(calls), "statements/gateway calls")]


def _open_payments(at: datetime) -> None:
    """One that was made as usual, and its copies."""
    with transaction():
        account = gateway_accounts.create("Sandbox", "sandbox", {"api_key": "sandbox_x", "page_url": "http://x"}, at)
        product = catalog.create_product({"code": "notes", "name": "Notes"}, at)
        price = {"model": "standard", "unit_amount": "20.00"}
        sold_as = {"product_id": product.id, "code": "basic", "name": "Basic", "currency": "CAD", "interval": "month"}
        plan = catalog.create_plan({**sold_as, "price": price}, at)
        place = {"line1": "1 Main Street", "city": "Guelph", "region": "ON", "postal_code": "N1H 3A1", "country": "CA"}
        customer = customers.create({"name": "Fox", "email": "fox@example.com", "address": place}, at)
    payment_methods.add(customer.id, account.id, "tok_delayed", at)
    with transaction():
        sold = subscriptions.create(customer.id, plan.id, at)
    invoice = session().query(Invoice).filter_by(subscription_id=sold.id).one()
    charging.collect(invoice.id, at)
    with transaction():
        _copies(Invoice, subscription_id="NULL", number="n::text", id="md5(n::text)::uuid")
        _copies(Payment, invoice_id="md5(n::text)::uuid", id=f"({ANOTHER_ID})::uuid")
        session().execute(update(Payment).values(check_at=func.now()))


def _copies(model: type[TenantRow], **changed: str) -> None:
    names = [column.name for column in model.__table__.columns]
    values = ", ".join(changed.get(name, name) for name in names)
    query = f"INSERT INTO {model.__tablename__} ({', '.join(names)}) SELECT {values}"
    query += f" FROM (SELECT * FROM {model.__tablename__} LIMIT 1) one, generate_series(2, {PAYMENTS}) n"
    session().execute(text(query))


@contextmanager
def _counted() -> Iterator[tuple[Iterator[int], Iterator[int]]]:
    """Counters of statements and of gateway calls; the next number of each tells how many there were."""
    statements, calls = count(), count()

    def pending(_gateway: SandboxGateway, ref: PaymentRef) -> PaymentResult:
        next(calls)
        return PaymentResult(PaymentStatus.PENDING, ref.gateway_ref)

    real, SandboxGateway.fetch_payment = SandboxGateway.fetch_payment, pending  # type: ignore[method-assign,assignment]
    event.listen(db.engine, "before_cursor_execute", lambda *_words: next(statements))
    yield statements, calls
    SandboxGateway.fetch_payment = real  # type: ignore[method-assign]
