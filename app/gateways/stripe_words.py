"""What Stripe says, in our words: one table for each of its vocabularies, and its objects as our results."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from app.domain.declines import Decline, decline_for
from app.domain.money import Money
from app.gateways.refusals import decline_from
from app.gateways.types import (
    BrowserForm,
    Checks,
    ClientToken,
    Dispute,
    DisputeStatus,
    NextAction,
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

Json = dict[str, Any]

# docs.stripe.com/currencies, and for UGX and ISK what the API does: whole units only, but sent with two decimals.
UNITS = Units(
    decimals={"UGX": 2, "ISK": 2, "MGA": 0},
    steps={"UGX": 100, "ISK": 100, "BHD": 10, "JOD": 10, "KWD": 10, "OMR": 10, "TND": 10},
)
STATUSES: Mapping[str, PaymentStatus] = {
    "succeeded": PaymentStatus.SUCCEEDED,
    "processing": PaymentStatus.PENDING,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "requires_confirmation": PaymentStatus.REQUIRES_ACTION,
    "requires_payment_method": PaymentStatus.FAILED,
    "canceled": PaymentStatus.CANCELED,
}
PAYMENT_EXPANDED = ["latest_charge.balance_transaction", "payment_method"]  # what we want to see of a payment
PAGE_EXPANDED = [f"payment_intent.{name}" for name in PAYMENT_EXPANDED]
AMOUNTS: Mapping[str, str] = {"succeeded": "amount_received", "requires_capture": "amount_capturable"}
REFUND_STATUSES: Mapping[str, RefundStatus] = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
DISPUTE_STATUSES: Mapping[str, DisputeStatus] = {
    "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "warning_under_review": DisputeStatus.UNDER_REVIEW,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "warning_closed": DisputeStatus.WON,
    "prevented": DisputeStatus.WON,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
# Type of a balance transaction → our kind, when it takes from the balance and when it adds to it.
MOVEMENTS: Mapping[str, tuple[str, str]] = {
    "charge": ("payment", "payment"),
    "payment": ("payment", "payment"),
    "refund": ("refund", "refund"),
    "payment_refund": ("refund", "refund"),
    "refund_failure": ("refund_reversal", "refund_reversal"),
    "adjustment": ("dispute", "dispute_reversal"),
    "payout": ("payout", "payout"),
    "stripe_fee": ("fee", "fee"),
}
# Metadata of a payment whose payer may try one card after another, so that a decline is not the end of it.
PAYER_FINISHES = {"finish": "payer"}
ON_FORM = PAYER_FINISHES | {"on": "form"}  # … on our page
# Methods that say yes or no days later (docs.stripe.com/payments/payment-methods): by then the payer is gone.
DELAYED = frozenset(
    "acss_debit au_becs_debit bacs_debit boleto customer_balance konbini multibanco nz_bank_account oxxo sepa_debit"
    " us_bank_account".split()
)
# Where the details of a next action keep the page that the payer is to be sent to.
PAGES = ("url", "hosted_verification_url", "hosted_instructions_url", "hosted_voucher_url")
CHECKED: Mapping[str | None, bool] = {"pass": True, "fail": False}
# docs.stripe.com/security/guide#content-security-policy, for cards and what else redirects or asks in a frame.
FORM = BrowserForm(
    "https://js.stripe.com/v3/",
    {
        "script-src": ("https://js.stripe.com", "https://*.js.stripe.com"),
        "frame-src": ("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
        "connect-src": ("https://api.stripe.com",),
    },
)

# Our word → Stripe's decline and error codes (docs.stripe.com/declines/codes, docs.stripe.com/error-codes).
_CODES: Mapping[str, str] = {
    "authentication_required": "authentication_required",
    "authentication_failed": "payment_intent_authentication_failure setup_intent_authentication_failure",
    "insufficient_funds": "insufficient_funds",
    "limit_exceeded": "card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount",
    "card_declined": "generic_decline card_declined approve_with_id duplicate_transaction testmode_decline",
    "do_not_honor": "do_not_honor call_issuer no_action_taken",
    "issuer_unavailable": "issuer_not_available",
    "processing_error": "processing_error try_again_later reenter_transaction could_not_process",
    "payer_canceled": "payment_method_customer_decline",
    "expired_card": "expired_card",
    "incorrect_number": "incorrect_number invalid_number invalid_account_number invalid_expiry_month"
    " invalid_expiry_year",
    "incorrect_cvc": "incorrect_cvc invalid_cvc",
    "incorrect_address": "incorrect_address incorrect_zip",
    "lost_card": "lost_card",
    "stolen_card": "stolen_card pickup_card",
    "suspected_fraud": "fraudulent merchant_blacklist security_violation",
    "account_closed": "invalid_account account_closed no_account bank_account_restricted",
    "mandate_revoked": "revocation_of_authorization revocation_of_all_authorizations stop_payment_order"
    " debit_not_authorized",
    "not_permitted": "do_not_try_again transaction_not_allowed restricted_card not_permitted service_not_allowed",
    "not_supported": "card_not_supported currency_not_supported live_mode_test_card",
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _CODES.items() for code in codes.split()}


def key_of(subject: Json) -> str | None:
    """Our key, where the object carries it."""
    found: str | None = (subject.get("metadata") or {}).get("key")
    return found


def metadata(request: PaymentRequest) -> dict[str, str]:
    """What an object carries so that it can be found."""
    return {"key": request.key, "reference": request.reference}


def capture_method(request: PaymentRequest) -> Literal["automatic_async", "manual"]:
    """Whether a payment is taken as soon as it is approved."""
    return "automatic_async" if request.capture else "manual"


def token_of(customer: str, method: str) -> str:
    """The token of a kept method: `cus_…/pm_…`."""
    return f"{customer}/{method}"


def parts_of(token: str | None) -> tuple[str, str]:
    """Customer and method of a token; a fresh method has no customer yet, which is empty then."""
    customer, _, method = (token or "").rpartition("/")
    return customer, method


def payment(intent: Json, public_key: str) -> PaymentResult:
    """A payment intent. One that was begun on the form is finished there, where Stripe names no page.

    One that the payer may try again says why the last try came to nothing.
    """
    status = STATUSES[intent["status"]]
    if status is PaymentStatus.FAILED and _may_try_again(intent):
        status = PaymentStatus.REQUIRES_ACTION
    failed, waits = status is PaymentStatus.FAILED, status is PaymentStatus.REQUIRES_ACTION
    error = intent["last_payment_error"] if intent["status"] == "requires_payment_method" else None
    charge = _written_out(intent["latest_charge"])
    return PaymentResult(
        status,
        intent["id"],
        UNITS.money(intent[AMOUNTS.get(intent["status"], "amount")], intent["currency"]),
        fee=_fee(charge),
        decline=decline(error or {}) if failed or error else None,
        next_action=_next_action(intent, public_key) if waits else None,
        saved_method=None if failed or waits else _saved(intent),
        checks=_checks(charge),
    )


def page(session: Json, public_key: str) -> PaymentResult:
    """A hosted page; once the payer is through with it, the payment that they made on it."""
    if session["status"] == "complete":
        return payment(session["payment_intent"], public_key)
    if session["status"] == "expired":
        return PaymentResult(PaymentStatus.CANCELED, session["id"])
    return PaymentResult(PaymentStatus.REQUIRES_ACTION, session["id"], next_action=Redirect(session["url"]))


def decline(error: Json) -> Decline:
    """A refusal by the payer's bank. Its advice not to try again makes a soft one hard."""
    found = decline_from("stripe", DECLINES, error.get("decline_code"), error.get("code"))
    advised = error.get("advice_code") == "do_not_try_again"
    return decline_for("not_permitted") if advised and not found.hard else found


def refund(told: Json) -> RefundResult:
    """A refund; one that failed says why."""
    why = told.get("failure_reason") or ""
    return RefundResult(REFUND_STATUSES[told["status"]], told["id"], why.replace("_", " "))


def method(told: Json) -> SavedMethod:
    """A kept method: a card has a brand and an expiry, a bank account a bank."""
    details = told.get(told["type"]) or {}
    return SavedMethod(
        token_of(told["customer"], told["id"]),
        told["type"],
        details.get("brand") or details.get("bank_name") or details.get("bank_code"),
        details.get("last4"),
        details.get("exp_month"),
        details.get("exp_year"),
        details.get("fingerprint"),
    )


def dispute(told: Json) -> Dispute:
    """A dispute, with the last instant for evidence."""
    due = (told.get("evidence_details") or {}).get("due_by")
    return Dispute(
        told["id"],
        PaymentRef("", told["payment_intent"]),
        DISPUTE_STATUSES[told["status"]],
        UNITS.money(told["amount"], told["currency"]),
        told["reason"],
        _instant(told["created"]),
        _instant(due) if due else None,
    )


def transaction(row: Json) -> Transaction:
    """A balance transaction, its source written out: the amount is the source's, in the payer's currency."""
    source = _written_out(row["source"])
    kind = MOVEMENTS[row["type"]][row["amount"] > 0]
    amount = UNITS.money(abs(row["amount"]), row["currency"])
    if kind in ("payment", "refund"):
        amount = UNITS.money(source.get("amount_captured") or source["amount"], source["currency"])
    return Transaction(
        kind,
        (source.get("payment_intent") if kind == "payment" else None) or source.get("id") or row["id"],
        key_of(source),
        amount,
        _instant(row["created"]),
        UNITS.money(row["fee"], row["currency"]),
        source.get("payment_intent") if kind == "refund" else None,
    )


def notices(event: Json) -> list[Notice]:
    """What an event is about. Its type matters little: what happened is looked up."""
    subject = event["data"]["object"]
    told = _NOTICES.get(subject["object"])
    return [told(event, subject)] if told and subject.get("mode") != "setup" else []


def _payment_notice(event: Json, intent: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, event["id"], PaymentRef(key_of(intent) or "", intent["id"]))


def _charge_notice(event: Json, charge: Json) -> Notice:
    return Notice(NoticeKind.PAYMENT, event["id"], PaymentRef(key_of(charge) or "", charge["payment_intent"]))


def _refund_notice(event: Json, refund: Json) -> Notice:
    found = RefundRef(key_of(refund) or "", PaymentRef("", refund["payment_intent"]), refund["id"])
    return Notice(NoticeKind.REFUND, event["id"], found.payment, found)


def _dispute_notice(event: Json, dispute: Json) -> Notice:
    payment = PaymentRef("", dispute["payment_intent"])
    return Notice(NoticeKind.DISPUTE, event["id"], payment, dispute_ref=dispute["id"])


def _method_notice(event: Json, method: Json) -> Notice:
    """A method that was detached tells its former customer among the attributes it had before."""
    customer = method["customer"] or (event["data"].get("previous_attributes") or {}).get("customer") or ""
    return Notice(NoticeKind.METHOD, event["id"], method_token=token_of(customer, method["id"]))


_NOTICES: Mapping[str, Callable[[Json, Json], Notice]] = {
    "payment_intent": _payment_notice,
    "checkout.session": _payment_notice,
    "charge": _charge_notice,
    "refund": _refund_notice,
    "dispute": _dispute_notice,
    "payment_method": _method_notice,
}


def _may_try_again(intent: Json) -> bool:
    tried = ((intent["last_payment_error"] or {}).get("payment_method") or {}).get("type")
    return PAYER_FINISHES.items() <= intent["metadata"].items() and tried not in DELAYED


def _next_action(intent: Json, public_key: str) -> NextAction | None:
    action = intent["next_action"] or {}
    details = action.get(action.get("type")) or {}
    url = next((details[name] for name in PAGES if details.get(name)), None)
    if url:
        return Redirect(url)
    by_form = public_key and ON_FORM.items() <= intent["metadata"].items()
    return ClientToken(intent["client_secret"], public_key) if by_form else None


def _saved(intent: Json) -> SavedMethod | None:
    kept = _written_out(intent["payment_method"])
    return method(kept) if intent["setup_future_usage"] == "off_session" and kept.get("customer") else None


def _fee(charge: Json) -> Money | None:
    moved = _written_out(charge.get("balance_transaction"))
    return UNITS.money(moved["fee"], moved["currency"]) if moved else None


def _checks(charge: Json) -> Checks | None:
    if not charge:
        return None
    details = charge.get("payment_method_details") or {}
    checks = (details.get(details.get("type")) or {}).get("checks") or {}
    return Checks(
        (charge.get("outcome") or {}).get("risk_level"),
        CHECKED.get(checks.get("cvc_check")),
        CHECKED.get(checks.get("address_line1_check")),
        CHECKED.get(checks.get("address_postal_code_check")),
    )


def _written_out(reference: Any) -> Json:
    """An expanded reference; empty where Stripe only gave the id, or nothing."""
    return reference if isinstance(reference, dict) else {}


def _instant(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
