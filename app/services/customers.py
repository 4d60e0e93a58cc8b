"""Customers: adding, changing, forgetting them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy import update as change

from app.db import current_tenant_id, session
from app.domain.currencies import exponent
from app.domain.errors import Conflict, InvalidInput
from app.domain.zones import zone
from app.models import Customer, Mail, PaymentMethod, Subscription, Tenant, User
from app.queries.base import get
from app.services import test_clocks
from app.services.events import emit
from app.services.history import audit
from app.services.users import clean_email, end_links, end_sessions

KINDS = ("consumer", "business")
EDITABLE = frozenset("name email external_id kind timezone locale address tax_ids exempt details".split())


def create(values: Mapping[str, Any], at: datetime) -> Customer:
    """Add a customer; what is left out comes from the tenant. With `test_clock_id` they live by that clock, for good.

    Raises InvalidInput or Conflict, naming the field.
    """
    tenant = session().get_one(Tenant, current_tenant_id())
    defaults = {"currency": tenant.currency, "timezone": tenant.timezone, "locale": tenant.locale}
    given = {name: value for name, value in values.items() if value is not None}
    if clock_id := given.get("test_clock_id"):
        at = test_clocks.usable(clock_id).now_at
    row = Customer(**{**defaults, **given}, created_at=at)
    _check(row)
    session().add(row)
    session().flush()
    audit("customer.create", row.id, at)
    emit("customer.created", row.id, at, customer_id=row.id)
    return row


def update(customer_id: str, values: Mapping[str, Any], at: datetime) -> Customer:
    """Change a customer. The currency stays: what was sold was sold in it. Raises InvalidInput or Conflict.

    When they move to another time zone, their subscriptions go on turning at the same wall time, there: the period that
    runs ends where it was to end, and the next one begins there.
    """
    moving = "timezone" in values and _lock_running(customer_id)
    row = get(Customer, customer_id, lock=True)
    _refuse_forgotten(row)
    fixed = sorted(values.keys() - EDITABLE)
    if fixed:
        raise InvalidInput(f"{fixed[0]} of a customer cannot be changed.", code="not_editable", field=fixed[0])
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    with session().no_autoflush:
        _check(row)
    if moving and "timezone" in changed:
        for subscription in moving:
            subscription.timezone = row.timezone
    if changed:
        audit("customer.update", row.id, at, fields=sorted(changed))
        emit("customer.updated", row.id, at, customer_id=row.id, fields=sorted(changed))
    return row


def forget(customer_id: str, at: datetime) -> None:
    """Anonymise a customer: the books keep their sums, nothing says any more whose they were.

    Their people are let in no more, their methods are removed, and mail about them is emptied, or never sent.
    Raises Conflict while a subscription runs. Issued invoices keep the buyer as the law asks (they are documents).
    """
    row = get(Customer, customer_id, lock=True)
    running = select(Subscription.id).where(
        Subscription.customer_id == customer_id, Subscription.status.not_in(("canceled", "expired"))
    )
    if session().scalar(running.limit(1)):
        raise Conflict("Cancel this customer's subscriptions first.", code="customer_in_use")
    _forget_traces(row, at)
    row.name, row.email, row.external_id = "Forgotten customer", _nobody(row.id), None
    row.address, row.tax_ids, row.details = {}, [], {}
    row.deleted_at = row.deleted_at or at
    audit("customer.forget", row.id, at)
    emit("customer.deleted", row.id, at, customer_id=row.id)


def _lock_running(customer_id: str) -> Sequence[Subscription]:
    """Their running subscriptions, locked before the customer is, see services/locks.py."""
    running = select(Subscription).where(Subscription.customer_id == customer_id, Subscription.ended_at.is_(None))
    return session().scalars(running.order_by(Subscription.id).with_for_update(key_share=True)).all()


def _forget_traces(row: Customer, at: datetime) -> None:
    for user in session().scalars(select(User).where(User.customer_id == row.id)):
        user.name, user.email, user.password_hash, user.disabled_at = "Forgotten", _nobody(user.id), None, at
        end_links(user.id, at)
        end_sessions(user.id, at)
    methods = change(PaymentMethod).where(PaymentMethod.customer_id == row.id, PaymentMethod.removed_at.is_(None))
    session().execute(methods.values(removed_at=at, is_default=False))
    _forget_mails(row)


def _forget_mails(row: Customer) -> None:
    """An address that another customer shares stays theirs."""
    shared = select(Customer.id).where(
        Customer.email == row.email, Customer.id != row.id, Customer.deleted_at.is_(None)
    )
    if session().scalar(shared.limit(1)):
        return
    for mail in session().scalars(select(Mail).where(Mail.to == row.email)):
        mail.to, mail.context = _nobody(row.id), {}
        mail.state = "failed" if mail.state == "queued" else mail.state


def _nobody(row_id: str) -> str:
    """An address that reaches nobody (RFC 2606: .invalid never exists)."""
    return f"{row_id}@forgotten.invalid"


def _check(row: Customer) -> None:
    if not (row.name or "").strip():
        raise InvalidInput("A customer needs a name.", code="missing", field="name")
    row.email = clean_email(row.email or "")
    row.name = row.name.strip()
    exponent(row.currency)
    zone(row.timezone)
    if row.kind not in (None, *KINDS):
        raise InvalidInput("kind is consumer or business.", code="invalid_kind", field="kind")
    _check_external_id(row)


def _check_external_id(row: Customer) -> None:
    if not row.external_id:
        row.external_id = None
        return
    others = select(Customer.id).where(Customer.external_id == row.external_id)
    if row.id:
        others = others.where(Customer.id != row.id)
    if session().scalar(others):
        raise Conflict(
            f"Another customer has the external id “{row.external_id}”.", code="external_id_taken", field="external_id"
        )


def _refuse_forgotten(row: Customer) -> None:
    if row.deleted_at:
        raise Conflict("This customer was forgotten and cannot be changed.", code="customer_forgotten")
