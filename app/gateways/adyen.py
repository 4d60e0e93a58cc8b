"""Adyen Checkout v72, through its own SDK (docs.adyen.com/api-explorer/Checkout/72/overview).

Adyen cannot be asked about a payment. What became of one is known from its answer, from the same request under the
same key, which gives the same answer for seven days and never charges twice, or from a signed webhook, whose facts
come along in the notice. Captures, cancellations and refunds are only received at first (PENDING); a webhook says how
they ended. Payment links can be asked about and closed, so a payment without a token goes through one.

The reference here is the payment's PSP reference, and `link/ID` until a webhook has named it. A kept method's token is
`shopper/ID`, because Adyen charges a method together with its shopper, who is our customer's id.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from Adyen.exceptions import AdyenAPIResponseError

from app.domain.declines import decline_for
from app.domain.money import Money
from app.gateways import adyen_words as words
from app.gateways.adyen_methods import NO_SUCH_METHOD, UNSCHEDULED, AdyenMethods
from app.gateways.adyen_sdk import code, said
from app.gateways.base import Capability, CredentialField
from app.gateways.errors import GatewayRefused, InvalidSignature, OutcomeUnknown
from app.gateways.types import (
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
)

KEY_LIFETIME = timedelta(days=6)  # Adyen keeps a key for seven days at least
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


class AdyenGateway(AdyenMethods):
    """One Adyen merchant account: cards and whatever else is switched on for its payment links."""

    name = "adyen"
    title = "Adyen"
    holds_for = timedelta(days=28)  # docs.adyen.com/online-payments/capture: most schemes; Adyen expires it then
    tells_refunds = False
    tells_holds = False
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
        | Capability.DISPUTES
        | Capability.HOSTED
        | Capability.KEEP
        | Capability.CHALLENGE
    )
    credentials = (
        CredentialField("api_key", "API key"),
        CredentialField("merchant_account", "Merchant account", secret=False),
        CredentialField(
            "live_prefix", "Live endpoint prefix", secret=False, required=False, help="Empty for the test platform."
        ),
        CredentialField(
            "hmac_keys",
            "Webhook HMAC keys",
            required=False,
            help="Hexadecimal. While one replaces another: both, with a space between them.",
        ),
        CredentialField(
            "webhook_login",
            "Webhook user and password",
            required=False,
            help="As entered at Adyen, user:password. Checked besides the signature, which leaves fields out.",
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help="Empty for Adyen's own."),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the API key or the merchant account does not work; asks how payers may pay."""
        with self._calling():
            said(self._checkout.payments_api.payment_methods, self._ours())

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Charge a kept method; without a token, open a payment link.

        An off-session charge that the bank wants approved is a decline (`authentication_required`).
        """
        return self._charge(request) if request.token else self._begin_link(request)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """A link by its reference; a charge by asking for it again under its key, which gives the answer it had.

        A charge that never reached Adyen is made by that. It is the one that was asked for, once, and only while it is
        open here. Raises OutcomeUnknown where that is not safe any more, or not possible. A link whose address never
        arrived can be paid by nobody: None.
        """
        if ref.gateway_ref and ref.gateway_ref.startswith("link/"):
            with self._calling():
                return self._link(ref.gateway_ref)
        if ref.request is None or ref.started_at is None:
            raise OutcomeUnknown("Adyen tells how a payment stands by its webhooks only.")
        if not ref.request.token and ref.gateway_ref is None:
            return None
        if not ref.request.token:
            raise OutcomeUnknown("Adyen tells how a payment through a link stands by its webhooks only.")
        if datetime.now(UTC) - ref.started_at > KEY_LIFETIME:
            raise OutcomeUnknown("This payment is too old for Adyen to be asked about it: look it up by hand.")
        return self._charge(replace(ref.request, key=ref.key))

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back from their bank with a `redirectResult`, or from a link with nothing."""
        redirected = answer.get("redirectResult")
        if redirected is None or ref.request is None:
            result = self.fetch_payment(ref)
            if result is None:
                raise GatewayRefused("Adyen knows no such payment.")
            return result
        with self._calling():
            told = said(self._checkout.payments_api.payments_details, {"details": {"redirectResult": redirected}})
            if words.key_of(told.get("merchantReference", "")) != ref.key:
                raise GatewayRefused("The payer came back with the answer to another payment.")
            return words.payment(told, ref.request)

    def capture(self, ref: PaymentRef, part: Money | None = None) -> PaymentResult:
        """Take what was authorized, or a part. Adyen says by webhook whether that worked: PENDING until then."""
        if ref.request is None:
            raise GatewayRefused("A capture needs to know the amount.")
        amount = part or ref.request.amount
        body = self._ours(amount=words.amount(amount), reference=ref.key)
        with self._calling():
            verb = self._checkout.modifications_api.capture_authorised_payment
            said(verb, body, self._psp(ref), key=f"{ref.key}-capture{f'-{part.minor}' if part else ''}")
        return PaymentResult(PaymentStatus.PENDING, ref.gateway_ref, amount)

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Close a link at once; ask for an authorization to be cancelled, which a webhook confirms (PENDING).

        What is taken without a capture of ours cannot be cancelled, and is given as it stands. A payer who has not
        come back from their bank has paid nothing: what finishes such a payment is our own call in `resume_payment`.
        """
        if ref.gateway_ref and ref.gateway_ref.startswith("link/"):
            link = self._close(ref.gateway_ref)
            return self._cancel_unnamed(ref, link) if link.status is PaymentStatus.AUTHORIZED else link
        if ref.gateway_ref and ref.request and not ref.request.capture:
            return self._cancel(ref, PaymentResult(PaymentStatus.PENDING, ref.gateway_ref, ref.request.amount))
        stands = self.fetch_payment(ref)
        if stands and stands.status is PaymentStatus.REQUIRES_ACTION:
            return PaymentResult(PaymentStatus.CANCELED, ref.gateway_ref)
        if stands is None or stands.status is not PaymentStatus.AUTHORIZED:
            return stands or PaymentResult(PaymentStatus.CANCELED, ref.gateway_ref)
        return self._cancel(ref, replace(stands, status=PaymentStatus.PENDING))

    def refund(self, request: RefundRequest) -> RefundResult:
        """Ask for money to be sent back. Adyen only receives this; a webhook says whether it worked."""
        body = self._ours(amount=words.amount(request.amount), reference=request.key)
        with self._calling():
            verb = self._checkout.modifications_api.refund_captured_payment
            told = said(verb, body, self._psp(request.payment), key=request.key)
        return RefundResult(RefundStatus.PENDING, told["pspReference"])

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """Adyen cannot be asked: raises OutcomeUnknown. The webhook brings what became of it."""
        raise OutcomeUnknown("Adyen tells what became of a refund by its webhook only.")

    def fetch_dispute(self, gateway_ref: str) -> Dispute | None:
        """Adyen cannot be asked: raises OutcomeUnknown. Each webhook about a dispute brings how it stands."""
        raise OutcomeUnknown("Adyen tells of disputes by its webhooks only.")

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """What each item of a webhook is about, and what it settles. One wrong signature spoils all of them."""
        self._check_login(request)
        return [told for item in self._items(request.body) for told in words.notices(item, request.received_at)]

    # Requests

    def _charge(self, request: PaymentRequest) -> PaymentResult:
        with self._calling():
            try:
                told = said(self._checkout.payments_api.payments, self._charge_body(request), key=request.key)
            except AdyenAPIResponseError as error:
                if code(error) != NO_SUCH_METHOD:
                    raise
                return PaymentResult(PaymentStatus.FAILED, decline=decline_for("mandate_revoked"))
            return words.payment(told, request)

    def _charge_body(self, request: PaymentRequest) -> words.Json:
        shopper, _, stored_id = (request.token or "").partition("/")
        body = self._ours(
            amount=words.amount(request.amount),
            reference=words.reference(request),
            paymentMethod={"type": "scheme", "storedPaymentMethodId": stored_id},
            shopperReference=shopper,
            shopperInteraction="ContAuth",
            recurringProcessingModel=UNSCHEDULED if request.off_session else "CardOnFile",
            returnUrl=request.return_url,
        )
        if not request.off_session:  # the bank asks on a page of its own, because here is no form of Adyen's
            body["channel"] = "Web"
            body["authenticationData"] = {"threeDSRequestData": {"nativeThreeDS": "disabled"}}
            if request.challenge:
                body["authenticationData"]["attemptAuthentication"] = "always"
        if not request.capture:
            body["additionalData"] = {"manualCapture": "true"}
        return body

    def _begin_link(self, request: PaymentRequest) -> PaymentResult:
        stores = "askForConsent" if request.save_method else "disabled"
        reference, amount = words.reference(request), words.amount(request.amount)
        body = self._link_body(reference, amount, request.payer, request.return_url, stores=stores)
        if request.description:
            body["description"] = request.description[:280]
        if not request.capture:
            body["manualCapture"] = True
        with self._calling():
            return words.link(said(self._checkout.payment_links_api.payment_links, body, key=request.key))

    def _close(self, gateway_ref: str) -> PaymentResult:
        link_id = gateway_ref.partition("/")[2]
        with self._calling():
            try:
                told = said(self._checkout.payment_links_api.update_payment_link, {"status": "expired"}, link_id)
                return words.link(told)
            except AdyenAPIResponseError as error:
                stands = self._link(gateway_ref)
                if error.status_code != 422 or stands.status is PaymentStatus.REQUIRES_ACTION:
                    raise
                return stands

    # Results

    def _link(self, gateway_ref: str) -> PaymentResult:
        """A link as it stands, with the method that was left on it."""
        told = said(self._checkout.payment_links_api.get_payment_link, gateway_ref.partition("/")[2])
        result = words.link(told)
        if result.status is not PaymentStatus.SUCCEEDED or told.get("storePaymentMethodMode", "disabled") == "disabled":
            return result
        shopper = told["shopperReference"]
        newest = max(self._stored(shopper), key=lambda stored: stored.get("createdAt") or "", default=None)
        return replace(result, saved_method=words.method(shopper, newest) if newest else None)

    def _cancel(self, ref: PaymentRef, pending: PaymentResult) -> PaymentResult:
        with self._calling():
            verb = self._checkout.modifications_api.cancel_authorised_payment_by_psp_reference
            said(verb, self._ours(reference=ref.key), pending.gateway_ref, key=f"{ref.key}-void")
        return pending

    def _cancel_unnamed(self, ref: PaymentRef, link: PaymentResult) -> PaymentResult:
        """What was authorized on a link, and no webhook has named yet, is cancelled by our reference."""
        if ref.request is None:
            raise GatewayRefused("To cancel what was authorized on a link, its payment has to be known.")
        body = self._ours(paymentReference=words.reference(ref.request), reference=ref.key)
        with self._calling():
            said(self._checkout.modifications_api.cancel_authorised_payment, body, key=f"{ref.key}-void")
        return replace(link, status=PaymentStatus.PENDING)

    def _psp(self, ref: PaymentRef) -> str:
        if not ref.gateway_ref or ref.gateway_ref.startswith("link/"):
            raise GatewayRefused("Adyen's webhook has not named this payment yet: try again when it has.")
        return ref.gateway_ref

    # Signatures

    def _check_login(self, request: RawRequest) -> None:
        login = self.secrets.get("webhook_login", "")
        expected = "Basic " + base64.b64encode(login.encode()).decode()
        if login and not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
            raise InvalidSignature("The webhook did not come with the user and password entered.")

    def _items(self, body: bytes) -> list[words.Json]:
        """The items of a webhook, each with a signature that holds and for our own merchant account."""
        try:
            items = [entry["NotificationRequestItem"] for entry in json.loads(body)["notificationItems"]]
        except (ValueError, KeyError, TypeError):
            raise InvalidSignature("This is none of Adyen's standard webhooks.") from None
        if not items or not all(self._is_signed(item) for item in items):
            raise InvalidSignature("None of the account's HMAC keys fits this webhook.")
        if any(item["merchantAccountCode"] != self.secrets["merchant_account"] for item in items):
            raise InvalidSignature("This webhook is about another merchant account.")
        return items

    def _is_signed(self, item: words.Json) -> bool:
        """docs.adyen.com/development-resources/webhooks/verify-hmac-signatures: fields with colons between them."""
        try:
            amount, given = item["amount"], item["additionalData"]["hmacSignature"].encode()
            values = [*(item.get(name, "") for name in _SIGNED), amount["value"], amount["currency"]]
            signed = ":".join(map(str, [*values, item["eventCode"], item.get("success", "")])).encode()
            keys = [bytes.fromhex(key) for key in self.secrets.get("hmac_keys", "").split()]
        except (KeyError, TypeError, AttributeError, ValueError):
            return False
        expected = [base64.b64encode(hmac.new(key, signed, sha256).digest()) for key in keys]
        return any(hmac.compare_digest(ours, given) for ours in expected)
