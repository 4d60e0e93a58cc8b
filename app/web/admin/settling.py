"""What else becomes of an open invoice: paid out of the balance, given up, or replaced by a corrected one."""

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.models import Invoice
from app.permissions import Permission
from app.present import present
from app.queries.base import get
from app.services import balances, invoices, write_offs
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.invoices import WriteOffForm
from app.web.auth_guard import requires
from app.web.rendering import done

pages = Blueprint("settling", __name__, url_prefix="/invoices/<invoice_id>")


@pages.get("/write-off")
@requires(Permission.COLLECT)
def ask_to_write_off(invoice_id: str) -> Response:
    """What giving an invoice up means, and the form to do it."""
    return _form(WriteOffForm(), get(Invoice, invoice_id))


@pages.post("/write-off")
@requires(Permission.COLLECT)
def write_off(invoice_id: str) -> Response:
    """Give an open invoice up."""
    row, form = get(Invoice, invoice_id), WriteOffForm()
    if form.carry_out(lambda: _write_off(invoice_id, form.reason.data or "")):
        return done(_page(invoice_id), "The invoice was written off. It can still be paid.")
    return _form(form, row)


@pages.post("/balance")
@requires(Permission.COLLECT)
def apply_balance(invoice_id: str) -> Response:
    """Pay an open invoice with the customer's balance."""
    with transaction():
        balances.apply(invoice_id, present(invoice_id))
    return done(_page(invoice_id), "The balance pays it as far as it goes.")


@pages.get("/replacement")
@requires(Permission.COLLECT)
def ask_to_replace(invoice_id: str) -> Response:
    """Ask before an invoice is taken back for a corrected one."""
    row = get(Invoice, invoice_id)
    return confirm(
        f"Correct {row.number or 'this draft'}?",
        "It becomes void and keeps its number. A draft with the same lines takes its place, to be put right.",
        url_for(".replace", invoice_id=invoice_id),
        "Void and write anew",
        _page(invoice_id),
    )


@pages.post("/replacement")
@requires(Permission.COLLECT)
def replace(invoice_id: str) -> Response:
    """Take an unpaid invoice back and write it anew as a draft."""
    with transaction():
        draft_id = invoices.replace(invoice_id, present(invoice_id), reason="corrected").id
    return done(_page(draft_id), "This draft takes its place. Change it, then finalise it.")


def _write_off(invoice_id: str, reason: str) -> None:
    with transaction():
        write_offs.write_off(invoice_id, present(invoice_id), reason=reason)


def _form(form: WriteOffForm, row: Invoice) -> Response:
    back = (row.number or "Draft", _page(row.id))
    return dialog("admin/invoices/_write_off.html", f"Write off {row.number}?", back, form=form, invoice=row)


def _page(invoice_id: str) -> str:
    return url_for("admin.invoices.show", invoice_id=invoice_id)
