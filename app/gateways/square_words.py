"""What Square says, in our words: one table for each of its vocabularies, and its objects as our results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.domain.declines import Decline
from app.domain.money import Money, sum_money
from app.gateways.refusals import decline_from
from app.gateways.types import (
    Checks,
    Dispute,
    DisputeStatus,
    Notice,
    NoticeKind,
    PaymentRef,
    PaymentResult,
    PaymentStatus,
    RefundRef,
    RefundResult,
    RefundStatus,
    SavedMethod,
    Transaction,
)
from app.gateways.units import Units

Json = dict[str, Any]

UNITS = Units()  # ISO 4217 throughout (developer.squareup.com, working with monetary amounts)

STATUSES: Mapping[str, PaymentStatus] = {
    "APPROVED": PaymentStatus.AUTHORIZED,
    "PENDING": PaymentStatus.PENDING,
    "COMPLETED": PaymentStatus.SUCCEEDED,
    "CANCELED": PaymentStatus.CANCELED,
    "FAILED": PaymentStatus.FAILED,
}
REFUND_STATUSES: Mapping[str, RefundStatus] = {
    "PENDING": RefundStatus.PENDING,
    "COMPLETED": RefundStatus.SUCCEEDED,
    "REJECTED": RefundStatus.FAILED,
    "FAILED": RefundStatus.FAILED,
}
REFUND_REFUSALS: Mapping[str, str] = {
    "REFUND_AMOUNT_INVALID": "More than what is left of this payment.",
    "REFUND_ALREADY_PENDING": "Another refund of this payment is still on its way.",
    "PAYMENT_NOT_REFUNDABLE": "Square does not refund this payment any more.",
    "PAYMENT_NOT_REFUNDABLE_DUE_TO_DISPUTE": "The payer's bank disputes this payment.",
    "REFUND_DECLINED": "The payer's bank declined the refund.",
}
DISPUTE_STATUSES: Mapping[str, DisputeStatus] = {
    "INQUIRY_EVIDENCE_REQUIRED": DisputeStatus.NEEDS_RESPONSE,
    "EVIDENCE_REQUIRED": DisputeStatus.NEEDS_RESPONSE,
    "INQUIRY_PROCESSING": DisputeStatus.UNDER_REVIEW,
    "PROCESSING": DisputeStatus.UNDER_REVIEW,
    "INQUIRY_CLOSED": DisputeStatus.WON,
    "WON": DisputeStatus.WON,
    "LOST": DisputeStatus.LOST,
    "ACCEPTED": DisputeStatus.LOST,
}
RISKS: Mapping[str, str] = {"NORMAL": "normal", "MODERATE": "elevated", "HIGH": "highest"}
CHECKED: Mapping[str | None, bool] = {
    "CVV_ACCEPTED": True,
    "CVV_REJECTED": False,
    "AVS_ACCEPTED": True,
    "AVS_REJECTED": False,
}
PAYER_SIDE = "PAYMENT_METHOD_ERROR"
# Where a payment keeps why it was declined, by the kind of its source.
SOURCES = ("card_details", "bank_account_details", "wallet_details", "buy_now_pay_later_details")

# Our word → Square's error codes (developer.squareup.com, payments API error codes).
_CODES: Mapping[str, str] = {
    "authentication_required": "CARD_DECLINED_VERIFICATION_REQUIRED",
    "insufficient_funds": "INSUFFICIENT_FUNDS GIFT_CARD_AVAILABLE_AMOUNT",
    "limit_exceeded": "TRANSACTION_LIMIT PAYMENT_LIMIT_EXCEEDED AMOUNT_TOO_HIGH",
    "card_declined": "GENERIC_DECLINE CARD_DECLINED",
    "do_not_honor": "CARD_DECLINED_CALL_ISSUER VOICE_FAILURE",
    "processing_error": "TEMPORARY_ERROR",
    "payer_canceled": "BUYER_REFUSED_PAYMENT",
    "expired_card": "CARD_EXPIRED BAD_EXPIRATION EXPIRATION_FAILURE INVALID_EXPIRATION INVALID_EXPIRATION_DATE"
    " INVALID_EXPIRATION_YEAR",
    "incorrect_number": "PAN_FAILURE INVALID_CARD INVALID_CARD_DATA CARD_MISMATCH",
    "incorrect_cvc": "CVV_FAILURE VERIFY_CVV_FAILURE",
    "incorrect_address": "ADDRESS_VERIFICATION_FAILURE VERIFY_AVS_FAILURE INVALID_POSTAL_CODE",
    "account_closed": "INVALID_ACCOUNT ACCOUNT_UNUSABLE",
    "mandate_revoked": "SOURCE_EXPIRED SOURCE_USED CARD_TOKEN_EXPIRED CARD_TOKEN_USED",
    "not_permitted": "CARDHOLDER_INSUFFICIENT_PERMISSIONS ALLOWABLE_PIN_TRIES_EXCEEDED",
    "not_supported": "CARD_NOT_SUPPORTED UNSUPPORTED_CARD_BRAND UNSUPPORTED_SOURCE_TYPE CARD_PRESENCE_REQUIRED",
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _CODES.items() for code in codes.split()}


def token_of(customer: str, card: str) -> str:
    """The token of a kept card: `customer/ccof:…`."""
    return f"{customer}/{card}"


def parts_of(token: str | None) -> tuple[str, str]:
    """Customer and source of a token; a nonce of the form has no customer, which is empty then."""
    customer, _, source = (token or "").rpartition("/")
    return customer, source


def marked(reason: str, key: str) -> str:
    """A refund's reason with our key at its end, the one place that a refund at Square has for it (192 characters)."""
    return f"{reason[: 192 - len(key) - 3]} [{key}]".strip()


def payment(paid: Json) -> PaymentResult:
    """A payment as it stands."""
    status = STATUSES[paid["status"]]
    amount, currency = paid["amount_money"]["amount"], paid["amount_money"]["currency"]
    return PaymentResult(
        status,
        paid["id"],
        UNITS.money(amount, currency),
        fee=_fee(paid),
        decline=decline(_errors(paid)) if status is PaymentStatus.FAILED else None,
        checks=_checks(paid),
    )


def span(since: datetime, until: datetime) -> dict[str, Any]:
    """A list's bounds, and as many rows a page as there can be."""
    return {"begin_time": since.isoformat(), "end_time": until.isoformat(), "limit": 100}


def is_decline(document: Json) -> bool:
    """Whether an error document is the bank's no, and not a fault in our request."""
    errors = document.get("errors") or []
    return any(error.get("category") == PAYER_SIDE or error.get("code") in DECLINES for error in errors)


def decline(errors: list[Json]) -> Decline:
    """A refusal by the payer's bank; Square may give several reasons, the first one first."""
    return decline_from("square", DECLINES, *(error.get("code") for error in errors))


def refund(told: Json) -> RefundResult:
    """A refund; one that failed has no more to say than that."""
    status = REFUND_STATUSES[told["status"]]
    why = "The refund did not reach the payer." if status is RefundStatus.FAILED else ""
    return RefundResult(status, told["id"], why)


def method(card: Json) -> SavedMethod:
    """A kept card."""
    return SavedMethod(
        token_of(card["customer_id"], card["id"]),
        "card",
        (card.get("card_brand") or "").lower() or None,
        card.get("last_4"),
        card.get("exp_month"),
        card.get("exp_year"),
        card.get("fingerprint"),
    )


def dispute(told: Json) -> Dispute:
    """A dispute, with the last instant for evidence."""
    return Dispute(
        told["id"],
        PaymentRef("", told["disputed_payment"]["payment_id"]),
        DISPUTE_STATUSES[told["state"]],
        _money(told["amount_money"]),
        told["reason"].lower(),
        instant(told["created_at"]),
        instant(told["due_at"]) if told.get("due_at") else None,
    )


def transactions(kind: str, rows: Iterable[Json]) -> list[Transaction]:
    """What these payments, refunds, payouts or disputes are in the list; none for what moved no money."""
    return [_TRANSACTIONS[kind](row) for row in rows if row.get("status") not in _MOVED_NOTHING.get(kind, ())]


def _paid(paid: Json) -> Transaction:
    amount = _money(paid["amount_money"])
    return Transaction("payment", paid["id"], key_of(paid), amount, instant(paid["created_at"]), _fee(paid))


def _refunded(told: Json) -> Transaction:
    key = (told.get("reason") or "").rpartition("[")[2].rstrip("]")
    amount, at = _money(told["amount_money"]), instant(told["created_at"])
    return Transaction("refund", told["id"], key or None, amount, at, payment_ref=told["payment_id"])


def _paid_out(payout: Json) -> Transaction:
    return Transaction("payout", payout["id"], None, _money(payout["amount_money"]), instant(payout["created_at"]))


def _disputed(told: Json) -> Transaction:
    paid, amount = told["disputed_payment"]["payment_id"], _money(told["amount_money"])
    return Transaction("dispute", told["id"], None, amount, instant(told["created_at"]), payment_ref=paid)


_TRANSACTIONS: Mapping[str, Callable[[Json], Transaction]] = {
    "payments": _paid,
    "refunds": _refunded,
    "payouts": _paid_out,
    "disputes": _disputed,
}
_MOVED_NOTHING: Mapping[str, Sequence[str]] = {
    "payments": ("APPROVED", "PENDING", "CANCELED", "FAILED"),
    "refunds": ("REJECTED", "FAILED"),
}


def key_of(paid: Json) -> str | None:
    """Our key: the reference of a payment, or the note of one made on a page."""
    return paid.get("reference_id") or paid.get("note") or None


def instant(written: str) -> datetime:
    """An instant as Square writes it (RFC 3339)."""
    return datetime.fromisoformat(written)


def notices(event: Json) -> list[Notice]:
    """What an event is about. Its type matters little: what happened is looked up."""
    subject = event["data"].get("object") or {}
    return [told(event["event_id"], subject[name]) for name, told in _NOTICES.items() if name in subject]


def _payment_notice(dedupe: str, paid: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(paid) or "", paid["id"]))


def _refund_notice(dedupe: str, told: Json) -> Notice:
    payment = PaymentRef("", told["payment_id"])
    return Notice(NoticeKind.REFUND, dedupe, payment, RefundRef("", payment, told["id"]))


def _dispute_notice(dedupe: str, told: Json) -> Notice:
    payment = PaymentRef("", told["disputed_payment"]["payment_id"])
    return Notice(NoticeKind.DISPUTE, dedupe, payment, dispute_ref=told["id"])


def _method_notice(dedupe: str, card: Json) -> Notice:
    return Notice(NoticeKind.METHOD, dedupe, method_token=token_of(card["customer_id"], card["id"]))


_NOTICES: Mapping[str, Callable[[str, Json], Notice]] = {
    "payment": _payment_notice,
    "refund": _refund_notice,
    "dispute": _dispute_notice,
    "card": _method_notice,
}


def _money(told: Json) -> Money:
    return UNITS.money(told["amount"], told["currency"])


def _fee(paid: Json) -> Money | None:
    fees = [_money(fee["amount_money"]) for fee in paid.get("processing_fee") or []]
    return sum_money(fees, fees[0].currency) if fees else None


def _errors(paid: Json) -> list[Json]:
    return [error for source in SOURCES for error in (paid.get(source) or {}).get("errors") or []]


def _checks(paid: Json) -> Checks:
    card = paid.get("card_details") or {}
    level = (paid.get("risk_evaluation") or {}).get("risk_level") or ""
    address = CHECKED.get(card.get("avs_status"))
    return Checks(RISKS.get(level), CHECKED.get(card.get("cvv_status")), address, address)
