"""Drafts: invoices that can still be changed, line by line, until they are finalised."""

from collections.abc import Callable

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.domain.errors import NotFound
from app.models import Invoice, InvoiceLine
from app.permissions import Permission
from app.present import present
from app.queries.base import get
from app.services import draft_lines, drafts, invoices
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.invoices import DraftLineForm, NewDraftLineForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("drafts", __name__, url_prefix="/drafts/<draft_id>")


@pages.get("/lines/new")
@requires(Permission.SELL)
def new_line(draft_id: str) -> Response:
    """The form for another line."""
    return _form(NewDraftLineForm(), get(Invoice, draft_id))


@pages.post("/lines")
@requires(Permission.SELL)
@once
def add_line(draft_id: str) -> Response:
    """Add a line."""
    row, form = get(Invoice, draft_id), NewDraftLineForm()
    if form.carry_out(lambda: _do(lambda: draft_lines.add(draft_id, form.one_off(), present(draft_id)))):
        return done(_page(draft_id), "The line was added.")
    return _form(form, row)


@pages.get("/lines/<line_id>/edit")
@requires(Permission.SELL)
def edit_line(draft_id: str, line_id: str) -> Response:
    """The form to change a line."""
    row, line = _line(draft_id, line_id)
    return _form(DraftLineForm.of(line, row.currency), row, line)


@pages.post("/lines/<line_id>")
@requires(Permission.SELL)
def change_line(draft_id: str, line_id: str) -> Response:
    """Change a line."""
    row, line = _line(draft_id, line_id)
    form = DraftLineForm()
    if form.carry_out(lambda: _do(lambda: draft_lines.change(draft_id, line_id, form.values(), present(draft_id)))):
        return done(_page(draft_id), "The line was changed.")
    return _form(form, row, line)


@pages.get("/lines/<line_id>/removal")
@requires(Permission.SELL)
def ask_to_remove_line(draft_id: str, line_id: str) -> Response:
    """Ask before a line is taken off."""
    _, line = _line(draft_id, line_id)
    action = url_for(".remove_line", draft_id=draft_id, line_id=line_id)
    text = "The customer is not invoiced for it. Totals and taxes are reckoned anew."
    return confirm(f"Remove {line.description}?", text, action, "Remove", _page(draft_id))


@pages.post("/lines/<line_id>/removal")
@requires(Permission.SELL)
def remove_line(draft_id: str, line_id: str) -> Response:
    """Take a line off."""
    _line(draft_id, line_id)
    _do(lambda: draft_lines.remove(draft_id, line_id, present(draft_id)))
    return done(_page(draft_id), "The line was removed.")


@pages.get("/finalization")
@requires(Permission.SELL)
def ask_to_finalize(draft_id: str) -> Response:
    """Ask before a draft becomes a debt."""
    row = get(Invoice, draft_id)
    text = "It gets its number, is sent to the customer and collected. From then on only a credit note changes it."
    action = url_for(".finalize", draft_id=draft_id)
    return confirm(f"Finalise the draft for {row.customer.name}?", text, action, "Finalise", _page(draft_id))


@pages.post("/finalization")
@requires(Permission.SELL)
def finalize(draft_id: str) -> Response:
    """Give a draft its number."""
    with transaction():
        row = drafts.finalize(draft_id, present(draft_id))
        said = f"{row.number} was issued." if row.number else "It was set aside, because it looks abnormal."
    return done(_page(draft_id), said)


@pages.get("/discarding")
@requires(Permission.SELL)
def ask_to_discard(draft_id: str) -> Response:
    """Ask before a draft is dropped."""
    row = get(Invoice, draft_id)
    text = "It is not sent and not collected. As it has no number yet, none is missing."
    action = url_for(".discard", draft_id=draft_id)
    return confirm(f"Discard the draft for {row.customer.name}?", text, action, "Discard", _page(draft_id))


@pages.post("/discarding")
@requires(Permission.SELL)
def discard(draft_id: str) -> Response:
    """Drop a draft."""
    with transaction():
        drafts.locked(draft_id)
        invoices.void(draft_id, present(draft_id), reason="discarded")
    return done(_page(draft_id), "The draft was discarded.")


def _do(change: Callable[[], object]) -> None:
    with transaction():
        change()


def _line(draft_id: str, line_id: str) -> tuple[Invoice, InvoiceLine]:
    """The draft and a line of it."""
    row, line = get(Invoice, draft_id), get(InvoiceLine, line_id)
    if line.invoice_id != row.id:
        raise NotFound(f"This invoice has no line {line_id}.", field="id")
    return row, line


def _form(form: DraftLineForm, row: Invoice, line: InvoiceLine | None = None) -> Response:
    title = "Change a line" if line else "Another line"
    return dialog("admin/drafts/_line.html", title, ("Draft", _page(row.id)), form=form, invoice=row, line=line)


def _page(draft_id: str) -> str:
    return url_for("admin.invoices.show", invoice_id=draft_id)
