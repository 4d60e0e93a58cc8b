"""Credit notes: giving back invoices, with what that comes to shown before it is done."""

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.domain.errors import BillingError
from app.models import CreditNote, Invoice
from app.permissions import Permission
from app.present import present
from app.queries import sale_lists, timeline
from app.queries.base import get
from app.queries.credit_notes import lines_left, refunds_for
from app.services import credit_notes
from app.web.admin import activity, listing
from app.web.admin.dialogs import dialog
from app.web.admin.forms.credit_notes import CreditNoteForm
from app.web.auth_guard import requires
from app.web.files import credit_note_pdf
from app.web.once import once
from app.web.rendering import done, render, wants_fragment

pages = Blueprint("credit_notes", __name__)

FORM, PREVIEW = "admin/credit_notes/_form.html", "admin/credit_notes/_preview.html"


@pages.get("/credit-notes/")
@requires(Permission.VIEW)
def index() -> Response:
    """All credit notes."""
    filters = {**listing.asked("q", "invoice", "customer"), **listing.asked_days()}
    listed = sale_lists.credit_notes(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/credit_notes/list.html", listed, ("credit note", "credit notes"))


@pages.get("/credit-notes/<credit_note_id>")
@requires(Permission.VIEW)
def show(credit_note_id: str) -> Response:
    """A credit note: what it gives back, and where that went."""
    row = get(CreditNote, credit_note_id)
    refunds = refunds_for(row)
    ids = [row.id, *(refund.id for refund in refunds)]
    return render(
        "admin/credit_notes/detail.html",
        note=row,
        refunds=refunds,
        timeline=activity.told(timeline.of_subjects(ids, customer_id=row.customer_id), on_page_of=row.id),
    )


@pages.get("/credit-notes/<credit_note_id>/pdf")
@requires(Permission.VIEW)
def pdf(credit_note_id: str) -> Response:
    """The credit note on paper."""
    get(CreditNote, credit_note_id)
    return credit_note_pdf(credit_note_id)


@pages.get("/invoices/<invoice_id>/credit-notes/new")
@requires(Permission.COLLECT)
def new(invoice_id: str) -> Response:
    """The form to give back an invoice."""
    return _form(CreditNoteForm(), get(Invoice, invoice_id))


@pages.post("/invoices/<invoice_id>/credit-notes/preview")
@requires(Permission.COLLECT)
def preview(invoice_id: str) -> Response:
    """What the credit note comes to, as the form is filled in so far."""
    return _form(CreditNoteForm(), get(Invoice, invoice_id), part=PREVIEW if wants_fragment() else FORM)


@pages.post("/invoices/<invoice_id>/credit-notes")
@requires(Permission.COLLECT)
@once
def create(invoice_id: str) -> Response:
    """Give back an invoice, in part or in full. Refunds follow by themselves."""
    row = get(Invoice, invoice_id)
    form, currency = CreditNoteForm().over(lines_left(row)), row.currency
    if form.carry_out(lambda: _issue(form, invoice_id, currency)):
        return done(url_for(".show", credit_note_id=form.result), "The credit note was issued.")
    return _form(form, row)


def _issue(form: CreditNoteForm, invoice_id: str, currency: str) -> str:
    asked = form.asked(currency)
    with transaction():
        return credit_notes.issue(invoice_id, present(invoice_id), reason=form.reason.data or "", **asked).id


def _drawn(form: CreditNoteForm, row: Invoice) -> credit_notes.Drawn | BillingError:
    """What the credit note would be, or why it would not."""
    try:
        return credit_notes.preview(row.id, **form.asked(row.currency))
    except BillingError as refusal:
        return refusal


def _form(form: CreditNoteForm, row: Invoice, part: str = FORM) -> Response:
    form.over(lines_left(row))
    drawn = _drawn(form, row)
    refused = drawn if isinstance(drawn, BillingError) else None
    return dialog(
        part,
        f"Credit note for {row.number or 'a draft'}",
        (row.number or "Draft", url_for("admin.invoices.show", invoice_id=row.id)),
        form=form,
        invoice=row,
        drawn=None if refused else drawn,
        refused=refused,
    )
