"""A link that has ended is replaced by mail, so that it is no use to anybody but the customer."""

from flask import Response, flash, request, url_for

from app.domain.errors import NotFound
from app.present import present
from app.services import notices, pay_links
from app.web import throttle
from app.web.checkout.blueprint import pages
from app.web.checkout.guard import broken, visiting
from app.web.rendering import go, render

SENT = "A new link is on its way to the address that the invoice was sent to."


@pages.post("/<token>/renewal")
def renew(token: str) -> Response:
    """Mail a new link to the customer, whoever asks."""
    try:
        link = pay_links.read(pay_links.INVOICE, token)
    except NotFound:
        return broken()
    throttle.count("pay-link", link.subject_id, request.remote_addr or "")
    with visiting(link):
        notices.new_pay_link(link.subject_id, present(link.subject_id))
    flash(SENT, "success")
    return go(url_for("checkout.renewed"))


@pages.get("/renewed")
def renewed() -> Response:
    """What to do now that a new link is on its way."""
    return render("checkout/renewed.html", sent=SENT)
