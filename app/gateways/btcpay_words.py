"""What BTCPay Server says, in our words: one table for each of its vocabularies, and its objects as our results."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.domain.declines import decline_for
from app.domain.money import Money
from app.gateways.plain_http import Fault, Json
from app.gateways.types import (
    ClaimLink,
    NextAction,
    Notice,
    NoticeKind,
    PaymentRef,
    PaymentResult,
    PaymentStatus,
    QrCode,
    Redirect,
    RefundRef,
    RefundResult,
    RefundStatus,
    Transaction,
)

STATUSES: Mapping[str, PaymentStatus] = {
    "New": PaymentStatus.REQUIRES_ACTION,
    "Processing": PaymentStatus.PENDING,
    "Settled": PaymentStatus.SUCCEEDED,
    # For those who never paid; what was paid nevertheless is in `_late`.
    "Expired": PaymentStatus.CANCELED,
    "Invalid": PaymentStatus.FAILED,
}
MARKED = "Marked"  # by a person at BTCPay, or by `void`
PAID_IN_PART = "PaidPartial"


def fault(status: int, body: Any) -> Fault | None:
    """What is wrong, if anything: `{code, message}`, or a list of `{path, message}` for a body that is refused."""
    if status < 400:
        return None
    told = body[0] if isinstance(body, list) and body else body
    told = told if isinstance(told, dict) else {}
    return Fault(status, str(told.get("code") or told.get("path") or ""), str(told.get("message") or ""))


def payment(invoice: Json, methods: Sequence[Json], at: datetime, code_method: str = "") -> PaymentResult:
    """An invoice as it stands `at` an instant (UTC), with its payment methods as far as they were asked for."""
    status = STATUSES[invoice["status"]]
    if invoice["status"] in ("Expired", "Invalid"):
        return _late(invoice, methods, at)
    if status is PaymentStatus.REQUIRES_ACTION:
        return PaymentResult(status, invoice["id"], next_action=_next_action(invoice, methods, code_method))
    return PaymentResult(status, invoice["id"], received(invoice))


def received(invoice: Json) -> Money:
    """What was paid, in the invoice's currency at its own rate; the whole of one that a person marked as settled."""
    whole = amount(invoice)
    paid = Money.rounded(Decimal(invoice["paidAmount"]), invoice["currency"])
    return max(whole, paid) if invoice["additionalStatus"] == MARKED and invoice["status"] == "Settled" else paid


def amount(invoice: Json) -> Money:
    """What an invoice asks for."""
    return Money.rounded(Decimal(invoice["amount"]), invoice["currency"])


def key_of(invoice: Json) -> str | None:
    """Our key: the order id in the metadata."""
    return (invoice.get("metadata") or {}).get("orderId") or None


def needs_methods(invoice: Json, code_method: str) -> bool:
    """Whether an invoice cannot be told without its payment methods: to show a code, or to know what came late."""
    return invoice["status"] in ("Expired", "Invalid") or bool(code_method and invoice["status"] == "New")


def refund(pull_payment: Json, payouts: Sequence[Json]) -> RefundResult:
    """A pull payment: the payer claims it with its link, a person pays it out, and only then is it final."""
    ref = pull_payment["id"]
    sent = sum((Decimal(payout["originalAmount"]) for payout in payouts if payout["state"] == "Completed"), Decimal(0))
    if sent >= Decimal(pull_payment["amount"]):
        return RefundResult(RefundStatus.SUCCEEDED, ref)
    if not pull_payment["archived"]:
        return RefundResult(RefundStatus.PENDING, ref, next_step=ClaimLink(pull_payment["viewLink"]))
    if sent:
        return RefundResult(RefundStatus.PENDING, ref, f"Closed at BTCPay after {sent} of it was paid out.")
    return RefundResult(RefundStatus.FAILED, ref, "The refund was closed at BTCPay before the payer claimed it.")


def paid_transaction(invoice: Json, taken: Money) -> Transaction:
    """An invoice that took money as a row of the list."""
    return Transaction("payment", invoice["id"], key_of(invoice), taken, instant(invoice["createdTime"]))


def refunded_transaction(pull_payment: Json, payout: Json) -> Transaction:
    """A payout that was sent as a row of the list."""
    sent = Money.rounded(Decimal(payout["originalAmount"]), payout["originalCurrency"])
    return Transaction("refund", pull_payment["id"], pull_payment["name"], sent, instant(payout["date"]))


def foreign_refund(pull_payment: Json, payout: Json, invoice: Json, rates: Mapping[str, Decimal]) -> Transaction:
    """The same of a refund that was made on BTCPay's own pages: in the invoice's currency, and what is sent in coins at
    the rate that the invoice took them for."""
    rate = rates.get(payout["originalCurrency"], Decimal(1))
    sent = Money.rounded(Decimal(payout["originalAmount"]) * rate, invoice["currency"])
    return Transaction("refund", pull_payment["id"], None, sent, instant(payout["date"]), payment_ref=invoice["id"])


def is_ours(pull_payment: Json) -> bool:
    """Whether a pull payment is a refund made from here, named by our key."""
    return str(pull_payment["name"]).startswith("ref_")


def refunded_invoice(pull_payment: Json) -> str | None:
    """The invoice that a pull payment of BTCPay's own pages refunds, by its name: 'Refund' and the invoice's id
    (Greenfield, RefundInvoiceRequest). None for any other."""
    what, _, ref = str(pull_payment["name"]).partition(" ")
    return ref if what == "Refund" and ref.isalnum() else None


def instant(seconds: int | str) -> datetime:
    """An instant as BTCPay writes it, in seconds since 1970."""
    return datetime.fromtimestamp(int(seconds), UTC)


def notices(event: Json) -> list[Notice]:
    """What an event is about. Its type matters little: what happened is looked up."""
    dedupe = event.get("originalDeliveryId") or event["deliveryId"]
    return [told(dedupe, event) for name, told in _NOTICES.items() if event.get(name)]


def _payment_notice(dedupe: str, event: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(event) or "", event["invoiceId"]))


def _refund_notice(dedupe: str, event: Json) -> Notice:
    payment = PaymentRef("")
    return Notice(NoticeKind.REFUND, dedupe, payment, RefundRef("", payment, event["pullPaymentId"]))


_NOTICES: Mapping[str, Callable[[str, Json], Notice]] = {
    "invoiceId": _payment_notice,
    "pullPaymentId": _refund_notice,
}


def _late(invoice: Json, methods: Sequence[Json], at: datetime) -> PaymentResult:
    """An invoice that ended without being paid in time. Money that came nevertheless counts once it is confirmed.

    What came is too little (`PaidPartial`): more may follow for as long as BTCPay watches, and only then is it final.
    """
    counted = [(method, paid) for method in methods for paid in method["payments"] if paid["status"] != "Invalid"]
    worth = sum((Decimal(paid["value"]) * Decimal(method["rate"]) for method, paid in counted), Decimal(0))
    came = Money.rounded(worth, invoice["currency"])
    if not came:
        return _unpaid(invoice)
    unconfirmed = any(paid["status"] == "Processing" for _, paid in counted)
    too_little = invoice["additionalStatus"] == PAID_IN_PART and at < instant(invoice["monitoringExpiration"])
    waits = unconfirmed or too_little
    return PaymentResult(PaymentStatus.PENDING if waits else PaymentStatus.SUCCEEDED, invoice["id"], came)


def _unpaid(invoice: Json) -> PaymentResult:
    if invoice["additionalStatus"] == MARKED:
        return PaymentResult(PaymentStatus.CANCELED, invoice["id"])
    status = STATUSES[invoice["status"]]
    why = decline_for("processing_error") if status is PaymentStatus.FAILED else None
    return PaymentResult(status, invoice["id"], decline=why)


def _next_action(invoice: Json, methods: Sequence[Json], code_method: str) -> NextAction:
    """A code of the wanted kind; BTCPay's page where there is none."""
    shown = next((method for method in methods if method["paymentMethodId"] == code_method), None)
    if not shown or not shown.get("paymentLink"):
        return Redirect(invoice["checkoutLink"])
    return QrCode(shown["paymentLink"], f"{shown['due']} {shown['currency']}", instant(invoice["expirationTime"]))
