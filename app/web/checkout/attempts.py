"""One attempt to pay: how it stands, what the payer has to do, and their way back from the gateway's page."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Response, request, url_for
from redis import RedisError

from app.domain.errors import Conflict, NotFound
from app.models import Invoice, Payment
from app.models.payments import OPEN_STATUSES
from app.present import present
from app.queries.base import get
from app.services import charging, pay_links
from app.settings import cache
from app.web.checkout import gateway_forms
from app.web.checkout.blueprint import pages
from app.web.checkout.gateway_forms import GatewayForm
from app.web.checkout.guard import broken, by_link, ended, is_over, own_attempt, visiting
from app.web.checkout.reasons import reason_of
from app.web.rendering import announce, go, render, wants_fragment

ASK_SECONDS = 2  # however many pages wait for an attempt, its gateway is asked no more often than this


@dataclass(frozen=True, slots=True)
class Standing:
    """How an attempt stands, in words for its payer. `tone` is one of Bootstrap's names."""

    tone: str
    icon: str
    title: str
    text: str


WORKING = Standing(
    "info",
    "hourglass-split",
    "Your payment is on its way",
    "Your bank is working on it. There is nothing to do: this page follows it, and a receipt comes by mail.",
)
STANDINGS: Mapping[str, Standing] = {
    "sending": WORKING,
    "pending": WORKING,
    "authorized": Standing(
        "info", "shield-check", "The money is reserved", "Nothing was taken yet. A receipt comes by mail once it is."
    ),
    "requires_action": Standing("warning", "shield-lock", "One more step", "Your payment waits for you to approve it."),
    "unknown": Standing(
        "warning",
        "search",
        "We are checking your payment",
        "We have not heard yet whether it went through. Please do not pay again: we find out and tell you by mail, and"
        " nothing is charged twice.",
    ),
    "succeeded": Standing("success", "check-lg", "Thank you, it is paid", "A receipt is on its way to you by mail."),
    "failed": Standing("danger", "x-lg", "The payment did not go through", "Nothing was charged."),
    "canceled": Standing("secondary", "slash-lg", "This payment was given up", "Nothing was charged."),
}

FORM = Standing("info", "credit-card", "Your card or account", "What you enter goes to the payment service alone.")

# What the payer has to do, by the kind of the attempt's next action.
ACTIONS: Mapping[str, str] = {
    "redirect": "checkout/actions/redirect.html",
    "qr_code": "checkout/actions/qr_code.html",
    "phone_prompt": "checkout/actions/phone_prompt.html",
    "client_token": "checkout/actions/form.html",
}
ELSEWHERE = "checkout/actions/elsewhere.html"

# After so many looks, the next one comes so many seconds later; two minutes on, whoever wants to know asks. Whoever has
# to find their wallet or phone first takes longer, and the page stays with them for twenty minutes more.
PAUSES = ((5, 1), (15, 2), (35, 5))
PATIENT = (*PAUSES, (115, 15))
TAKE_LONGER = ("qr_code", "phone_prompt")


@pages.get("/<token>/payments/<payment_id>")
@by_link
def attempt(token: str, invoice: Invoice, payment_id: str) -> Response:
    """How it stands. The fragment of it comes back by itself until the attempt has ended, ever more slowly."""
    payment = _latest(invoice, payment_id)
    shown = gateway_forms.to_pay(token, payment)
    standing = FORM if shown else STANDINGS[payment.status]
    if shown and wants_fragment():
        return go(request.path)  # its scripts and its policy belong to a page as a whole
    pause = None if shown else _pause(payment)
    if pause is None:
        announce(standing.title)
    response = render(
        "checkout/attempt.html",
        token=token,
        invoice=invoice,
        payment=payment,
        standing=standing,
        reason=_reason(invoice, payment),
        action=_action(payment, shown),
        shown=shown,
        ends_at=_ends_at(payment),
        pause=pause,
        looks=_looks() + 1,
    )
    if onward := _onward(payment):
        response.headers["Refresh"] = f"0; url={onward}"
    return gateway_forms.admit(response, shown) if shown else response


@pages.get("/return/<token>")
def come_back(token: str) -> Response:
    """The gateway sends the payer back to here. What it says in the address is asked again, and never just believed."""
    try:
        link = pay_links.read(pay_links.RETURN, token)
    except NotFound:
        return broken()
    if is_over(link):
        return ended()
    with visiting(link):
        payment = get(Payment, link.subject_id)
        if payment.status != "succeeded":
            with suppress(Conflict):  # it has ended for us; the page says how
                charging.resume(payment.id, request.args.to_dict(), present(payment.id))
        if payment.return_url:
            return go(_with_payment(payment.return_url, payment.id))
        page = pay_links.invoice_token(payment.invoice_id, present(payment.id))
    return go(url_for("checkout.attempt", token=page, payment_id=link.subject_id))


def _with_payment(url: str, payment_id: str) -> str:
    """The page of the application that began the payment, told which one it was: `…?payment=pay_01…`."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("payment", payment_id)])
    return urlunsplit(parts._replace(query=query))


def _reason(invoice: Invoice, payment: Payment) -> str | None:
    """Why this attempt was refused, or the one before it that the address names."""
    before = request.args.get("refused")
    refused = own_attempt(invoice, before) if before and payment.status == "requires_action" else payment
    return reason_of(refused) if refused.decline_code else None


def _action(payment: Payment, shown: GatewayForm | None) -> str:
    kind = payment.next_action.get("kind", "")
    return ELSEWHERE if kind == "client_token" and not shown else ACTIONS.get(kind, ELSEWHERE)


def _latest(invoice: Invoice, payment_id: str) -> Payment:
    """The attempt, with what its gateway says now. Raises NotFound for one of another invoice."""
    payment = own_attempt(invoice, payment_id)
    waits = payment.status in OPEN_STATUSES and not request.args.get("onward")
    return charging.look(payment_id, present(payment_id)) if waits and _may_ask(payment_id) else payment


def _may_ask(payment_id: str) -> bool:
    """Without Redis nobody counts, so then the planned checks alone bring news."""
    with suppress(RedisError):
        return bool(cache().set(f"look:{payment_id}", 1, nx=True, ex=ASK_SECONDS))
    return False


def _pause(payment: Payment) -> int | None:
    """Seconds until the page looks again; None when it does not."""
    if payment.status not in OPEN_STATUSES:
        return None
    pauses = PATIENT if payment.next_action.get("kind") in TAKE_LONGER else PAUSES
    return next((seconds for looks, seconds in pauses if _looks() < looks), None)


def _ends_at(payment: Payment) -> datetime | None:
    """Until when what the payer is shown can be paid, if it says so."""
    ends = payment.next_action.get("expires_at")
    return datetime.fromisoformat(ends) if ends else None


def _looks() -> int:
    """How often the page has looked already."""
    return request.args.get("looks", 0, type=int)


def _onward(payment: Payment) -> str | None:
    """The bank's page, right after the payer has chosen to pay; whoever comes back to this one later stays on it.

    The browser is led there by the page and not by the answer to its form, which may only lead inside (form-action).
    """
    action = payment.next_action
    leads = payment.status == "requires_action" and action.get("kind") == "redirect"
    return str(action["url"]) if leads and request.args.get("onward") else None
