"""Payments: every attempt to collect, what the gateway said, and money on its way back."""

from flask import Blueprint, Response, flash, url_for

from app.db import transaction
from app.domain.declines import DECLINES
from app.domain.errors import NotFound
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import Payment, Refund
from app.models.payments import OPEN_STATUSES
from app.permissions import Permission
from app.present import present
from app.queries import disputes, lists, timeline
from app.queries.base import get
from app.queries.deposits import deposits_of, quote_of
from app.services import amounts, charging, deposits, payouts, refunds
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.payments import CaptureForm, PayoutForm, RefundForm
from app.web.auth_guard import requires
from app.web.formats import money as money_text
from app.web.once import once
from app.web.qr import qr_code
from app.web.rendering import done, render
from app.web.statuses import badges

pages = Blueprint("payments", __name__, url_prefix="/payments")

# What can be chosen beside the statuses, and the filters it stands for.
STANDINGS = {
    "open": {"status": ",".join(OPEN_STATUSES)},
    "late": {"status": "succeeded", "kept": "yes"},
    "refund_in_doubt": {"status": "succeeded", "refund_in_doubt": "yes"},
    "refund_to_send": {"status": "succeeded", "refund_to_send": "yes"},
}
STATUSES = [
    *((status, look.label) for status, look in badges("payment").items()),
    ("open", "Still open"),
    ("late", "Late or too much"),
    ("refund_in_doubt", "Refund in doubt"),
    ("refund_to_send", "Refund to send from a wallet"),
]
# How an attempt went, told to whoever started it.
SAID = {
    "succeeded": ("success", "Paid."),
    "failed": ("danger", "Not paid."),
    "unknown": ("warning", "The gateway did not answer. It is asked again by itself, and nothing is charged twice."),
    "requires_action": ("warning", "The customer has to approve this payment first."),
    "pending": ("info", "The payment is on its way and settles later."),
    "authorized": ("info", "The money is reserved and not taken yet."),
    "sending": ("info", "The payment is being sent."),
    "canceled": ("warning", "The payment was given up."),
}
# What a gateway has received, and tells later how it ended.
ASKED = {
    "capture": "The gateway takes the money, and tells later how that went.",
    "void": "The gateway lets the money go, and tells later how that went.",
}


def filters() -> dict[str, str | None]:
    """The filters in the address, as the query takes them."""
    asked = listing.asked("q", "status", "gateway", "currency", "customer", "invoice")
    return listing.translated({**asked, **listing.asked_days()}, "status", STANDINGS)


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All attempts."""
    listed = lists.payments(filters(), cursor=listing.cursor(), limit=listing.LIMIT)
    gateways = sorted({account.gateway for account in lists.gateway_accounts().items})
    return listing.show_list(
        "admin/payments/list.html",
        listed,
        ("payment", "payments"),
        gateways=[*((name, gateway_class(name).title) for name in gateways), (lists.OUTSIDE, "Outside of gateways")],
        statuses=STATUSES,
        export_url=listing.same_filters("admin.exports.payments"),
    )


@pages.get("/<payment_id>")
@requires(Permission.VIEW)
def show(payment_id: str) -> Response:
    """One attempt with all that is known about it."""
    row = get(Payment, payment_id)
    sent_back = lists.refunds({"payment": payment_id}).items
    disputed = disputes.disputes({"payment": payment_id}).items
    came = deposits_of(payment_id)
    ids = [row.id, *(part.id for part in sent_back), *(part.id for part in disputed), *(part.id for part in came)]
    return render(
        "admin/payments/detail.html",
        payment=row,
        refunds=sent_back,
        refundable=_refundable(row),
        tells_refunds=row.is_outside or gateway_class(row.account.gateway).tells_refunds,
        decline=DECLINES.get(row.decline_code or ""),
        is_open=row.status in OPEN_STATUSES,
        disputes=disputed,
        amount_refused=row.status in OPEN_STATUSES and amounts.was_refused(row),
        quote=quote_of(payment_id),
        deposits=came,
        timeline=activity.told(timeline.of_subjects(ids, customer_id=row.customer_id), on_page_of=row.id),
    )


@pages.post("/<payment_id>/check")
@requires(Permission.COLLECT)
def check(payment_id: str) -> Response:
    """Ask the gateway how the attempt stands."""
    get(Payment, payment_id)
    tell(charging.check(payment_id, present(payment_id)))
    return done(url_for(".show", payment_id=payment_id))


@pages.post("/<payment_id>/amount")
@requires(Permission.COLLECT)
def accept_amount(payment_id: str) -> Response:
    """Book what came, although another amount was asked for."""
    get(Payment, payment_id)
    tell(charging.accept_amount(payment_id, present(payment_id)))
    return done(url_for(".show", payment_id=payment_id))


@pages.get("/<payment_id>/capture")
@requires(Permission.COLLECT)
def ask_capture(payment_id: str) -> Response:
    """How much is taken of what is reserved: all of it, unless somebody changes that."""
    row = get(Payment, payment_id)
    return _capture(CaptureForm(data={"amount": str(row.amount.amount)}), row)


@pages.post("/<payment_id>/capture")
@requires(Permission.COLLECT)
def capture(payment_id: str) -> Response:
    """Take reserved money."""
    row, form = get(Payment, payment_id), CaptureForm()
    currency, at = row.currency, present(payment_id)
    if form.carry_out(lambda: charging.capture(payment_id, at, part=form.amount.in_currency(currency))):
        tell(form.result)
        return done(url_for(".show", payment_id=payment_id))
    return _capture(form, get(Payment, payment_id))


@pages.get("/<payment_id>/voiding")
@requires(Permission.COLLECT)
def ask_void(payment_id: str) -> Response:
    """Ask before reserved money is given up."""
    row, action = get(Payment, payment_id), url_for(".void", payment_id=payment_id)
    text = f"The {money_text(row.amount)} is not taken, and the invoice stays open."
    return confirm("Void this payment?", text, action, "Void", url_for(".show", payment_id=payment_id))


@pages.post("/<payment_id>/voiding")
@requires(Permission.COLLECT)
def void(payment_id: str) -> Response:
    """Give reserved money up."""
    get(Payment, payment_id)
    tell(charging.void(payment_id, present(payment_id)))
    return done(url_for(".show", payment_id=payment_id))


@pages.get("/<payment_id>/refunds/new")
@requires(Permission.COLLECT)
def ask_refund(payment_id: str) -> Response:
    """The form of a refund, filled with all that is left."""
    row = get(Payment, payment_id)
    return _refund(RefundForm(data={"amount": str(_refundable(row).amount)}), row)


@pages.post("/<payment_id>/refunds")
@requires(Permission.COLLECT)
@once
def refund(payment_id: str) -> Response:
    """Send money back."""
    row = get(Payment, payment_id)
    form, currency = RefundForm(), row.currency
    if form.carry_out(
        lambda: refunds.refund(payment_id, form.amount.in_currency(currency), present(payment_id), reason=form.why)
    ):
        tell_refund(form.result.status, outside=row.is_outside)
        return done(url_for(".show", payment_id=payment_id))
    return _refund(form, get(Payment, payment_id))


@pages.get("/<payment_id>/refunds/<refund_id>/payout")
@requires(Permission.COLLECT)
def ask_payout(payment_id: str, refund_id: str) -> Response:
    """What is to be sent from a wallet, and the form for whereto and with which transaction."""
    row = _payout_of(payment_id, refund_id)
    return _payout(PayoutForm(data={"address": row.next_step.get("address", "")}), row)


@pages.post("/<payment_id>/refunds/<refund_id>/payout")
@requires(Permission.COLLECT)
def pay_out(payment_id: str, refund_id: str) -> Response:
    """Keep the address; with a transaction, look on the chain whether it was sent."""
    row = _payout_of(payment_id, refund_id)
    form = PayoutForm()
    if form.carry_out(lambda: _send(form, row)):
        return done(url_for(".show", payment_id=payment_id), "Noted: the refund is done once the chain has it.")
    return _payout(form, get(Refund, refund_id))


@pages.post("/<payment_id>/deposits/<deposit_id>/credit")
@requires(Permission.COLLECT)
def credit_deposit(payment_id: str, deposit_id: str) -> Response:
    """Make a deposit the customer's balance, at the price of now."""
    deposits.credit(deposit_id, present(payment_id))
    return done(url_for(".show", payment_id=payment_id), "The deposit is the customer's balance now.")


@pages.post("/<payment_id>/deposits/<deposit_id>/dismissal")
@requires(Permission.COLLECT)
def dismiss_deposit(payment_id: str, deposit_id: str) -> Response:
    """Put a deposit aside."""
    with transaction():
        deposits.dismiss(deposit_id, present(payment_id))
    return done(url_for(".show", payment_id=payment_id), "The deposit is put aside.")


def tell(payment: Payment) -> None:
    """Say how an attempt went, with the gateway's reason if there is one."""
    is_asked = payment.status == "pending" and payment.decided is not None
    tone, words = ("info", ASKED[payment.decided or ""]) if is_asked else SAID[payment.status]
    has_reason = payment.status in ("failed", "authorized") and payment.message
    flash(f"{words} {payment.message}" if has_reason else words, tone)


def tell_refund(status: str, *, outside: bool = False) -> None:
    """Say how a refund went."""
    if outside:
        flash("It is recorded that the money was given back.", "success")
    elif status == "succeeded":
        flash("The money is on its way back to the payer.", "success")
    elif status == "failed":
        flash("The gateway refused the refund. The reason stands below.", "danger")
    else:
        flash("The gateway has not confirmed the refund yet. It is asked again by itself.", "warning")


def _refundable(row: Payment) -> Money:
    """What can still be sent back; nothing at a gateway that cannot refund."""
    can = row.is_outside or Capability.REFUND in gateway_class(row.account.gateway).capabilities
    left = row.amount_minor - row.refunded_minor if can and row.status == "succeeded" else 0
    return Money(left, row.currency)


def _payout_of(payment_id: str, refund_id: str) -> Refund:
    row = get(Refund, refund_id)
    if row.payment_id != payment_id or row.next_step.get("kind") != "payout":
        raise NotFound(f"No refund {refund_id} of this payment is sent from a wallet.", field="id")
    return row


def _send(form: PayoutForm, row: Refund) -> None:
    if form.address.data != row.next_step.get("address"):
        with transaction():
            payouts.send_to(row.id, form.address.data or "", present(row.payment_id))
    if form.tx_hash.data:
        payouts.sent_with(row.id, form.tx_hash.data, present(row.payment_id))


def _payout(form: PayoutForm, row: Refund) -> Response:
    back = ("Payment", url_for(".show", payment_id=row.payment_id))
    return dialog("admin/payments/_payout.html", "Send a refund", back, form=form, refund=row, qr_code=qr_code)


def _capture(form: CaptureForm, row: Payment) -> Response:
    back = ("Payment", url_for(".show", payment_id=row.id))
    in_part = Capability.PARTIAL_CAPTURE in gateway_class(row.account.gateway).capabilities
    return dialog("admin/payments/_capture.html", "Capture", back, form=form, payment=row, in_part=in_part)


def _refund(form: RefundForm, row: Payment) -> Response:
    back = ("Payment", url_for(".show", payment_id=row.id))
    return dialog("admin/payments/_refund.html", "Refund", back, form=form, payment=row, left=_refundable(row))
