"""Their invoices: found, read, understood, saved and paid."""

from collections.abc import Mapping

from flask import Blueprint, Response, request, url_for

from app.db import current_tenant_id, session
from app.domain.errors import NotFound
from app.models import CreditNote, Invoice, Refund, Tenant
from app.permissions import Permission
from app.present import present
from app.queries import portal as query
from app.queries.base import get
from app.queries.credit_notes import notes_of
from app.services import pay_links
from app.web import files
from app.web.auth_guard import requires
from app.web.invoice_status import status_shown
from app.web.portal.own import own, own_id
from app.web.portal.reminders import told
from app.web.rendering import announce, go, render, url_with

# What can be chosen in the list, in the customer's words, and the statuses it stands for. Drafts are nobody's business
# yet, and what was written off is still owed.
CHOICES: Mapping[str, str] = {"owed": "To pay", "overdue": "Overdue", "paid": "Paid", "void": "Withdrawn"}
STATUSES: Mapping[str, tuple[str, ...]] = {
    "owed": query.OWED,
    "overdue": query.OWED,
    "paid": ("paid",),
    "void": ("void",),
}

pages = Blueprint("invoices", __name__, url_prefix="/invoices")


@pages.get("/")
@requires(Permission.OWN)
def index() -> Response:
    """All of them, the newest first, with what was invoiced and what is overdue."""
    at, text, choice = present(own_id()), request.args.get("q"), request.args.get("status")
    found = query.invoices_of(
        own_id(),
        STATUSES.get(choice or "", query.ISSUED),
        text=text,
        late_at=at if choice == "overdue" else None,
        cursor=request.args.get("cursor"),
    )
    count = found.count()
    announce(f"{count} {'invoice' if count == 1 else 'invoices'} found")
    return render(
        "portal/invoices/list.html",
        rows=found.items,
        next_url=url_with(cursor=found.next_cursor) if found.next_cursor else None,
        count=count,
        filtered=bool(text or choice),
        totals=query.totals_of(own_id(), at),
        choices=list(CHOICES.items()),
    )


@pages.get("/<invoice_id>")
@requires(Permission.OWN)
def show(invoice_id: str) -> Response:
    """One invoice: what for, why so much, what was paid, and where it stands when it was not."""
    invoice, at = _issued(invoice_id), present(invoice_id)
    payments = query.payments_of(invoice.id)
    return render(
        "portal/invoices/detail.html",
        invoice=invoice,
        shown=status_shown(invoice, at),
        payments=payments,
        refunds=query.refunds_of([payment.id for payment in payments]),
        credit_notes=notes_of(invoice.id),
        reminders=told(invoice, session().get_one(Tenant, current_tenant_id()), at),
    )


@pages.get("/<invoice_id>/pdf")
@requires(Permission.OWN)
def pdf(invoice_id: str) -> Response:
    """The invoice on paper."""
    return files.invoice_pdf(_issued(invoice_id).id)


@pages.get("/<invoice_id>/credit-notes/<credit_note_id>")
@requires(Permission.OWN)
def credit_note_pdf(invoice_id: str, credit_note_id: str) -> Response:
    """A credit note on paper."""
    note = own(CreditNote, credit_note_id)
    if note.invoice_id != _issued(invoice_id).id:
        raise NotFound(f"This invoice has no credit note {credit_note_id}.", field="id")
    return files.credit_note_pdf(note.id)


@pages.get("/<invoice_id>/payment")
@requires(Permission.OWN)
def pay(invoice_id: str) -> Response:
    """To the page where it is paid, which is the same for those who come by mail."""
    token = pay_links.invoice_token(_issued(invoice_id).id, present(invoice_id))
    return go(url_for("checkout.show", token=token))


@pages.get("/<invoice_id>/refunds/<refund_id>/address")
@requires(Permission.OWN)
def give_address(invoice_id: str, refund_id: str) -> Response:
    """To the page where they say whereto a refund on a chain is sent."""
    invoice, refund = _issued(invoice_id), get(Refund, refund_id)
    if refund.payment.invoice_id != invoice.id:
        raise NotFound(f"There is no refund {refund_id}.", field="id")
    return go(url_for("checkout.ask_address", token=pay_links.refund_token(refund_id, present(invoice_id))))


def _issued(invoice_id: str) -> Invoice:
    """Their invoice. Raises NotFound for a draft, too: it was not sent to anybody."""
    invoice = own(Invoice, invoice_id)
    if invoice.status not in query.ISSUED:
        raise NotFound(f"There is no invoice {invoice_id}.", field="id")
    return invoice
