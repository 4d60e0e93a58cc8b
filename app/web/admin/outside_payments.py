"""Money that came in outside of any gateway: recorded on its invoice, and taken back when that was a mistake."""

from datetime import date, datetime, time

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.domain.outside_payments import Received
from app.domain.zones import from_wall, local_date
from app.models import Invoice, Payment
from app.permissions import Permission
from app.present import present
from app.queries.base import get
from app.services import outside_payments
from app.web.admin.dialogs import dialog
from app.web.admin.forms.payments import OutsidePaymentForm, TakingBackForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("outside_payments", __name__)


@pages.get("/invoices/<invoice_id>/outside-payments/new")
@requires(Permission.COLLECT)
def ask_to_record(invoice_id: str) -> Response:
    """The form, filled with all that is due, and today."""
    row = get(Invoice, invoice_id)
    today = local_date(present(invoice_id), row.customer.timezone)
    return _form(OutsidePaymentForm(data={"amount": str(row.due.amount), "at": today}), row)


@pages.post("/invoices/<invoice_id>/outside-payments")
@requires(Permission.COLLECT)
@once
def record(invoice_id: str) -> Response:
    """Record it."""
    row, form = get(Invoice, invoice_id), OutsidePaymentForm()
    if form.carry_out(lambda: _record(form, row)):
        return done(url_for("admin.invoices.show", invoice_id=invoice_id), "The payment is recorded.")
    return _form(form, get(Invoice, invoice_id))


@pages.get("/payments/<payment_id>/reversal")
@requires(Permission.COLLECT)
def ask_to_take_back(payment_id: str) -> Response:
    """What taking a recorded payment back means, and the form to do it."""
    return _reversal(TakingBackForm(), get(Payment, payment_id))


@pages.post("/payments/<payment_id>/reversal")
@requires(Permission.COLLECT)
def take_back(payment_id: str) -> Response:
    """Take it back."""
    row, form = get(Payment, payment_id), TakingBackForm()
    if form.carry_out(lambda: _take_back(payment_id, form.reason.data or "")):
        return done(url_for("admin.payments.show", payment_id=payment_id), "Taken back: the invoice is owed again.")
    return _reversal(form, row)


def _record(form: OutsidePaymentForm, row: Invoice) -> Payment:
    at = present(row.id)
    received = Received(form.method.data, _instant_of(form.at.data, row, at), form.reference.data or "")
    return outside_payments.receive(row.id, received, at, amount=form.amount.in_currency(row.currency))


def _instant_of(day: date, row: Invoice, at: datetime) -> datetime:
    """Nobody asks for the hour: now if that was today, else noon, which is on the same day for nearly every reader."""
    timezone = row.customer.timezone
    return at if day == local_date(at, timezone) else from_wall(datetime.combine(day, time(12)), timezone)


def _take_back(payment_id: str, reason: str) -> None:
    with transaction():
        outside_payments.take_back(payment_id, present(payment_id), reason=reason)


def _form(form: OutsidePaymentForm, row: Invoice) -> Response:
    back = (row.number or "Invoice", url_for("admin.invoices.show", invoice_id=row.id))
    return dialog("admin/payments/_outside.html", "Record a payment", back, form=form, invoice=row)


def _reversal(form: TakingBackForm, row: Payment) -> Response:
    back = ("Payment", url_for("admin.payments.show", payment_id=row.id))
    return dialog("admin/payments/_reversal.html", "Take this payment back?", back, form=form, payment=row)
