"""Square, through its own SDK (developer.squareup.com/reference/square, version 2026-09-16).

A kept card's token is `customer/card`, because Square charges a card together with its customer. Our key is the
idempotency key (45 characters at most, ours have 30) and the payment's `reference_id`. Square lists payments by time
only, and a new one may be missing from the list for some seconds. So a payment that is not in the list is cancelled by
its key before it counts as never executed: Square then either undoes it, or says that it knows nothing of it.

A payment without a token goes through a payment link; until it is paid its reference here is `link/order`.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from square.core.api_error import ApiError
from square.requests.money import MoneyParams

from app.domain.money import Money
from app.gateways import square_words as words
from app.gateways.base import Capability, CredentialField
from app.gateways.errors import (
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    InvalidSignature,
    OutcomeUnknown,
)
from app.gateways.square_form import form_at
from app.gateways.square_methods import SquareMethods
from app.gateways.square_sdk import LIVE, ONCE, SANDBOX, body, codes, create_payment, if_there, plain
from app.gateways.types import (
    BrowserForm,
    Dispute,
    Notice,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    RawRequest,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundResult,
    RefundStatus,
    SavedMethod,
    Transaction,
)

# A payment is created within this long of being claimed: clocks differ, and an answer may take its time.
CREATED_BEFORE, CREATED_AFTER = timedelta(minutes=5), timedelta(hours=1)


class SquareGateway(SquareMethods):
    """One Square location: cards, Cash App and Afterpay. It takes the currency of its country and no other."""

    name = "square"
    title = "Square"
    holds_pages = False  # a payment link takes the money at once
    capabilities = (
        Capability.SAVE_METHOD
        | Capability.SETUP
        | Capability.METHOD_UPDATES
        | Capability.OFF_SESSION
        | Capability.RESUME
        | Capability.CAPTURE
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.MULTI_REFUND
        | Capability.WEBHOOKS
        | Capability.LIST_TRANSACTIONS
        | Capability.DISPUTES
        | Capability.HOSTED
        | Capability.FORM
    )
    setup_page, setup_answers = False, ()  # what the form gives is posted
    credentials = (
        CredentialField("access_token", "Access token"),
        CredentialField("location_id", "Location ID", secret=False),
        CredentialField(
            "application_id",
            "Application ID",
            secret=False,
            required=False,
            help="With it payers fill in Square's form on our page, and can leave a card for later there.",
        ),
        CredentialField(
            "webhook_keys",
            "Webhook signature keys",
            required=False,
            help="While one replaces another: both, with a space between them.",
        ),
        CredentialField(
            "webhook_url", "Webhook address", secret=False, required=False, help="Exactly as entered at Square."
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help=f"Empty for {LIVE}; or {SANDBOX}."),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the access token or the location does not work."""
        with self._calling():
            self._client.locations.get(self.secrets["location_id"], request_options=ONCE)

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Charge a token (a nonce of the form, or a kept card's); without one, show the form or open a page at Square.

        The form has the bank's approval asked for before it gives a nonce, so that no charge waits for the payer. One
        that still wants it is a decline (`authentication_required`).
        """
        if request.token:
            return self._charge(request)
        form = self._form_token() if request.by_form else None
        return PaymentResult(PaymentStatus.REQUIRES_ACTION, next_action=form) if form else self._begin_page(request)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By Square's reference, else by our key: in the list of its hour, and then by cancelling what the key made."""
        with self._calling():
            if ref.gateway_ref:
                return self._known(ref.gateway_ref)
            return self._look_up(ref)

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back from Square's page. Square, not the query, says what they did."""
        result = self.fetch_payment(ref)
        if result is None:
            raise GatewayRefused("Square knows no such payment.")
        return result

    def capture(self, ref: PaymentRef, part: Money | None = None) -> PaymentResult:
        """Take what was authorized, within seven days. A payment that cannot be captured is given as it stands."""
        with self._calling():
            return self._unless_moved_on(self._client.payments.complete, self._payment_id(ref))

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Cancel a payment, or close its page. One that has settled stays settled, and is given as it stands."""
        with self._calling():
            link_id, _, order_id = (ref.gateway_ref or "").partition("/")
            if order_id:
                if_there(lambda: self._client.checkout.payment_links.delete(link_id, request_options=ONCE))
                return self._page(link_id, order_id)
            return self._unless_moved_on(self._client.payments.cancel, self._payment_id(ref))

    def refund(self, request: RefundRequest) -> RefundResult:
        """Send money back, which takes a while (PENDING). More than what is left is a failed refund."""
        with self._calling():
            try:
                answer = self._client.refunds.refund_payment(
                    idempotency_key=request.key,
                    payment_id=self._payment_id(request.payment),
                    amount_money=_money(request.amount),
                    reason=words.marked(request.reason, request.key),
                    request_options=ONCE,
                )
            except ApiError as error:
                why = next((words.REFUND_REFUSALS[code] for code in codes(error) if code in words.REFUND_REFUSALS), "")
                if not why:
                    raise
                return RefundResult(RefundStatus.FAILED, message=why)
            return words.refund(plain(answer.refund))

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """By Square's reference, else by our key among the refunds of the payment."""
        with self._calling():
            if ref.gateway_ref:
                return words.refund(self._refund(ref.gateway_ref))
            payment = self._payment(self._payment_id(ref.payment))
            refunds = (self._refund(refund_id) for refund_id in payment.get("refund_ids") or [])
            mark = words.marked("", ref.key)
            return next((words.refund(told) for told in refunds if told.get("reason", "").endswith(mark)), None)

    def browser_form(self) -> BrowserForm | None:
        """The card form of the Web Payments SDK, for an account with an application ID."""
        return form_at(self.secrets.get("base_url", "")) if self._form_token() else None

    def fetch_dispute(self, gateway_ref: str) -> Dispute | None:
        """How a dispute stands."""
        with self._calling():
            answer = if_there(lambda: self._client.disputes.get(gateway_ref, request_options=ONCE))
            return words.dispute(plain(answer.dispute)) if answer else None

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """The location's payments, refunds, payouts and disputes of [since, until), by when they were created."""
        place = {"location_id": self.secrets["location_id"], "request_options": ONCE}
        span, client = words.span(since, until) | place, self._client
        with self._calling():
            listed = {name: getattr(client, name).list(**span) for name in ("payments", "refunds", "payouts")}
            listed["disputes"] = client.disputes.list(**place)  # which knows no time
            rows = [row for name, some in listed.items() for row in words.transactions(name, map(plain, some))]
        return [row for row in rows if since <= row.at < until]

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """What an event is about; events about nothing of ours give no notice."""
        self._check_signature(request)
        return words.notices(json.loads(request.body))

    # Requests

    def _charge(self, request: PaymentRequest) -> PaymentResult:
        customer = self._customer_to_charge(request)
        with self._calling():
            try:
                result = words.payment(create_payment(self._client, self._charge_params(request, customer)))
            except ApiError as error:
                return self._declined(error, request)
        if request.save_method and customer and result.status is PaymentStatus.SUCCEEDED:
            return replace(result, saved_method=self._keep_paid(result.gateway_ref or "", customer))
        return result

    def _charge_params(self, request: PaymentRequest, customer: str | None) -> dict[str, Any]:
        params = {
            "source_id": words.parts_of(request.token)[1],
            "idempotency_key": request.key,
            "amount_money": _money(request.amount),
            "autocomplete": request.capture,
            "reference_id": request.key,
            "location_id": self.secrets["location_id"],
            "customer_details": {"customer_initiated": not request.off_session, "seller_keyed_in": False},
        }
        optional = {"customer_id": customer, "note": request.description[:500]}
        return params | {name: value for name, value in optional.items() if value}

    def _declined(self, error: ApiError, request: PaymentRequest) -> PaymentResult:
        """A decline comes as an error that may bring the failed payment along. Raises the error when it is none."""
        if not words.is_decline(body(error)):
            raise error
        ref = (body(error).get("payment") or {}).get("id")
        return PaymentResult(PaymentStatus.FAILED, ref, request.amount, decline=words.decline(body(error)["errors"]))

    def _begin_page(self, request: PaymentRequest) -> PaymentResult:
        with self._calling():
            answer = self._client.checkout.payment_links.create(
                idempotency_key=request.key,
                order={
                    "location_id": self.secrets["location_id"],
                    "reference_id": request.key,
                    "line_items": [
                        {
                            "name": (request.description or request.reference or "Payment")[:512],
                            "quantity": "1",
                            "base_price_money": _money(request.amount),
                        }
                    ],
                },
                checkout_options={
                    "redirect_url": request.return_url,
                    "accepted_payment_methods": {"cash_app_pay": True, "afterpay_clearpay": True},
                },
                payment_note=request.key,
                request_options=ONCE,
            )
            link = plain(answer.payment_link)
            ref = f"{link['id']}/{link['order_id']}"
            return PaymentResult(PaymentStatus.REQUIRES_ACTION, ref, next_action=Redirect(link["url"]))

    def _customer_to_charge(self, request: PaymentRequest) -> str | None:
        """The kept card's customer, or one to keep the new card for. Nothing is charged by asking."""
        kept, _ = words.parts_of(request.token)
        if kept or not request.save_method:
            return kept or request.payer.gateway_ref
        with self._calling(no_answer=GatewayUnavailable):
            return self._customer(request.payer)

    def _keep_paid(self, payment_id: str, customer: str) -> SavedMethod | None:
        """Keep the card of a payment. The payment stands whatever comes of it."""
        try:
            with self._calling():
                return self._keep(payment_id, customer)
        except GatewayError:
            return None

    # Results

    def _known(self, gateway_ref: str) -> PaymentResult:
        link_id, _, order_id = gateway_ref.partition("/")
        return self._page(link_id, order_id) if order_id else words.payment(self._payment(gateway_ref))

    def _page(self, link_id: str, order_id: str) -> PaymentResult:
        """A payment link; once it is paid, the payment."""
        order = plain(self._client.orders.get(order_id, request_options=ONCE).order)
        paid = next((tender["payment_id"] for tender in order.get("tenders") or []), None)
        if paid:
            return words.payment(self._payment(paid))
        link = if_there(lambda: self._client.checkout.payment_links.get(link_id, request_options=ONCE))
        ref = f"{link_id}/{order_id}"
        if not link or order["state"] == "CANCELED":
            return PaymentResult(PaymentStatus.CANCELED, ref)
        url = plain(link.payment_link)["url"]
        return PaymentResult(PaymentStatus.REQUIRES_ACTION, ref, next_action=Redirect(url))

    def _look_up(self, ref: PaymentRef) -> PaymentResult | None:
        span: dict[str, Any] = {}
        if ref.started_at:
            span = words.span(ref.started_at - CREATED_BEFORE, ref.started_at + CREATED_AFTER)
        if ref.request:
            span["total"] = words.UNITS.count(ref.request.amount)
        location = self.secrets["location_id"]
        listed = self._client.payments.list(**span, location_id=location, request_options=ONCE)
        found = next((words.payment(paid) for paid in map(plain, listed) if words.key_of(paid) == ref.key), None)
        if found is None:
            self._cancel_by_key(ref.key)
        return found

    def _cancel_by_key(self, key: str) -> None:
        """Raises OutcomeUnknown when something under this key cannot be cancelled, and so has been executed."""
        try:
            self._client.payments.cancel_by_idempotency_key(idempotency_key=key, request_options=ONCE)
        except ApiError as error:
            if error.status_code in (401, 403):
                raise
            raise OutcomeUnknown("Square will list this payment in a while: ask again.") from None

    def _payment(self, payment_id: str) -> words.Json:
        return plain(self._client.payments.get(payment_id, request_options=ONCE).payment)

    def _refund(self, refund_id: str) -> words.Json:
        return plain(self._client.refunds.get(refund_id, request_options=ONCE).refund)

    def _payment_id(self, ref: PaymentRef) -> str:
        if ref.gateway_ref and "/" not in ref.gateway_ref:
            return ref.gateway_ref
        gateway_ref = self.resume_payment(ref, {}).gateway_ref or ""
        if "/" in gateway_ref:
            raise GatewayRefused("The payer has not paid on Square's page yet.")
        return gateway_ref

    def _unless_moved_on(self, verb: Callable[..., Any], payment_id: str) -> PaymentResult:
        """Complete or cancel; Square's own status guards against doing it twice or too late."""
        try:
            return words.payment(plain(verb(payment_id, request_options=ONCE).payment))
        except ApiError as error:
            if error.status_code != 400:
                raise
            stands = self._payment(payment_id)
            if stands["status"] == "APPROVED":
                raise
            return words.payment(stands)

    # Signatures

    def _check_signature(self, request: RawRequest) -> None:
        """developer.squareup.com/docs/webhooks/step3validate: base64 of HMAC-SHA256 over address and body, no time."""
        given = request.headers.get("x-square-hmacsha256-signature", "").encode()
        signed = self.secrets.get("webhook_url", "").encode() + request.body
        keys = self.secrets.get("webhook_keys", "").split()
        expected = [base64.b64encode(hmac.new(key.encode(), signed, sha256).digest()) for key in keys]
        if not any(hmac.compare_digest(ours, given) for ours in expected):
            raise InvalidSignature("None of the account's signature keys fits this webhook, at the address entered.")


def _money(amount: Money) -> MoneyParams:
    return {"amount": words.UNITS.count(amount), "currency": amount.currency}
