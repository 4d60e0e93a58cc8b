"""Where a refund on a chain is to be sent: the customer says so, once, by a link of their own."""

from flask import Response, url_for
from wtforms import BooleanField, StringField

from app.db import transaction
from app.domain.errors import NotFound
from app.models import Invoice, Refund
from app.present import present
from app.queries.base import get
from app.services import pay_links, payouts
from app.web.checkout.blueprint import pages
from app.web.checkout.guard import broken, ended, is_over, visiting, welcome_payer_of
from app.web.forms import AtMost, Form, Required, stripped
from app.web.rendering import go, render


class AddressForm(Form):
    """An address on the one network that the money is on."""

    address = StringField("Your address", [Required(), AtMost(64)], filters=[stripped])
    on_network = BooleanField("", [Required("Look at the network of your address, and confirm it.")])


@pages.get("/refund/<token>")
def ask_address(token: str) -> Response:
    """What is sent, on which network, and the form for whereto."""
    return _visit(token, give=False)


@pages.post("/refund/<token>")
def give_address(token: str) -> Response:
    """Keep the address."""
    return _visit(token, give=True)


def _visit(token: str, *, give: bool) -> Response:
    try:
        link = pay_links.read(pay_links.REFUND, token)
    except NotFound:
        return broken()
    if is_over(link):
        return ended()
    with visiting(link):
        refund, form = get(Refund, link.subject_id), AddressForm()
        form.on_network.label.text = f"It is an address on {refund.next_step.get('network', 'that network')}"
        if give and form.carry_out(lambda: _give(form, refund.id)):
            return go(url_for("checkout.ask_address", token=token))
        return _page(token, get(Refund, link.subject_id), form)


def _give(form: AddressForm, refund_id: str) -> Refund:
    with transaction():
        return payouts.send_to(refund_id, form.address.data or "", present(refund_id), by_customer=True)


def _page(token: str, refund: Refund, form: AddressForm) -> Response:
    invoice = get(Invoice, refund.payment.invoice_id)
    welcome_payer_of(invoice)
    return render("checkout/refund.html", status=form.status, token=token, refund=refund, invoice=invoice, form=form)
