"""Writing an invoice by hand, with as many lines as it takes."""

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.models import Customer, Invoice
from app.permissions import Permission
from app.present import present
from app.queries.base import get
from app.services import invoices
from app.web.admin.forms.invoices import InvoiceForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("one_off", __name__, url_prefix="/one-off-invoices")


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for an invoice to a customer."""
    customer = get(Customer, request.args.get("customer", ""))
    return _form(InvoiceForm(data={"customer": customer.id}), customer)


@pages.post("/lines")
@requires(Permission.SELL)
def add_line() -> Response:
    """The form as it is, with one more line."""
    form = InvoiceForm()
    customer = get(Customer, form.customer.data or "")
    if len(form.lines) < form.lines.max_entries:
        form.lines.append_entry()
    return _form(form, customer)


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Issue the invoice."""
    form = InvoiceForm()
    customer = get(Customer, form.customer.data or "")
    if form.carry_out(lambda: _issue(form, customer.id)):
        row = get(Invoice, form.result)
        words = "The invoice was issued." if row.number else "The draft was kept."
        return done(url_for("admin.invoices.show", invoice_id=row.id), words)
    return _form(form, customer)


def _issue(form: InvoiceForm, customer_id: str) -> str:
    lines = [line.one_off() for line in form.written]
    collection, memo = form.collection.data, form.memo.data or ""
    finalize = not form.draft.data
    with transaction():
        return invoices.create(
            customer_id, lines, present(customer_id), collection=collection, memo=memo, finalize=finalize
        ).id


def _form(form: InvoiceForm, customer: Customer) -> Response:
    return render("admin/invoices/form.html", status=form.status, form=form, customer=customer)
