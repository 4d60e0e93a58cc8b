"""Stripe, through its own SDK (docs.stripe.com/api, version 2026-10-28).

A kept method's token is `customer/method`, because Stripe charges a method together with the customer it belongs to.
Our key goes along as the idempotency key and as `metadata[key]`. Stripe replays an answer for 24 hours and then starts
anew, so a payment whose answer was lost is never sent again but looked for: among the payments of its customer, or of
its hour. Those lists are complete at once; the search index is not, and so is not used. A page or form whose address
was lost can be paid by nobody, so not finding it is safe.
"""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import stripe
from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams
from stripe.params.checkout import SessionCreateParams

from app.domain.declines import decline_for
from app.domain.money import Money
from app.gateways import stripe_words as words
from app.gateways.base import Capability, CredentialField
from app.gateways.errors import (
    GatewayRefused,
    GatewayUnavailable,
    InvalidSignature,
)
from app.gateways.stripe_methods import OFF_SESSION_USAGE, StripeMethods
from app.gateways.stripe_sdk import INTENTS, LIVE, PAGES, create, if_there, told
from app.gateways.types import (
    BrowserForm,
    Dispute,
    Notice,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    RawRequest,
    RefundRef,
    RefundRequest,
    RefundResult,
    RefundStatus,
    Transaction,
)

SIGNATURE_TOLERANCE = timedelta(seconds=300)
# A payment is created within this long of being claimed: clocks differ, and an answer may take its time.
CREATED_BEFORE, CREATED_AFTER = timedelta(minutes=5), timedelta(hours=1)


class StripeGateway(StripeMethods):
    """One Stripe account: cards, wallets, bank debits such as ACH and SEPA, whatever its dashboard turns on."""

    name = "stripe"
    title = "Stripe"
    capabilities = (
        Capability.SAVE_METHOD
        | Capability.SETUP
        | Capability.METHOD_UPDATES
        | Capability.OFF_SESSION
        | Capability.RESUME
        | Capability.CAPTURE
        | Capability.PARTIAL_CAPTURE
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.MULTI_REFUND
        | Capability.WEBHOOKS
        | Capability.LIST_TRANSACTIONS
        | Capability.DISPUTES
        | Capability.HOSTED
        | Capability.KEEP
        | Capability.CHALLENGE
        | Capability.FORM
    )
    setup_answers = ("token", "setup_intent")  # of the page, of the form
    credentials = (
        CredentialField("api_key", "Secret key", help="Begins with sk_ or rk_."),
        CredentialField(
            "publishable_key",
            "Publishable key",
            secret=False,
            required=False,
            help="Begins with pk_. With it payers fill in Stripe's form on our page; without it they go to Stripe's.",
        ),
        CredentialField(
            "webhook_secrets",
            "Webhook signing secrets",
            required=False,
            help="Begin with whsec_. While one replaces another: both, with a space between them.",
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help=f"Empty for {LIVE}."),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the secret key does not work; asks for the newest payment."""
        with self._calling():
            self._client.v1.payment_intents.list({"limit": 1})

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Charge a token (`pm_…`, or a kept method's); without one, begin the form or a page that the payer finishes.

        An off-session charge that the bank wants approved is a decline (`authentication_required`): the payer is
        brought back and pays with the same token on-session, which then gives a Redirect to the bank.
        """
        if request.token:
            return self._charge(request)
        return self._begin_form(request) if request.by_form and self._public_key else self._begin_page(request)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By Stripe's reference (`pi_…` or `cs_…`), else by our key among the payments of its customer or hour."""
        with self._calling():
            if ref.gateway_ref:
                return self._known(ref.gateway_ref)
            return self._look_up(ref)

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back. Stripe, not the query, says what they did."""
        result = self.fetch_payment(ref)
        if result is None:
            raise GatewayRefused("Stripe knows no such payment.")
        return result

    def capture(self, ref: PaymentRef, part: Money | None = None) -> PaymentResult:
        """Take what was authorized, or a part. A payment that cannot be captured is given as it stands."""
        wish = {"amount_to_capture": words.UNITS.count(part)} if part else {}
        with self._calling():
            return self._unless_moved_on(self._client.v1.payment_intents.capture, self._intent_id(ref), **wish)

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Cancel a payment, or close its page. One that has settled stays settled, and is given as it stands."""
        with self._calling():
            if ref.gateway_ref and ref.gateway_ref.startswith("cs_"):
                return self._close_page(ref.gateway_ref)
            return self._unless_moved_on(self._client.v1.payment_intents.cancel, self._intent_id(ref))

    def refund(self, request: RefundRequest) -> RefundResult:
        """Send money back; some methods take days (PENDING). More than what is left is a failed refund."""
        with self._calling():
            try:
                refund = self._client.v1.refunds.create(
                    {
                        "payment_intent": self._intent_id(request.payment),
                        "amount": words.UNITS.count(request.amount),
                        "metadata": {"key": request.key, "reason": request.reason[:500]},
                    },
                    {"idempotency_key": request.key},
                )
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded" and error.param != "amount":
                    raise
                return RefundResult(RefundStatus.FAILED, message="More than what is left of this payment.")
            return words.refund(refund.to_dict())

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """By Stripe's reference, else by our key among the refunds of the payment."""
        with self._calling():
            if ref.gateway_ref:
                return words.refund(self._client.v1.refunds.retrieve(ref.gateway_ref).to_dict())
            of_payment = self._client.v1.refunds.list({"payment_intent": self._intent_id(ref.payment), "limit": 100})
            found = (refund.to_dict() for refund in of_payment.auto_paging_iter())
            return next((words.refund(refund) for refund in found if words.key_of(refund) == ref.key), None)

    def browser_form(self) -> BrowserForm | None:
        """The Payment Element, for an account with a publishable key."""
        base_url = self.secrets.get("base_url", "")
        return words.FORM.at("" if base_url == LIVE else base_url) if self._public_key else None

    def fetch_dispute(self, gateway_ref: str) -> Dispute | None:
        """How a dispute stands."""
        with self._calling():
            dispute = if_there(lambda: self._client.v1.disputes.retrieve(gateway_ref))
            return words.dispute(dispute.to_dict()) if dispute else None

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """What moved the account's balance in [since, until), with Stripe's fees. Stripe asks by whole seconds."""
        first, last = int(since.timestamp()), int(until.timestamp())
        with self._calling():
            listed = self._client.v1.balance_transactions.list(
                {"created": {"gte": first, "lte": last}, "limit": 100, "expand": ["data.source"]}
            )
            known = [row.to_dict() for row in listed.auto_paging_iter() if row.type in words.MOVEMENTS]
            return [row for row in map(words.transaction, known) if since <= row.at < until]

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """What an event is about; events about nothing of ours give no notice."""
        self._check_signature(request)
        return words.notices(json.loads(request.body))

    # Requests

    def _charge(self, request: PaymentRequest) -> PaymentResult:
        params = self._intent_params(request)
        params["payment_method"] = words.parts_of(request.token)[1]
        params["confirm"] = True
        if request.off_session:
            params["off_session"] = True
        if request.return_url:
            params["return_url"] = request.return_url
        else:
            params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
        with self._calling():
            try:
                return words.payment(create(self._client, INTENTS, params, request.key), self._public_key)
            except stripe.CardError as error:
                ref = (told(error).get("payment_intent") or {}).get("id")
                return PaymentResult(PaymentStatus.FAILED, ref, request.amount, decline=words.decline(told(error)))
            except stripe.InvalidRequestError as error:
                if error.param != "payment_method":
                    raise
                return PaymentResult(PaymentStatus.FAILED, decline=decline_for("mandate_revoked"))

    def _begin_form(self, request: PaymentRequest) -> PaymentResult:
        """A payment that waits for the form on our own page."""
        params = self._intent_params(request)
        params["metadata"] = words.metadata(request) | words.ON_FORM
        with self._calling():
            return words.payment(create(self._client, INTENTS, params, request.key), self._public_key)

    def _begin_page(self, request: PaymentRequest) -> PaymentResult:
        """A page at Stripe, open for a day."""
        params = self._page_params(request)
        with self._calling():
            return words.page(create(self._client, PAGES, params, request.key), self._public_key)

    def _intent_params(self, request: PaymentRequest) -> PaymentIntentCreateParams:
        params: PaymentIntentCreateParams = {
            "amount": words.UNITS.count(request.amount),
            "currency": request.amount.currency.lower(),
            "description": request.description,
            "metadata": words.metadata(request),
            "capture_method": words.capture_method(request),
            "automatic_payment_methods": {"enabled": True},
            "expand": words.PAYMENT_EXPANDED,
        }
        if customer := self._customer_to_charge(request):
            params["customer"] = customer
        if request.challenge:
            params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
        if request.save_method and not request.off_session:
            params["setup_future_usage"] = OFF_SESSION_USAGE
        return params

    def _page_params(self, request: PaymentRequest) -> SessionCreateParams:
        metadata = words.metadata(request) | words.PAYER_FINISHES
        params: SessionCreateParams = {
            "mode": "payment",
            "client_reference_id": request.key,
            "line_items": [
                {
                    "price_data": {
                        "currency": request.amount.currency.lower(),
                        "unit_amount": words.UNITS.count(request.amount),
                        "product_data": {"name": request.description or request.reference or "Payment"},
                    },
                    "quantity": 1,
                }
            ],
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "capture_method": words.capture_method(request)},
            "success_url": request.return_url,
            "cancel_url": request.return_url,
        }
        if request.challenge:
            params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
        if request.save_method:
            params["payment_intent_data"]["setup_future_usage"] = OFF_SESSION_USAGE
        if customer := self._customer_to_charge(request):
            params["customer"] = customer
        else:
            params["customer_email"] = request.payer.email
        return params

    def _customer_to_charge(self, request: PaymentRequest) -> str | None:
        """The kept method's customer, or one to keep the new method for. Nothing is charged by asking."""
        kept, _ = words.parts_of(request.token)
        if kept or not request.save_method:
            return kept or request.payer.gateway_ref
        with self._calling(no_answer=GatewayUnavailable):
            return self._customer(request.payer)

    # Results

    def _paid(self, intent: stripe.PaymentIntent) -> PaymentResult:
        return words.payment(intent.to_dict(), self._public_key)

    def _shown(self, session: stripe.checkout.Session) -> PaymentResult:
        return words.page(session.to_dict(), self._public_key)

    def _known(self, gateway_ref: str) -> PaymentResult:
        if gateway_ref.startswith("cs_"):
            return self._shown(self._client.v1.checkout.sessions.retrieve(gateway_ref, {"expand": words.PAGE_EXPANDED}))
        return self._paid(self._client.v1.payment_intents.retrieve(gateway_ref, {"expand": words.PAYMENT_EXPANDED}))

    def _look_up(self, ref: PaymentRef) -> PaymentResult | None:
        params: PaymentIntentListParams = {"limit": 100, "expand": [f"data.{name}" for name in words.PAYMENT_EXPANDED]}
        customer, _ = words.parts_of(ref.request.token if ref.request else None)
        if customer:
            params["customer"] = customer
        elif ref.started_at:
            first, last = ref.started_at - CREATED_BEFORE, ref.started_at + CREATED_AFTER
            params["created"] = {"gte": int(first.timestamp()), "lte": int(last.timestamp())}
        intents = self._client.v1.payment_intents.list(params).auto_paging_iter()
        return next((self._paid(intent) for intent in intents if words.key_of(intent.to_dict()) == ref.key), None)

    def _intent_id(self, ref: PaymentRef) -> str:
        gateway_ref = ref.gateway_ref or ""
        if not gateway_ref.startswith("pi_"):
            gateway_ref = self.resume_payment(ref, {}).gateway_ref or ""
        if not gateway_ref.startswith("pi_"):
            raise GatewayRefused("The payer has not paid on Stripe's page yet.")
        return gateway_ref

    def _unless_moved_on(self, verb: Callable[..., stripe.PaymentIntent], intent_id: str, **wish: int) -> PaymentResult:
        """Capture or cancel; Stripe's own status guards against doing it twice or too late."""
        try:
            return self._paid(verb(intent_id, {"expand": words.PAYMENT_EXPANDED, **wish}))
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise
            return self._known(intent_id)

    def _close_page(self, session_id: str) -> PaymentResult:
        try:
            return self._shown(self._client.v1.checkout.sessions.expire(session_id))
        except stripe.InvalidRequestError:
            return self._known(session_id)

    # Signatures

    def _check_signature(self, request: RawRequest) -> None:
        """docs.stripe.com/webhooks/signatures: `t=…,v1=…`, HMAC-SHA256 of time and body, five minutes either way."""
        parts = [part.partition("=") for part in request.headers.get("stripe-signature", "").split(",")]
        stamp = next((value for name, _, value in parts if name == "t" and value.isdecimal()), "")
        given = [value.encode() for name, _, value in parts if name == "v1"]
        signed = f"{stamp}.".encode() + request.body
        secrets = self.secrets.get("webhook_secrets", "").split()
        expected = [hmac.new(secret.encode(), signed, sha256).hexdigest().encode() for secret in secrets]
        if not stamp or not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
            raise InvalidSignature("None of the account's signing secrets fits this webhook's signature.")
        if abs(request.received_at - datetime.fromtimestamp(int(stamp), UTC)) > SIGNATURE_TOLERANCE:
            raise InvalidSignature("This webhook was signed too long ago, or in the future.")
