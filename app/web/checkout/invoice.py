"""The page of one invoice: what it asks for and ways to pay it, or how it stands when there is nothing to do."""

from flask import Response, flash, request, url_for

from app.domain.errors import Conflict
from app.models import Invoice, Payment
from app.present import present
from app.queries.payments import open_payment
from app.web.checkout.blueprint import pages
from app.web.checkout.guard import by_link
from app.web.checkout.till import Till
from app.web.files import invoice_pdf
from app.web.invoice_status import is_late
from app.web.once import once
from app.web.rendering import go, render


@pages.get("/<token>")
@by_link
def show(token: str, invoice: Invoice) -> Response:
    """The invoice and ways to pay it. A payment under way has a page of its own, which tells how it goes on."""
    attempt = open_payment(invoice.id)
    if attempt and attempt.status != "requires_action":
        return go(url_for("checkout.attempt", token=token, payment_id=attempt.id))
    return _page(token, Till.of(invoice), waiting=attempt)


@pages.post("/<token>")
@by_link
@once
def pay(token: str, invoice: Invoice) -> Response:
    """Pay it, and go on to the page that tells what came of it, or what the payer has to do next."""
    till = Till.of(invoice)
    if not till.take_payment():
        return _page(token, till)
    return go(url_for("checkout.attempt", token=token, payment_id=till.form.result.id, onward=1))


@pages.get("/<token>/invoice.pdf")
@by_link
def pdf(_token: str, invoice: Invoice) -> Response:
    """The invoice on paper."""
    return invoice_pdf(invoice.id)


@pages.errorhandler(Conflict)
def show_again(refusal: Conflict) -> Response:
    """Whatever does not fit any more, a form sent twice among them: the page of the invoice tells how it stands."""
    flash(refusal.message, "warning")
    return go(url_for("checkout.show", token=(request.view_args or {})["token"]))


def _page(token: str, till: Till, *, waiting: Payment | None = None) -> Response:
    """422 when the form has to be corrected."""
    invoice = till.invoice
    return render(
        "checkout/invoice.html",
        status=422 if till.faults else 200,
        token=token,
        till=till,
        invoice=invoice,
        overdue=is_late(invoice, present(invoice.id)),
        waiting=waiting,
    )
