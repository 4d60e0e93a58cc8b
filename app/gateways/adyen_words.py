"""What Adyen says, in our words: one table for each of its vocabularies, and its objects as our results."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain.declines import Decline, decline_for
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
)
from app.gateways.units import Units

Json = dict[str, Any]

# docs.adyen.com/development-resources/currency-codes, where it differs from ISO 4217. UGX does not: 3800 is 3800.
UNITS = Units({"CLP": 2, "ISK": 2, "CVE": 0, "IDR": 0})

RESULTS: Mapping[str, PaymentStatus] = {
    "Authorised": PaymentStatus.SUCCEEDED,
    "Refused": PaymentStatus.FAILED,
    "Error": PaymentStatus.FAILED,
    "Cancelled": PaymentStatus.FAILED,
    "Pending": PaymentStatus.PENDING,
    "Received": PaymentStatus.PENDING,
    "PresentToShopper": PaymentStatus.PENDING,
    "PartiallyAuthorised": PaymentStatus.PENDING,
    "AuthenticationFinished": PaymentStatus.PENDING,
    "AuthenticationNotRequired": PaymentStatus.PENDING,
    "Success": PaymentStatus.PENDING,
    "RedirectShopper": PaymentStatus.REQUIRES_ACTION,
    "IdentifyShopper": PaymentStatus.REQUIRES_ACTION,
    "ChallengeShopper": PaymentStatus.REQUIRES_ACTION,
}
LINK_STATUSES: Mapping[str, PaymentStatus] = {
    "active": PaymentStatus.REQUIRES_ACTION,
    "paymentPending": PaymentStatus.PENDING,
    "completed": PaymentStatus.SUCCEEDED,
    "paid": PaymentStatus.SUCCEEDED,
    "expired": PaymentStatus.CANCELED,
}
DISPUTE_EVENTS: Mapping[str, DisputeStatus] = {
    "REQUEST_FOR_INFORMATION": DisputeStatus.NEEDS_RESPONSE,
    "NOTIFICATION_OF_CHARGEBACK": DisputeStatus.NEEDS_RESPONSE,
    "CHARGEBACK": DisputeStatus.NEEDS_RESPONSE,
    "PREARBITRATION_OPEN": DisputeStatus.NEEDS_RESPONSE,
    "INFORMATION_SUPPLIED": DisputeStatus.UNDER_REVIEW,
    "SCHEME_ARBITRATION": DisputeStatus.UNDER_REVIEW,
    "CHARGEBACK_REVERSED": DisputeStatus.WON,
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": DisputeStatus.WON,
    "PREARBITRATION_ISSUER_WITHDRAWN": DisputeStatus.WON,
    "PREARBITRATION_WON": DisputeStatus.WON,
    "SCHEME_ARBITRATION_WON": DisputeStatus.WON,
    "SECOND_CHARGEBACK": DisputeStatus.LOST,
    "PREARBITRATION_LOST": DisputeStatus.LOST,
    "SCHEME_ARBITRATION_LOST": DisputeStatus.LOST,
}
# Our word → refusal reason codes (docs.adyen.com/development-resources/refusal-reasons) and advice to merchants.
_CODES: Mapping[str, str] = {
    "authentication_required": "33 38 42",
    "authentication_failed": "11",
    "insufficient_funds": "12",
    "limit_exceeded": "28 29",
    "card_declined": "2 27",
    "do_not_honor": "3",
    "issuer_unavailable": "9",
    "processing_error": "4 7 21 39 40 41",
    "payer_canceled": "15 16",
    "expired_card": "6",
    "incorrect_number": "8",
    "incorrect_cvc": "24 32",
    "suspected_fraud": "14 20 22 31",
    "account_closed": "35",
    "mandate_revoked": "26 34 advice:21",
    "not_permitted": "5 23 25 46 50 advice:03",
    "not_supported": "10",
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _CODES.items() for code in codes.split()}
# docs.adyen.com/development-resources/test-cards/result-code-testing, as the first word of additionalData says it:
# cvcResult; avsResult as (address, postal code). Anything else was not checked.
CVC: Mapping[str, bool] = {"1": True, "2": False}
AVS: Mapping[str, tuple[bool, bool]] = {
    "1": (True, False),
    "2": (False, False),
    "6": (False, True),
    "7": (True, True),
}
RISKS: Mapping[str | None, str] = {"GREEN": "normal", "AMBER": "elevated", "FRAUD": "highest"}
_BY_RESULT: Mapping[str, str] = {"Cancelled": "payer_canceled", "Error": "processing_error"}
_HELD = ".held"  # ends the reference of a payment that is to be captured later: what a webhook says is signed with it


def amount(money: Money) -> Json:
    """An amount as Adyen takes it. Raises GatewayRefused for one that it has no exact number for."""
    return {"value": UNITS.count(money), "currency": money.currency}


def reference(request: PaymentRequest) -> str:
    """A payment's reference at Adyen: our key, and whether it is only to be authorized."""
    return request.key if request.capture else request.key + _HELD


def key_of(told: str) -> str:
    """Our key in a reference."""
    return told.removesuffix(_HELD)


def token_of(shopper: str, stored_id: str) -> str:
    """The token of a kept method: `cus_…/8415…`, because Adyen charges it together with its owner."""
    return f"{shopper}/{stored_id}"


def link_ref(link_id: str) -> str:
    """Our reference for a payment through a link, until a webhook names the payment itself."""
    return f"link/{link_id}"


def payment(told: Json, request: PaymentRequest) -> PaymentResult:
    """The answer to a payment. What wants a payer who is not there, or a form of Adyen's own, is declined."""
    status, ref = RESULTS[told["resultCode"]], told.get("pspReference")
    if status is PaymentStatus.REQUIRES_ACTION:
        url = (told.get("action") or {}).get("url")
        if url and not request.off_session:
            return PaymentResult(status, ref, next_action=Redirect(url))
        return PaymentResult(PaymentStatus.FAILED, ref, request.amount, decline=decline_for("authentication_required"))
    if status is PaymentStatus.SUCCEEDED and not request.capture:
        status = PaymentStatus.AUTHORIZED
    refused = decline(told) if status is PaymentStatus.FAILED else None
    amount = _money(told.get("amount")) or request.amount
    return PaymentResult(status, ref, amount, decline=refused, checks=_checks(told.get("additionalData") or {}))


def decline(told: Json) -> Decline:
    """A refusal: an advice to stop first, then the reason, then the result itself."""
    advice = f"advice:{(told.get('additionalData') or {}).get('merchantAdviceCode')}"
    code = told.get("refusalReasonCode")
    if code is None and told["resultCode"] in _BY_RESULT:
        return decline_for(_BY_RESULT[told["resultCode"]])
    return decline_from("adyen", DECLINES, advice if advice in DECLINES else None, code)


def _checks(extra: Json) -> Checks | None:
    """What an answer says of the card, as far as the account has it said. Webhooks say it too, and do not sign it."""
    cvc, avs = (str(extra.get(name) or "").partition(" ")[0] for name in ("cvcResult", "avsResult"))
    risk = "elevated" if extra.get("fraudManualReview") == "true" else RISKS.get(extra.get("fraudResultType"))
    address, postal_code = AVS.get(avs, (None, None))
    found = Checks(risk, CVC.get(cvc), address, postal_code)
    return None if found == Checks() else found


def link(told: Json) -> PaymentResult:
    """A payment link as it stands."""
    status = LINK_STATUSES[told["status"]]
    if status is PaymentStatus.SUCCEEDED and told.get("manualCapture"):
        status = PaymentStatus.AUTHORIZED
    page = Redirect(told["url"]) if status is PaymentStatus.REQUIRES_ACTION else None
    return PaymentResult(status, link_ref(told["id"]), _money(told["amount"]), next_action=page)


def method(shopper: str, told: Json) -> SavedMethod:
    """A kept method: a card by its digits, anything else by its kind."""
    is_card = told.get("type") == "scheme"
    return SavedMethod(
        token_of(shopper, told["id"]),
        "card" if is_card else str(told.get("type")),
        told.get("brand") if is_card else None,
        told.get("lastFour"),
        int(told["expiryMonth"]) if told.get("expiryMonth") else None,
        int(told["expiryYear"]) if told.get("expiryYear") else None,
        told.get("alias"),
    )


def notices(item: Json, received_at: datetime) -> list[Notice]:
    """What one verified item of a webhook is about, with what it settles by itself."""
    code = item["eventCode"]
    dedupe = f"{item['pspReference']}:{code}:{item.get('success')}"
    if code in DISPUTE_EVENTS:
        return [_dispute(item, dedupe, received_at)]
    told = _NOTICES.get(code)
    return [told(item, dedupe)] if told else []


def happened(item: Json) -> bool:
    """Whether what an item is about succeeded."""
    return item.get("success") == "true"


def _authorised(item: Json, dedupe: str) -> Notice:
    """Only a yes is final: on a link the payer may try another card after a no."""
    ref, amount = item["pspReference"], _money(item["amount"])
    told = item.get("merchantReference") or ""
    status = PaymentStatus.AUTHORIZED if told.endswith(_HELD) else PaymentStatus.SUCCEEDED
    result = PaymentResult(status, ref, amount) if happened(item) else None
    return Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(key_of(told), ref), result=result)


def _captured(item: Json, dedupe: str) -> Notice:
    taken = happened(item) and item["eventCode"] == "CAPTURE"
    status = PaymentStatus.SUCCEEDED if taken else PaymentStatus.FAILED
    refused = None if taken else decline_for("processing_error")
    result = PaymentResult(status, item.get("originalReference"), _money(item["amount"]), decline=refused)
    return Notice(NoticeKind.PAYMENT, dedupe, _original(item), result=result)


def _canceled(item: Json, dedupe: str) -> Notice:
    """A cancellation that failed came too late: the payment stays what it is."""
    result = PaymentResult(PaymentStatus.CANCELED, item.get("originalReference")) if happened(item) else None
    return Notice(NoticeKind.PAYMENT, dedupe, _original(item), result=result)


def _refunded(item: Json, dedupe: str) -> Notice:
    sent = happened(item) and item["eventCode"] == "REFUND"
    ref, payment = item["pspReference"], PaymentRef("", item.get("originalReference"))
    result = RefundResult(RefundStatus.SUCCEEDED, ref)
    if not sent:
        result = RefundResult(RefundStatus.FAILED, ref, "The refund did not reach the payer.")
    return Notice(
        NoticeKind.REFUND, dedupe, payment, RefundRef(item.get("merchantReference") or "", payment, ref), result=result
    )


def _dispute(item: Json, dedupe: str, received_at: datetime) -> Notice:
    """Adyen signs neither the deadline nor the reason, which are shown and decide nothing, nor the time."""
    ref, payment = item["pspReference"], _original(item)
    extra = item.get("additionalData") or {}
    deadline = extra.get("defensePeriodEndsAt")
    found = Dispute(
        ref,
        payment,
        DISPUTE_EVENTS[item["eventCode"]],
        UNITS.money(item["amount"]["value"], item["amount"]["currency"]),
        str(item.get("reason") or item["eventCode"]).lower(),
        received_at,
        datetime.fromisoformat(deadline) if deadline else None,
        _said_at(item, received_at),
    )
    return Notice(NoticeKind.DISPUTE, dedupe, payment, dispute_ref=ref, result=found)


_NOTICES: Mapping[str, Callable[[Json, str], Notice]] = {
    "AUTHORISATION": _authorised,
    "CAPTURE": _captured,
    "CAPTURE_FAILED": _captured,
    "CANCELLATION": _canceled,
    "TECHNICAL_CANCEL": _canceled,
    "CANCEL_OR_REFUND": _canceled,
    "EXPIRE": _canceled,
    "REFUND": _refunded,
    "REFUND_FAILED": _refunded,
    "REFUNDED_REVERSED": _refunded,
}


def _said_at(item: Json, received_at: datetime) -> datetime:
    """When Adyen said so, because its webhooks come in any order. Nothing vouches for it but that it is past."""
    try:
        return min(datetime.fromisoformat(item["eventDate"]).astimezone(UTC), received_at)
    except (KeyError, TypeError, ValueError, OverflowError):
        return received_at


def _original(item: Json) -> PaymentRef:
    """The payment that an item is about: by our key, and by its own reference, which not all of them have."""
    return PaymentRef(key_of(item.get("merchantReference") or ""), item.get("originalReference"))


def _money(told: Json | None) -> Money | None:
    return UNITS.money(told["value"], told["currency"]) if told else None
