"""What somebody of the staff saw at a gateway that does not tell how a payment or a refund ended."""

from flask import Blueprint, Response, url_for

from app.domain.errors import NotFound
from app.models import Payment, Refund
from app.permissions import Permission
from app.present import present
from app.queries.base import get
from app.services import attesting
from app.web.admin.dialogs import dialog
from app.web.admin.forms.payments import AttestationForm
from app.web.admin.payments import tell, tell_refund
from app.web.auth_guard import requires
from app.web.rendering import done

pages = Blueprint("attestations", __name__, url_prefix="/payments/<payment_id>")


@pages.get("/attestation")
@requires(Permission.COLLECT)
def ask_payment(payment_id: str) -> Response:
    """Ask what became of an attempt."""
    return _payment(AttestationForm.of_payment(), get(Payment, payment_id))


@pages.post("/attestation")
@requires(Permission.COLLECT)
def attest_payment(payment_id: str) -> Response:
    """Record what somebody saw of it."""
    row, form = get(Payment, payment_id), AttestationForm.of_payment()
    at = present(payment_id)
    if form.carry_out(lambda: attesting.attest_payment(payment_id, at, made=form.made, note=form.note.data or "")):
        tell(form.result)
        return _back(payment_id)
    return _payment(form, row)


@pages.get("/refunds/<refund_id>/attestation")
@requires(Permission.COLLECT)
def ask_refund(payment_id: str, refund_id: str) -> Response:
    """Ask what became of a refund."""
    return _refund(AttestationForm.of_refund(), _refund_of(payment_id, refund_id))


@pages.post("/refunds/<refund_id>/attestation")
@requires(Permission.COLLECT)
def attest_refund(payment_id: str, refund_id: str) -> Response:
    """Record what somebody saw of it."""
    row, form = _refund_of(payment_id, refund_id), AttestationForm.of_refund()
    at = present(payment_id)
    if form.carry_out(lambda: attesting.attest_refund(refund_id, at, made=form.made, note=form.note.data or "")):
        tell_refund(form.result.status)
        return _back(payment_id)
    return _refund(form, row)


def _refund_of(payment_id: str, refund_id: str) -> Refund:
    row = get(Refund, refund_id)
    if row.payment_id != payment_id:
        raise NotFound(f"This payment has no refund {refund_id}.", field="id")
    return row


def _payment(form: AttestationForm, row: Payment) -> Response:
    return _dialog("What became of the payment?", form, url_for(".attest_payment", payment_id=row.id), row)


def _refund(form: AttestationForm, row: Refund) -> Response:
    action = url_for(".attest_refund", payment_id=row.payment_id, refund_id=row.id)
    return _dialog("What became of the refund?", form, action, row.payment)


def _dialog(title: str, form: AttestationForm, action: str, payment: Payment) -> Response:
    back = ("Payment", url_for("admin.payments.show", payment_id=payment.id))
    gateway = payment.account
    return dialog("admin/payments/_attestation.html", title, back, form=form, action=action, gateway=gateway)


def _back(payment_id: str) -> Response:
    return done(url_for("admin.payments.show", payment_id=payment_id))
