"""Who may open a page of the checkout: whoever holds a link that we signed and that has not ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, request

from app.actors import Actor, current_actor
from app.db import current_tenant_id, session, tenant_scope
from app.domain.errors import NotFound
from app.models import Customer, Invoice, Payment, Tenant
from app.present import present
from app.queries.base import get
from app.services import pay_links
from app.services.pay_links import Link
from app.web.payer import Payer, welcome
from app.web.rendering import render
from app.web.signed_in import signed_in

View = TypeVar("View", bound=Callable[..., Any])


def by_link(view: View) -> View:
    """Give the view the token and the invoice of its link, inside the tenant of that invoice.

    Whoever brings a link that has ended, or none of ours, is told what to do instead.
    """

    @wraps(view)
    def guarded(token: str, **kwargs: Any) -> Any:
        try:
            link = pay_links.read(pay_links.INVOICE, token)
        except NotFound:
            return broken()
        if is_over(link):
            return ended(token)
        with visiting(link):
            invoice = get(Invoice, link.subject_id)
            welcome_payer_of(invoice)
            return view(token, invoice, **kwargs)

    guarded.by_link = True  # type: ignore[attr-defined]
    return cast(View, guarded)


def own_attempt(invoice: Invoice, payment_id: str) -> Payment:
    """That attempt to pay the invoice. Raises NotFound for one of another invoice."""
    payment = get(Payment, payment_id)
    if payment.invoice_id != invoice.id:
        raise NotFound(f"There is no payment {payment_id}.", field="id")
    return payment


def is_over(link: Link) -> bool:
    """Whether a link has ended, in the time of the customer who got it."""
    with tenant_scope(link.tenant_id):
        return link.expires_at <= present(link.subject_id)


@contextmanager
def visiting(link: Link) -> Iterator[None]:
    """Inside the block the tenant of the link is in scope, and what is done is written down as the payer's."""
    someone = signed_in()
    known = someone is not None and someone.tenant_id == link.tenant_id
    actor = Actor("user", someone.user_id, request.remote_addr) if someone and known else _payer()
    token = current_actor.set(actor)
    try:
        with tenant_scope(link.tenant_id):
            yield
    finally:
        current_actor.reset(token)


def broken() -> Response:
    """The answer to a link that was not signed by us, or was cut short."""
    return render("checkout/broken.html", status=404)


def ended(token: str | None = None) -> Response:
    """The answer to a link that is too old: with its token, a new one can be asked for."""
    return render("checkout/ended.html", status=410, token=token)


def _payer() -> Actor:
    return Actor("payer", None, request.remote_addr)


def welcome_payer_of(invoice: Invoice) -> None:
    """Have the page speak the language of the invoice's customer, in its seller's name."""
    customer, tenant = get(Customer, invoice.customer_id), session().get_one(Tenant, current_tenant_id())
    welcome(Payer(invoice.id, customer.locale, customer.timezone, tenant.name, tenant.mode))
