"""Invoices: what is owed, why, and what was done about it."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.models import Invoice
from app.permissions import Permission
from app.present import present
from app.queries import lists, timeline
from app.queries.base import get
from app.queries.books import entries_about
from app.queries.credit_notes import notes_of
from app.queries.refunds import refunds_of
from app.services import charging, invoices, pay_links, ways
from app.web.admin import activity, listing
from app.web.admin.dialogs import dialog
from app.web.admin.forms.invoices import VoidingForm
from app.web.admin.payments import tell
from app.web.admin.reminders import stages_of
from app.web.auth_guard import requires
from app.web.files import invoice_pdf
from app.web.once import once
from app.web.rendering import done, render
from app.web.statuses import badges

pages = Blueprint("invoices", __name__, url_prefix="/invoices")

STATUSES = [*((status, look.label) for status, look in badges("invoice").items() if status != "partially_paid")]
STATUSES += [("failed", "Charge failed"), ("parked", "Set aside for review")]


def filters() -> dict[str, str | None]:
    """The filters in the address, as the query takes them; `overdue`, `failed`, `parked` stand beside the statuses."""
    asked = {**listing.asked("q", "status", "currency", "customer", "subscription"), **listing.asked_days()}
    standings: dict[str, dict[str, str | None]] = {
        "overdue": {"status": "open", "overdue_at": clock.now().isoformat()},
        "failed": {"status": "open", "failed": "yes"},
        "parked": {"status": None, "to_review": "yes"},
    }
    return listing.translated(asked, "status", standings)


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All invoices."""
    listed = lists.invoices(filters(), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/invoices/list.html",
        listed,
        ("invoice", "invoices"),
        statuses=STATUSES,
        export_url=listing.same_filters("admin.exports.invoices"),
    )


@pages.get("/<invoice_id>")
@requires(Permission.VIEW)
def show(invoice_id: str) -> Response:
    """An invoice with its lines and why they are what they are, its payments, and what comes next."""
    row = get(Invoice, invoice_id)
    payments = lists.payments({"invoice": invoice_id}).items
    sent_back = refunds_of([payment.id for payment in payments])
    notes = notes_of(row.id)
    ids = [row.id, *(each.id for part in (payments, sent_back, notes) for each in part)]
    return render(
        "admin/invoices/detail.html",
        invoice=row,
        payments=payments,
        refunds=sent_back,
        credit_notes=notes,
        stages=stages_of(row),
        entries=entries_about(ids),
        can_reserve=ways.can_reserve(row),
        pay_link=pay_links.mailed_address(row, present(row.id)) if row.status == "open" else None,
        timeline=activity.told(timeline.of_subjects(ids, customer_id=row.customer_id), on_page_of=row.id),
    )


@pages.get("/<invoice_id>/pdf")
@requires(Permission.VIEW)
def pdf(invoice_id: str) -> Response:
    """The invoice on paper."""
    get(Invoice, invoice_id)
    return invoice_pdf(invoice_id)


@pages.post("/<invoice_id>/collection")
@requires(Permission.COLLECT)
@once
def collect(invoice_id: str) -> Response:
    """Charge the customer's method now."""
    get(Invoice, invoice_id)
    tell(charging.collect(invoice_id, present(invoice_id)))
    return done(url_for(".show", invoice_id=invoice_id))


@pages.post("/<invoice_id>/reservation")
@requires(Permission.COLLECT)
@once
def reserve(invoice_id: str) -> Response:
    """Reserve the money with the customer's method, to be captured later."""
    get(Invoice, invoice_id)
    tell(charging.collect(invoice_id, present(invoice_id), manual_capture=True))
    return done(url_for(".show", invoice_id=invoice_id))


@pages.get("/<invoice_id>/voiding")
@requires(Permission.COLLECT)
def ask_to_void(invoice_id: str) -> Response:
    """What taking the invoice back means, and the form to do it."""
    return _voiding(VoidingForm(), get(Invoice, invoice_id))


@pages.post("/<invoice_id>/voiding")
@requires(Permission.COLLECT)
def void(invoice_id: str) -> Response:
    """Take an unpaid invoice back."""
    row = get(Invoice, invoice_id)
    form = VoidingForm()
    if form.carry_out(lambda: _void(invoice_id, form.reason.data or "")):
        return done(url_for(".show", invoice_id=invoice_id), "The invoice is void. It keeps its number.")
    return _voiding(form, row)


def _void(invoice_id: str, reason: str) -> None:
    with transaction():
        invoices.void(invoice_id, present(invoice_id), reason=reason)


def _voiding(form: VoidingForm, row: Invoice) -> Response:
    back = (row.number or "Invoice", url_for(".show", invoice_id=row.id))
    return dialog("admin/invoices/_voiding.html", f"Void {row.number}?", back, form=form, invoice=row)
