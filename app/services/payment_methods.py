"""The means a customer pays with: a gateway's token, and what they recognise it by. Never a card number."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from app.db import let_go, session, transaction
from app.domain.card_numbers import holds_card_number
from app.domain.errors import Conflict, InvalidInput
from app.gateways.base import Capability
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import NextAction, Payer, SavedMethod, SaveMethodRequest, SetupRequest
from app.models import Customer, GatewayAccount, Payment, PaymentMethod, Subscription
from app.queries.base import get
from app.services import expiry_warnings, gateway_accounts, open_invoices
from app.services.asking import ask_at
from app.services.contracts import ENDED
from app.services.events import emit
from app.services.history import audit
from app.services.outcomes import NoAnswer

FOLLOWED = ("token", "kind", "brand", "last4", "exp_month", "exp_year")


def refuse_card_number(text: str, field: str = "token") -> None:
    """Raise InvalidInput, naming the field, when the text holds what passes as a card number (domain/card_numbers)."""
    if holds_card_number(text):
        raise InvalidInput(
            "That looks like a card number. Send the gateway's token instead: card numbers are never taken here.",
            code="card_number_refused",
            field=field,
        )


def add(customer_id: str, gateway_account_id: str, token: str, at: datetime, *, default: bool = True) -> PaymentMethod:
    """Save a method at the gateway and keep its token. Opens its own transactions: the gateway is called between them.

    What a one-time token left is kept once, however often it comes. Raises InvalidInput for something that is not a
    token, and gateway errors as they come.
    """
    refuse_card_number(token)
    with transaction():
        account = gateway_accounts.usable(gateway_account_id)
        payer = payer_of(get(Customer, customer_id))
    gateway = gateway_accounts.connect(account)
    if Capability.SAVE_METHOD not in gateway.capabilities:
        raise Conflict(f"{gateway.title} cannot keep payment methods.", code="unsupported")
    saved = gateway.save_method(SaveMethodRequest(token, payer))
    with transaction():
        known = _known(customer_id, gateway_account_id, saved) if saved.token != token else None
        return known or keep(customer_id, gateway_account_id, saved, at, default=default)


def begin_setup(customer_id: str, gateway_account_id: str, return_url: str, *, by_form: bool = False) -> NextAction:
    """Have the gateway show its own form for leaving a method; the customer comes back with a token for `add`.

    `by_form`: see `gateways.types.PaymentRequest`; else it is a page, where the gateway has one. Raises gateway errors
    as they come. No transaction may be open.
    """
    customer, account = get(Customer, customer_id), gateway_accounts.usable(gateway_account_id)
    request = SetupRequest(secrets.token_urlsafe(24), payer_of(customer), return_url, customer.currency, by_form)
    gateway = gateway_accounts.connect(account)
    let_go()
    return gateway.begin_setup(request)


def keep(
    customer_id: str, gateway_account_id: str, saved: SavedMethod, at: datetime, *, default: bool
) -> PaymentMethod:
    """Keep what a gateway saved. The first method of a customer is the default one in any case."""
    get(Customer, customer_id, lock=True)
    has_default = session().scalar(
        select(PaymentMethod.id).where(
            PaymentMethod.customer_id == customer_id, PaymentMethod.is_default, PaymentMethod.removed_at.is_(None)
        )
    )
    row = _new(customer_id, gateway_account_id, saved, at)
    if default or not has_default:
        make_default(row.id, at)
    return row


def leave(payment: Payment, saved: SavedMethod, at: datetime) -> PaymentMethod:
    """Keep what a payer has paid with and wants to go on paying with; given again, it is the row that is there.

    It becomes the default one afterwards (`adopt`): whoever records a payment locks no customer.
    """
    row = _known(payment.customer_id, payment.account.id, saved)
    row = row or _new(payment.customer_id, payment.account.id, saved, at)
    emit("payment_method.left", row.id, at, customer_id=payment.customer_id)
    return row


def adopt(method_id: str, at: datetime) -> None:
    """Charge from now on what a payer has left for that, unless it was removed meanwhile."""
    with transaction():
        if get(PaymentMethod, method_id).removed_at is None:
            make_default(method_id, at)


def make_default(method_id: str, at: datetime) -> PaymentMethod:
    """Charge this method from now on, and try open invoices with it at once. Raises Conflict for a removed one."""
    get(Customer, get(PaymentMethod, method_id).customer_id, lock=True)
    row = get(PaymentMethod, method_id, lock=True)
    _refuse_removed(row)
    session().execute(
        update(PaymentMethod)
        .where(PaymentMethod.customer_id == row.customer_id, PaymentMethod.is_default)
        .values(is_default=False)
    )
    row.is_default = True
    session().flush()
    open_invoices.retry_with_default(row.customer_id, at)
    audit("payment_method.default", row.id, at)
    emit("payment_method.default", row.id, at, customer_id=row.customer_id)
    return row


def remove(method_id: str, at: datetime) -> None:
    """Forget a method; the newest of the others becomes the default when it was that.

    Raises Conflict when it is the last one of a customer with a running subscription.
    """
    get(Customer, get(PaymentMethod, method_id).customer_id, lock=True)
    row = get(PaymentMethod, method_id, lock=True)
    if row.removed_at:
        return
    others = [method for method in _kept(row.customer_id) if method.id != row.id]
    if not others and _pays_something(row.customer_id):
        raise Conflict(
            "This is the last payment method of a running subscription: add another one first.",
            code="last_payment_method",
        )
    _forget(row, at)


def look_again(method_ids: Sequence[str], at: datetime) -> None:
    """A notice says that the method behind these changed: ask the gateway, and keep what it says, or forget them.

    They share an account and a token. Opens its own transactions. Raises GatewayUnavailable when there is no answer.
    """
    first = get(PaymentMethod, method_ids[0])
    account, token = get(GatewayAccount, first.gateway_account_id), first.token
    found = ask_at(account, lambda: gateway_accounts.connect(account).fetch_method(token))
    if isinstance(found, NoAnswer):
        raise GatewayUnavailable(found.message)
    with transaction():
        for method_id in method_ids:
            _follow(method_id, found, at)


def for_charging(customer_id: str, preferred_id: str | None) -> PaymentMethod | None:
    """The method to charge: the preferred one while it is there, else the customer's default."""
    methods = _kept(customer_id)
    wanted = [method for method in methods if method.id == preferred_id] or [m for m in methods if m.is_default]
    return wanted[0] if wanted else None


def payer_of(customer: Customer) -> Payer:
    """What a gateway is told about a customer."""
    return Payer(customer.id, customer.name, customer.email, customer.address.get("country"))


def _follow(method_id: str, found: SavedMethod | None, at: datetime) -> None:
    get(Customer, get(PaymentMethod, method_id).customer_id, lock=True)
    row = get(PaymentMethod, method_id, lock=True)
    if found is None:
        _forget(row, at)
        return
    changed = [name for name in FOLLOWED if getattr(row, name) != getattr(found, name)]
    for name in changed:
        setattr(row, name, getattr(found, name))
    row.fingerprint = found.fingerprint
    if changed:
        expiry_warnings.plan(row, at)
        audit("payment_method.update", row.id, at, fields=changed)
        emit("payment_method.updated", row.id, at, customer_id=row.customer_id, fields=changed)


def _forget(row: PaymentMethod, at: datetime) -> None:
    """Take a method out of use, locked after its customer; the newest of the others becomes the default."""
    if row.removed_at:
        return
    row.removed_at, was_default, row.is_default = at, row.is_default, False
    audit("payment_method.remove", row.id, at)
    emit("payment_method.removed", row.id, at, customer_id=row.customer_id)
    others = _kept(row.customer_id)
    if was_default and others:
        make_default(others[-1].id, at)


def _known(customer_id: str, gateway_account_id: str, saved: SavedMethod) -> PaymentMethod | None:
    kept = select(PaymentMethod).where(
        PaymentMethod.customer_id == customer_id,
        PaymentMethod.gateway_account_id == gateway_account_id,
        PaymentMethod.token == saved.token,
        PaymentMethod.removed_at.is_(None),
    )
    return session().scalars(kept).first()


def _new(customer_id: str, gateway_account_id: str, saved: SavedMethod, at: datetime) -> PaymentMethod:
    row = PaymentMethod(
        customer_id=customer_id,
        gateway_account_id=gateway_account_id,
        kind=saved.kind,
        token=saved.token,
        brand=saved.brand,
        last4=saved.last4,
        exp_month=saved.exp_month,
        exp_year=saved.exp_year,
        fingerprint=saved.fingerprint,
        created_at=at,
    )
    expiry_warnings.plan(row, at)
    session().add(row)
    session().flush()
    audit("payment_method.add", row.id, at)
    emit("payment_method.added", row.id, at, customer_id=customer_id)
    return row


def _kept(customer_id: str) -> Sequence[PaymentMethod]:
    """The methods that are still there, oldest first."""
    query = select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, PaymentMethod.removed_at.is_(None))
    return session().scalars(query.order_by(PaymentMethod.id)).all()


def _pays_something(customer_id: str) -> bool:
    running = select(Subscription.id).where(
        Subscription.customer_id == customer_id,
        Subscription.collection == "automatic",
        Subscription.status.not_in(ENDED),
    )
    return session().scalar(running.limit(1)) is not None


def _refuse_removed(row: PaymentMethod) -> None:
    if row.removed_at:
        raise Conflict("This payment method was removed.", code="payment_method_removed")
