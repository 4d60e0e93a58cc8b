"""Pesapal, by its API 3.0 (developer.pesapal.com/how-to-integrate/e-commerce/api-30-json).

The payer pays an order on Pesapal's page, by mobile money or card. Our key is the order's `id`, which is used once for
ever; Pesapal's own reference is the tracking id, by which alone orders are found. An order whose answer was lost has a
page whose address nobody knows, so it counts as never made, until a notice or a returning payer names its tracking id.

Notices (IPN) are not signed and say nothing: each is only a hint to ask, and an answer about another order, amount or
currency is not believed. Refunds are asked for, approved by a person at Pesapal, and seen when the payment is reversed.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.domain.money import Money
from app.gateways import pesapal_words as words
from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, InvalidSignature, OutcomeUnknown
from app.gateways.plain_http import Client, Json, Refusal
from app.gateways.tokens import Token, Tokens, name_of
from app.gateways.types import (
    Notice,
    NoticeKind,
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
)

LIVE = "https://pay.pesapal.com/v3"
SANDBOX = "https://cybqa.pesapal.com/pesapalv3"
TOKEN_SECONDS = 270  # of the five minutes that a token lives
NOTICE_FIELDS = ("OrderTrackingId", "OrderNotificationType", "OrderMerchantReference")
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)
_tokens = Tokens()
_ipn_ids: dict[tuple[str, str, str], str] = {}  # (Pesapal's address, consumer key, our address) → IPN ID


class PesapalGateway(Gateway):
    """One Pesapal merchant: mobile money and cards in East Africa, on Pesapal's page."""

    name = "pesapal"
    title = "Pesapal"
    tells_refunds = False
    capabilities = (
        Capability.HOSTED
        | Capability.RESUME
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.WEBHOOKS
    )
    credentials = (
        CredentialField("consumer_key", "Consumer key"),
        CredentialField("consumer_secret", "Consumer secret"),
        CredentialField(
            "ipn_id",
            "IPN ID",
            secret=False,
            required=False,
            help="Of the webhook address, if you have registered it at Pesapal. Empty: it is registered when needed.",
        ),
        CredentialField(
            "webhook_url", "Webhook address", secret=False, required=False, help="Needed if there is no IPN ID."
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help=f"Empty for {LIVE}; or {SANDBOX}."),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when key and secret do not work."""
        self._with_token(lambda _headers: None)

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Open a page for an order. Raises OutcomeUnknown when Pesapal has an order of this key already."""
        ipn_id = self._ipn_id()
        order = _written(self._order(request, ipn_id), request.amount)
        try:
            made = self._post("/api/Transactions/SubmitOrderRequest", order)
        except Refusal as refusal:
            if words.DUPLICATE not in refusal.code.lower():
                raise
            raise OutcomeUnknown("Pesapal has an order with this key already.") from None
        page = Redirect(made["redirect_url"])
        return PaymentResult(PaymentStatus.REQUIRES_ACTION, made["order_tracking_id"], next_action=page)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By the tracking id. Without it there is no way to ask, and nobody has the address of the order's page: None.

        Raises OutcomeUnknown for an answer about another order, amount or currency than ours.
        """
        if not ref.gateway_ref:
            self.check_credentials()
            return None
        return words.payment(self._transaction(ref), ref.gateway_ref)

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back from Pesapal's page, with the tracking id. Pesapal, not the query, says what they did."""
        tracking_id = ref.gateway_ref or answer.get("OrderTrackingId")
        if not tracking_id:
            raise GatewayRefused("Pesapal knows a payment by its tracking id only, and this one has none.")
        found = PaymentRef(ref.key, tracking_id, ref.started_at, ref.request)
        return words.payment(self._transaction(found), tracking_id)

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Cancel an order that is not paid. Any other is given as it stands."""
        stands = self.resume_payment(ref, {})
        if stands.status not in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.FAILED):
            return stands
        self._post("/api/Transactions/CancelOrder", {"order_tracking_id": stands.gateway_ref})
        return PaymentResult(PaymentStatus.CANCELED, stands.gateway_ref)

    def refund(self, request: RefundRequest) -> RefundResult:
        """Ask for money back, once for a payment. Pesapal's answer says no more than that it was asked (PENDING)."""
        paid = self._transaction(request.payment, no_answer=GatewayUnavailable)
        why = _refusal(paid, request.amount)
        if why:
            return RefundResult(RefundStatus.FAILED, message=why)
        wish = {
            "confirmation_code": paid["confirmation_code"],
            "username": "Quittance",
            "remarks": f"{request.reason[:150]} [{request.key}]".strip(),
        }
        try:
            self._post("/api/Transactions/RefundRequest", _written(wish, request.amount))
        except Refusal as refusal:
            if refusal.status == 401:
                raise
            return RefundResult(RefundStatus.FAILED, message=str(refusal))
        return RefundResult(RefundStatus.PENDING, paid["confirmation_code"])

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """A payment that is reversed was refunded. Raises OutcomeUnknown when nobody knows whether it was asked for:
        Pesapal does not tell of refunds by themselves."""
        paid = self._transaction(ref.payment)
        if int(paid["status_code"]) == words.REVERSED:
            return RefundResult(RefundStatus.SUCCEEDED, paid["confirmation_code"])
        if not ref.gateway_ref:
            raise OutcomeUnknown("Pesapal does not say whether it took this refund: look at its dashboard.")
        return RefundResult(RefundStatus.PENDING, ref.gateway_ref, "Pesapal has not approved it yet.")

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """The hint in an IPN, by GET or by POST. Nothing vouches for it, so it says what to ask about and no more.

        It does not say what happened either: each that comes is looked into, but for those of the same second.
        """
        told = _ipn(request)
        second = f"{request.received_at:%Y%m%d%H%M%S}"
        dedupe = f"{told['OrderTrackingId']}:{told['OrderNotificationType']}:{second}"
        payment = PaymentRef(told["OrderMerchantReference"], told["OrderTrackingId"])
        return [Notice(NoticeKind.PAYMENT, dedupe, payment)]

    def webhook_answer(self, request: RawRequest) -> Mapping[str, str | int]:
        """Pesapal repeats an IPN until it reads its own words in the answer."""
        return {name[0].lower() + name[1:]: value for name, value in _ipn(request).items()} | {"status": 200}

    # Requests

    @property
    def _client(self) -> Client:
        base_url = self.secrets.get("base_url") or LIVE
        return Client(self.title, base_url, self.timeout, words.fault, self._without_secrets)

    def _with_token(self, call: Callable[[Mapping[str, str]], Answer]) -> Answer:
        account = name_of(self._client.base_url, self.secrets["consumer_key"], self.secrets["consumer_secret"])
        return _tokens.calling(account, self._token, lambda token: call({"Authorization": f"Bearer {token}"}))

    def _token(self) -> Token:
        """Nothing is done by asking for one, so it may be asked for again."""
        wish = {name: self.secrets[name] for name in ("consumer_key", "consumer_secret")}
        told = self._client.post("/api/Auth/RequestToken", {}, wish, no_answer=GatewayUnavailable)
        return Token(told["token"], TOKEN_SECONDS)

    def _post(self, path: str, body: Mapping[str, Any] | str, no_answer: type[GatewayError] = OutcomeUnknown) -> Any:
        return self._with_token(lambda headers: self._client.post(path, headers, body, no_answer=no_answer))

    def _order(self, request: PaymentRequest, ipn_id: str) -> Json:
        first, last = words.names(request.payer.name)
        address = {
            "email_address": request.payer.email,
            "phone_number": request.phone,
            "country_code": request.payer.country,
            "first_name": first,
            "last_name": last,
        }
        return {
            "id": request.key,
            "currency": request.amount.currency,
            "description": (request.description or request.reference or "Payment")[:100],
            "callback_url": request.return_url,
            "notification_id": ipn_id,
            "billing_address": {name: value for name, value in address.items() if value},
        }

    def _ipn_id(self) -> str:
        """The IPN that was entered, or that of the webhook address: found or registered once in a process."""
        if self.secrets.get("ipn_id"):
            return self.secrets["ipn_id"]
        url = self.secrets.get("webhook_url")
        if not url:
            raise GatewayRefused("Pesapal needs an IPN ID or the webhook address: enter one in the gateway account.")
        where = (self._client.base_url, self.secrets["consumer_key"], url)
        if where not in _ipn_ids:
            _ipn_ids[where] = self._registered(url)
        return _ipn_ids[where]

    def _registered(self, url: str) -> str:
        """The IPN of an address: Pesapal's list has it, or it is registered now. Two of one address do no harm."""
        listed = self._with_token(
            lambda headers: self._client.get("/api/URLSetup/GetIpnList", headers, no_answer=GatewayUnavailable)
        )
        known = next((row["ipn_id"] for row in listed if row["url"] == url), None)
        wish = {"url": url, "ipn_notification_type": "POST"}
        found = known or self._post("/api/URLSetup/RegisterIPN", wish, no_answer=GatewayUnavailable)["ipn_id"]
        return str(found)

    # Results

    def _transaction(self, ref: PaymentRef, no_answer: type[GatewayError] = OutcomeUnknown) -> Json:
        """The transaction behind a reference, if it is the one we mean."""
        query = {"orderTrackingId": ref.gateway_ref}
        path = "/api/Transactions/GetTransactionStatus"
        told: Json = self._with_token(lambda headers: self._client.get(path, headers, query, no_answer=no_answer))
        if not _is_ours(told, ref):
            log.error("Pesapal's answer about %s is about another order, amount or currency", ref.key)
            raise OutcomeUnknown("Pesapal's answer is about another order, amount or currency: look at its dashboard.")
        return told


def _is_ours(told: Json, ref: PaymentRef) -> bool:
    """Unpaid orders may come without amounts; whatever is there must be what we asked for."""
    if ref.key and told.get("merchant_reference") != ref.key:
        return False
    unpaid = int(told["status_code"]) not in (words.COMPLETED, words.REVERSED)
    return unpaid or ref.request is None or words.amount(told) == ref.request.amount


def _refusal(paid: Json, amount: Money) -> str:
    """Why Pesapal would not refund this, if it would not: found out here, because it says so in dashboards only."""
    if int(paid["status_code"]) != words.COMPLETED:
        return "Pesapal refunds completed payments only, and each of them once."
    if words.amount(paid) < amount:
        return "More than was paid."
    if amount != words.amount(paid) and not words.by_card(paid):
        return "Pesapal sends mobile money back in whole only."
    return ""


def _written(body: Mapping[str, Any], amount: Money) -> str:
    """A body with an amount in major units, as the JSON number that Pesapal wants: no float comes near it."""
    if amount.amount != round(amount.amount, 2):
        raise GatewayRefused(f"Pesapal cannot take {amount}: the amount is too fine for it in this currency.")
    return f'{json.dumps(body)[:-1]}, "amount": {amount.amount:f}}}'


def _ipn(request: RawRequest) -> dict[str, str]:
    """The fields of an IPN. Raises InvalidSignature for what cannot be one."""
    try:
        told = json.loads(request.body) if request.body else dict(request.query)
    except ValueError:
        told = None
    found = {name: told.get(name) for name in NOTICE_FIELDS} if isinstance(told, dict) else {}
    if not found or not all(isinstance(value, str) and 0 < len(value) <= 100 for value in found.values()):
        raise InvalidSignature("This is no notice of Pesapal.")
    return {name: str(value) for name, value in found.items()}
