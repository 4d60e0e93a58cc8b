"""What payers send from the page of a gateway's form: what it gave, or that it did not come up."""

from flask import Response, url_for

from app.domain.errors import Conflict
from app.models import Invoice, Payment
from app.present import present
from app.queries.base import get
from app.services import charging, ways
from app.services.ways import Hosted
from app.web.checkout.blueprint import pages
from app.web.checkout.gateway_forms import TokenForm
from app.web.checkout.guard import by_link, own_attempt
from app.web.once import once
from app.web.rendering import go


@pages.post("/<token>/payments/<payment_id>/form")
@by_link
@once
def fill_in(token: str, invoice: Invoice, payment_id: str) -> Response:
    """The gateway's form gave a one-time token: pay with that. After a refusal the form is there again at once."""
    payment = own_attempt(invoice, payment_id)
    form = TokenForm(ways.form_of(payment.account))
    if not form.carry_out(lambda: charging.finish(payment.id, str(form.token.data), present(payment.id))):
        raise Conflict(next(message for _, message in form.faults), code="not_filled_in")
    if form.result.status != "failed":
        return go(url_for("checkout.attempt", token=token, payment_id=payment.id))
    anew = _once_more(payment, by_form=True)
    return go(url_for("checkout.attempt", token=token, payment_id=anew.id, refused=payment.id))


@pages.post("/<token>/payments/<payment_id>/page")
@by_link
@once
def pay_on_page(token: str, invoice: Invoice, payment_id: str) -> Response:
    """The gateway's form does not come up: give this attempt up, and pay on the gateway's page instead."""
    payment = own_attempt(invoice, payment_id)
    if payment.next_action.get("kind") != "client_token":
        raise Conflict("This payment does not wait for a form any more.", code="not_waiting")
    charging.supersede(invoice.id, present(payment.id))
    begun = _once_more(payment, by_form=False)
    return go(url_for("checkout.attempt", token=token, payment_id=begun.id, onward=1))


def _once_more(payment: Payment, *, by_form: bool) -> Payment:
    """Another attempt at the same account, for no more than is still due."""
    wanted = Hosted(payment.account.id, keep_method=payment.keep_method, by_form=by_form)
    amount = min(payment.amount, get(Invoice, payment.invoice_id).due)
    return charging.collect(payment.invoice_id, present(payment.id), hosted=wanted, off_session=False, amount=amount)
