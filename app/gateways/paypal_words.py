"""What PayPal says, in our words: one table for each of its vocabularies, and its objects as our results."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.declines import Decline
from app.domain.money import Money
from app.gateways.refusals import decline_from
from app.gateways.types import (
    Checks,
    Dispute,
    DisputeStatus,
    Notice,
    NoticeKind,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    Redirect,
    RefundRef,
    RefundResult,
    RefundStatus,
    SavedMethod,
    Transaction,
)
from app.gateways.units import Units

log = logging.getLogger(__name__)

Json = dict[str, Any]

# developer.paypal.com/api/rest/reference/currency-codes; JPY has no decimals anywhere.
UNITS = Units({"HUF": 0, "TWD": 0})
CURRENCIES = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split()
)

CAPTURE_STATUSES: Mapping[str, PaymentStatus] = {
    "COMPLETED": PaymentStatus.SUCCEEDED,
    "PARTIALLY_REFUNDED": PaymentStatus.SUCCEEDED,
    "REFUNDED": PaymentStatus.SUCCEEDED,
    "PENDING": PaymentStatus.PENDING,
    "DECLINED": PaymentStatus.FAILED,
    "FAILED": PaymentStatus.FAILED,
}
AUTHORIZATION_STATUSES: Mapping[str, PaymentStatus] = {
    "CREATED": PaymentStatus.AUTHORIZED,
    "CAPTURED": PaymentStatus.SUCCEEDED,
    "PARTIALLY_CAPTURED": PaymentStatus.SUCCEEDED,
    "PENDING": PaymentStatus.PENDING,
    "DENIED": PaymentStatus.FAILED,
    "EXPIRED": PaymentStatus.CANCELED,
    "VOIDED": PaymentStatus.CANCELED,
}
REFUND_STATUSES: Mapping[str, RefundStatus] = {
    "PENDING": RefundStatus.PENDING,
    "COMPLETED": RefundStatus.SUCCEEDED,
    "CANCELLED": RefundStatus.FAILED,
    "FAILED": RefundStatus.FAILED,
}
REFUND_REFUSALS: Mapping[str, str] = {
    "CAPTURE_FULLY_REFUNDED": "All of this payment was refunded already.",
    "REFUND_AMOUNT_EXCEEDED": "More than what is left of this payment.",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "There is not enough money in the PayPal account.",
    "REFUND_TIME_LIMIT_EXCEEDED": "PayPal does not refund a payment this old.",
    "REFUND_NOT_ALLOWED": "PayPal does not refund this payment.",
    "REFUND_IS_RESTRICTED": "PayPal does not let this account refund at the moment.",
    "REFUND_AMOUNT_TOO_LOW": "The amount is too small to be refunded.",
    "PARTIAL_REFUND_NOT_ALLOWED": "This payment can only be refunded as a whole.",
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED": "This payment has been refunded too many times.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "The payer's bank disputes this payment.",
    "TRANSACTION_DISPUTED": "The payer disputes this payment.",
    "PENDING_CAPTURE": "The payment has not settled yet.",
}
DISPUTE_STATUSES: Mapping[str, DisputeStatus] = {
    "OPEN": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_SELLER_RESPONSE": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_BUYER_RESPONSE": DisputeStatus.UNDER_REVIEW,
    "UNDER_REVIEW": DisputeStatus.UNDER_REVIEW,
    "OTHER": DisputeStatus.UNDER_REVIEW,
}
DISPUTE_OUTCOMES: Mapping[str, DisputeStatus] = {
    "RESOLVED_SELLER_FAVOUR": DisputeStatus.WON,
    "CANCELED_BY_BUYER": DisputeStatus.WON,
    "DENIED": DisputeStatus.WON,
    "NONE": DisputeStatus.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStatus.WON,  # PayPal pays the buyer, not the seller
    "RESOLVED_BUYER_FAVOUR": DisputeStatus.LOST,
    "ACCEPTED": DisputeStatus.LOST,
}
# Why a capture is pending, where it stays so until the seller does something; the other reasons pass by themselves.
SELLER_MUST_ACT: Mapping[str, str] = {
    "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION": "accept this currency by hand, or change the account's preferences",
    "UNILATERAL": "confirm the e-mail address of the PayPal account",
    "VERIFICATION_REQUIRED": "verify the PayPal account",
    "INTERNATIONAL_WITHDRAWAL": "link a bank account to withdraw to",
}
CHECKED: Mapping[str | None, bool] = {"M": True, "Y": True, "X": True, "D": True, "N": False}

# Our word → issues of an HTTP 422, and the codes of card processors (SDK: ProcessorResponse.response_code).
_CODES: Mapping[str, str] = {
    "authentication_required": "PAYER_ACTION_REQUIRED 5650",
    "authentication_failed": "7700 7710 PPD3",
    "insufficient_funds": "5120",
    "limit_exceeded": "TRANSACTION_LIMIT_EXCEEDED MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED PPAX PPEL PPNL",
    "card_declined": "INSTRUMENT_DECLINED REDIRECT_PAYER_FOR_ALTERNATE_FUNDING PAYMENT_SOURCE_DECLINED_BY_PROCESSOR"
    " TRANSACTION_REFUSED PAYMENT_DENIED DECLINED_DUE_TO_RELATED_TXN 5100",
    "do_not_honor": "0500 0100",
    "issuer_unavailable": "5920 8110 8220",
    "processing_error": "9100",
    "expired_card": "CARD_EXPIRED REFERENCED_CARD_EXPIRED 5400 PPEX",
    "incorrect_number": "1330 0390 6300",
    "incorrect_cvc": "5110 00N7",
    "lost_card": "9520",
    "stolen_card": "5150",
    "suspected_fraud": "COMPLIANCE_VIOLATION PAYEE_BLOCKED_TRANSACTION 9500",
    "account_closed": "PAYER_ACCOUNT_LOCKED_OR_CLOSED 5140 PP06",
    "mandate_revoked": "TOKEN_EXPIRED TOKEN_ID_NOT_FOUND AGREEMENT_ALREADY_CANCELLED BILLING_AGREEMENT_NOT_FOUND"
    " advice:21",
    "not_permitted": "PAYER_ACCOUNT_RESTRICTED 5180 5930 9540 PPRN advice:03",
    "not_supported": "PAYER_CANNOT_PAY CARD_BRAND_NOT_SUPPORTED DOMESTIC_TRANSACTION_REQUIRED"
    " PAYMENT_SOURCE_NOT_SUPPORTED",
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _CODES.items() for code in codes.split()}
# Something exists under the key that we use: whether it took money is to be asked.
USED_BEFORE = frozenset({"DUPLICATE_INVOICE_ID", "DUPLICATE_REQUEST_ID", "ORDER_COMPLETION_IN_PROGRESS"})
VOIDED = "VOIDED"  # our mark in an order that we gave up, because PayPal has no such thing

# What a row of the transaction list is (developer.paypal.com/docs/transaction-search/transaction-event-codes).
_MOVEMENTS: Mapping[str, str] = {
    "T00": "payment",
    "T01": "fee",
    "T04": "payout",
    "T1106": "dispute",
    "T1107": "refund",
    "T1201": "dispute",
    "T1202": "dispute_reversal",
}
_HAPPENED = ("S", "V")  # success, or undone later by a row of its own


def amount(money: Money) -> Json:
    """An amount as PayPal takes it. Raises GatewayRefused for one that is too fine for it."""
    return {"currency_code": money.currency, "value": UNITS.text(money)}


def money(told: Json) -> Money:
    """An amount as PayPal tells it; `value` is a decimal in major units."""
    return Money.rounded(Decimal(told["value"]), told["currency_code"])


def token_of(kind: str, vault_id: str) -> str:
    """The token of a kept method: `paypal/8kk…`, because a charge must say what it charges."""
    return f"{kind}/{vault_id}"


def source(request: PaymentRequest) -> Json:
    """What an order is paid with: a kept method, and whether its owner is there."""
    kind, _, vault_id = (request.token or "").partition("/")
    initiator = "MERCHANT" if request.off_session else "CUSTOMER"
    credential = {"payment_initiator": initiator, "usage": "SUBSEQUENT"}
    kept: Json = {"vault_id": vault_id}
    if kind == "card":
        kept["stored_credential"] = credential | {"payment_type": "UNSCHEDULED" if request.off_session else "ONE_TIME"}
    if kind == "paypal":
        kept["stored_credential"] = credential
    return {kind: kept}


def marked(key: str, why: str) -> str:
    """The custom ID of an order that is over: our key, and why."""
    return f"{key} {why}"


def key_of(told: Json) -> str:
    """Our key: the custom ID of an order's unit, of a capture or a refund; empty where there is none."""
    return str(told.get("custom_id") or "").partition(" ")[0]


def order_ref(order_id: str) -> str:
    """Our reference for an order that nothing was captured of yet; once it is, the capture's own ID is."""
    return f"order/{order_id}"


def order(told: Json) -> PaymentResult:
    """An order as it stands: its capture, else its authorization, else how far its payer is."""
    unit = told["purchase_units"][0]
    held = unit.get("payments") or {}
    if held.get("captures"):
        return capture(held["captures"][-1], _kept(told))
    if held.get("authorizations"):
        return _authorization(authorization_of(told), order_ref(told["id"]))
    ref, why = order_ref(told["id"]), str(unit.get("custom_id") or "").partition(" ")[2]
    if why == VOIDED or told["status"] == "VOIDED":
        return PaymentResult(PaymentStatus.CANCELED, ref)
    if why:
        return PaymentResult(PaymentStatus.FAILED, ref, money(unit["amount"]), decline=decline(why))
    page = _link(told, "payer-action") or _link(told, "approve")
    return PaymentResult(PaymentStatus.REQUIRES_ACTION, ref, next_action=Redirect(page) if page else None)


def authorization_of(told: Json) -> Json:
    """What is authorized in an order."""
    held: Json = told["purchase_units"][0]["payments"]["authorizations"][-1]
    return held


def capture(told: Json, kept: SavedMethod | None = None) -> PaymentResult:
    """A capture; one that stays pending until the seller acts is logged with what to do."""
    status = CAPTURE_STATUSES[told["status"]]
    reason = (told.get("status_details") or {}).get("reason", "")
    if status is PaymentStatus.PENDING and reason in SELLER_MUST_ACT:
        log.warning("PayPal holds %s (%s): %s.", told["id"], reason, SELLER_MUST_ACT[reason])
    fee = (told.get("seller_receivable_breakdown") or {}).get("paypal_fee")
    return PaymentResult(
        status,
        told["id"],
        money(told["amount"]),
        fee=money(fee) if fee else None,
        decline=_processor_decline(told) if status is PaymentStatus.FAILED else None,
        saved_method=kept if status is PaymentStatus.SUCCEEDED else None,
        checks=_checks(told),
    )


def decline(*codes: str | None) -> Decline:
    """A refusal, by the issue of an error or by a processor's code."""
    return decline_from("paypal", DECLINES, *codes)


def refund(told: Json) -> RefundResult:
    """A refund, and why it failed if it did."""
    status = REFUND_STATUSES[told["status"]]
    why = "The refund did not reach the payer." if status is RefundStatus.FAILED else ""
    return RefundResult(status, told["id"], why)


def method(told: Json) -> SavedMethod:
    """A kept method: a card by its digits, a wallet by its kind alone."""
    kind, shown = next(iter(told["payment_source"].items()))
    year, _, month = str(shown.get("expiry") or "").partition("-")
    return SavedMethod(
        token_of(kind, told["id"]),
        kind,
        (shown.get("brand") or "").lower() or None,
        shown.get("last_digits"),
        int(month) if month else None,
        int(year) if year else None,
    )


def dispute(told: Json) -> Dispute:
    """A dispute, with the last instant for an answer."""
    outcome = (told.get("dispute_outcome") or {}).get("outcome_code", "NONE")
    resolved = told["status"] == "RESOLVED"
    due = told.get("seller_response_due_date")
    return Dispute(
        told["dispute_id"],
        PaymentRef("", told["disputed_transactions"][0]["seller_transaction_id"]),
        DISPUTE_OUTCOMES[outcome] if resolved else DISPUTE_STATUSES[told["status"]],
        money(told["dispute_amount"]),
        told["reason"].lower(),
        instant(told["create_time"]),
        instant(due) if due else None,
    )


def transaction(row: Json) -> Transaction | None:
    """A row of the list; None for what moved no money, or none of ours."""
    told = row["transaction_info"]
    code = told["transaction_event_code"]
    kind = _MOVEMENTS.get(code) or _MOVEMENTS.get(code[:3])
    if kind is None or told["transaction_status"] not in _HAPPENED:
        return None
    fee = told.get("fee_amount")
    return Transaction(
        kind,
        told["transaction_id"],
        key_of({"custom_id": told.get("custom_field")}) or None,
        _size(told["transaction_amount"]),
        instant(told["transaction_initiation_date"]),
        _size(fee) if fee else None,
        told.get("paypal_reference_id") if told.get("paypal_reference_id_type") == "TXN" else None,
    )


def disputed(told: Json) -> Transaction:
    """A dispute, as PayPal's list of disputes has it, as a row of the list."""
    return Transaction("dispute", told["dispute_id"], None, money(told["dispute_amount"]), instant(told["create_time"]))


def instant(written: str) -> datetime:
    """An instant as PayPal writes it (RFC 3339, with Z or with +0000)."""
    return datetime.fromisoformat(written)


def notices(event: Json) -> list[Notice]:
    """What an event is about. Its type matters little: what happened is looked up."""
    told = _NOTICES.get(event.get("resource_type", ""))
    return [told(event["id"], event["resource"])] if told else []


def _order_notice(dedupe: str, told: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(told["purchase_units"][0]), order_ref(told["id"])))


def _capture_notice(dedupe: str, told: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(told), told["id"]))


def _authorization_notice(dedupe: str, told: Json) -> Notice:
    related = (told.get("supplementary_data") or {}).get("related_ids") or {}
    ref = order_ref(related["order_id"]) if "order_id" in related else None
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(told), ref))


def _refund_notice(dedupe: str, told: Json) -> Notice:
    payment = PaymentRef("", (_link(told, "up") or "").rpartition("/")[2])
    return Notice(NoticeKind.REFUND, dedupe, payment, RefundRef(key_of(told), payment, told["id"]))


def _dispute_notice(dedupe: str, told: Json) -> Notice:
    payment = PaymentRef("", told["disputed_transactions"][0]["seller_transaction_id"])
    return Notice(NoticeKind.DISPUTE, dedupe, payment, dispute_ref=told["dispute_id"])


def _method_notice(dedupe: str, told: Json) -> Notice:
    kind = next(iter(told.get("payment_source") or {"paypal": None}))
    return Notice(NoticeKind.METHOD, dedupe, method_token=token_of(kind, told["id"]))


_NOTICES: Mapping[str, Callable[[str, Json], Notice]] = {
    "checkout-order": _order_notice,
    "capture": _capture_notice,
    "authorization": _authorization_notice,
    "refund": _refund_notice,
    "dispute": _dispute_notice,
    "payment_token": _method_notice,
}


def _authorization(told: Json, ref: str) -> PaymentResult:
    status = AUTHORIZATION_STATUSES[told["status"]]
    refused = _processor_decline(told) if status is PaymentStatus.FAILED else None
    return PaymentResult(status, ref, money(told["amount"]), decline=refused, checks=_checks(told))


def _kept(told: Json) -> SavedMethod | None:
    """The method that was kept while paying, if one was."""
    for kind, paid_with in (told.get("payment_source") or {}).items():
        vault = ((paid_with or {}).get("attributes") or {}).get("vault") or {}
        if vault.get("status") == "VAULTED":
            return method({"id": vault["id"], "payment_source": {kind: paid_with}})
    return None


def _processor_decline(told: Json) -> Decline:
    said = told.get("processor_response") or {}
    advice = f"advice:{said.get('payment_advice_code')}"
    return decline(advice if advice in DECLINES else None, said.get("response_code"))


def _size(told: Json) -> Money:
    """An amount of the list without its sign, which says in which direction it moved."""
    return money(told | {"value": told["value"].lstrip("-")})


def _checks(told: Json) -> Checks | None:
    said = told.get("processor_response")
    if not said:
        return None
    address = CHECKED.get(said.get("avs_code"))
    return Checks(cvc=CHECKED.get(said.get("cvv_code")), address=address, postal_code=address)


def _link(told: Json, rel: str) -> str | None:
    return next((link["href"] for link in told.get("links") or [] if link["rel"] == rel), None)
