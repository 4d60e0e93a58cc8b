"""PayPal, through its own SDK (developer.paypal.com/docs/api/orders/v2, Payments v2, Vault v3, Transaction Search v1).

A payment is an order, and is taken by its capture. An order that nobody has captured has moved no money, so a charge
goes in two steps: an order under our key, then its capture. When an answer is lost, asking for the order again under
the same key gives the order that is there, or a new and harmless one. PayPal keeps such keys for six hours; after that
the transaction list is complete, and is searched for our key.

The reference here is `order/ID` until something is captured, and then the capture's own ID, which is what refunds,
disputes and the transaction list speak of. A kept method's token is `paypal/ID`, `venmo/ID` or `card/ID`. PayPal has
no way to cancel an order: one that we give up is marked in its custom ID, and never captured.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from paypalserversdk.exceptions.api_exception import ApiException

from app.domain.money import Money
from app.gateways import paypal_signature
from app.gateways import paypal_words as words
from app.gateways.base import Capability, CredentialField
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown
from app.gateways.paypal_methods import PaypalMethods, declines, experience
from app.gateways.paypal_sdk import LIVE, SANDBOX, if_there, issues, plainly, said
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
    Transaction,
)

KEY_LIFETIME = timedelta(hours=6)  # of orders; payments keep theirs for 45 days, the vault for three hours
KEY_MARGIN = timedelta(minutes=30)
CREATED_BEFORE, CREATED_AFTER = timedelta(minutes=5), timedelta(hours=1)
LONGEST_SPAN = timedelta(days=31)
OLDEST_DISPUTE = timedelta(days=179)  # of 180 for which PayPal lists them
WHOLE = "return=representation"


class PaypalGateway(PaypalMethods):
    """One PayPal business account: PayPal wallets, and what else is in its vault (Venmo, cards)."""

    name = "paypal"
    title = "PayPal"
    holds_for = timedelta(days=29)  # developer.paypal.com/docs/checkout/standard/customize/authorization
    currencies = words.CURRENCIES
    setup_answers = ("approval_token_id",)
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
    )
    credentials = (
        CredentialField("client_id", "Client ID", secret=False),
        CredentialField("client_secret", "Client secret"),
        CredentialField(
            "webhook_ids",
            "Webhook IDs",
            secret=False,
            required=False,
            help="While one replaces another: both, with a space between them.",
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help=f"Empty for {LIVE}; or {SANDBOX}."),
        CredentialField(
            "certificate_address",
            "Certificate address",
            secret=False,
            required=False,
            help="Empty for PayPal's own; of a simulator, together with its authority.",
        ),
        CredentialField(
            "certificate_root", "Certificate authority", secret=False, required=False, help="Empty, or a PEM."
        ),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when client ID and secret do not work. Asks for a payment that cannot exist."""
        with self._calling():
            if_there(self._client.payments.get_captured_payment, {"capture_id": "0"})

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Charge a kept method; without a token, begin a payment that the payer approves at PayPal.

        A method that PayPal wants its owner to approve is a decline (`authentication_required`): they pay on the page.
        """
        if not request.token:
            return self._begin_page(request)
        with self._calling(no_answer=GatewayUnavailable):
            order_id = self._begin(request)["id"]
        with self._calling():
            return self._take(order_id, request.key, words.source(request), captures=request.capture)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By PayPal's reference, else by our key. What a payer approved and did not come back from is taken now."""
        with self._calling():
            if ref.gateway_ref and not ref.gateway_ref.startswith("order/"):
                return words.capture(said(self._client.payments.get_captured_payment, {"capture_id": ref.gateway_ref}))
            order = self._order(ref)
            result = self._finished(order, ref.key) if order else None
        never_taken = result and result.status is PaymentStatus.REQUIRES_ACTION and not ref.gateway_ref
        return None if never_taken else result

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back from PayPal; what they approved is captured now. PayPal, not the query, says what it is."""
        result = self.fetch_payment(ref)
        if result is None:
            raise GatewayRefused("PayPal knows no such payment.")
        return result

    def capture(self, ref: PaymentRef, part: Money | None = None) -> PaymentResult:
        """Take what was authorized, or a part. A payment that cannot be captured is given as it stands."""
        with self._calling():
            order = self._known_order(ref)
            if words.order(order).status is not PaymentStatus.AUTHORIZED:
                return words.order(order)
            held = words.authorization_of(order)
            amount = words.amount(part) if part else held["amount"]
            wish = {"amount": amount, "invoice_id": held["invoice_id"], "final_capture": True}
            key = f"{words.key_of(held)}-capture{f'-{part.minor}' if part else ''}"
            params = {"authorization_id": held["id"], "body": wish, "paypal_request_id": key, "prefer": WHOLE}
            return self._unless_moved_on(order["id"], self._client.payments.capture_authorized_payment, params)

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Give up what is authorized, or an order that nobody paid. A settled payment is given as it stands."""
        with self._calling():
            order = self._known_order(ref)
            stands = words.order(order)
            if stands.status is PaymentStatus.AUTHORIZED:
                params = {"authorization_id": words.authorization_of(order)["id"]}
                return self._unless_moved_on(order["id"], self._client.payments.void_payment, params)
            if stands.status is PaymentStatus.REQUIRES_ACTION:
                self._mark(order, words.VOIDED)
                return words.order(self._order_by_id(order["id"]))
            return stands

    def refund(self, request: RefundRequest) -> RefundResult:
        """Send money back. More than what is left is a failed refund."""
        with self._calling():
            try:
                return words.refund(said(self._client.payments.refund_captured_payment, self._refund_params(request)))
            except ApiException as error:
                why = next((words.REFUND_REFUSALS[code] for code in issues(error) if code in words.REFUND_REFUSALS), "")
                if not why:
                    raise
                return RefundResult(RefundStatus.FAILED, message=why)

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """By PayPal's reference, else by our key among the refunds of the payment's order."""
        with self._calling():
            if ref.gateway_ref:
                return words.refund(said(self._client.payments.get_refund, {"refund_id": ref.gateway_ref}))
            held = self._known_order(ref.payment)["purchase_units"][0].get("payments") or {}
            return next(
                (words.refund(told) for told in held.get("refunds") or [] if words.key_of(told) == ref.key), None
            )

    def fetch_dispute(self, gateway_ref: str) -> Dispute | None:
        """How a dispute stands. The SDK leaves disputes out: asked plainly, with its token."""
        with self._calling():
            told = if_there(plainly, self._client, f"/v1/customer/disputes/{gateway_ref}")
        return words.dispute(told) if told else None

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """What moved the account's balance in [since, until), up to three hours late, and what was disputed then."""
        with self._calling():
            rows = [*map(words.transaction, self._listed(since, until)), *map(words.disputed, self._disputes(since))]
            return [row for row in rows if row and since <= row.at < until]

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """What an event is about; events about nothing of ours give no notice."""
        trust = paypal_signature.Trust(
            self.secrets.get("certificate_address", ""), self.secrets.get("certificate_root", "")
        )
        webhook_ids = self.secrets.get("webhook_ids", "").split()
        paypal_signature.check(request, webhook_ids, trust, self.timeout)
        return words.notices(json.loads(request.body))

    # Requests

    def _begin(self, request: PaymentRequest, source: words.Json | None = None) -> words.Json:
        """An order under our key, or the one that is there under it already. It moves no money."""
        unit = {"custom_id": request.key, "invoice_id": request.key, "amount": words.amount(request.amount)}
        if request.description:
            unit["description"] = request.description[:127]
        body: words.Json = {"intent": "CAPTURE" if request.capture else "AUTHORIZE", "purchase_units": [unit]}
        if source:
            body["payment_source"] = source
        wish = {"body": body, "paypal_request_id": request.key, "prefer": WHOLE}
        return said(self._client.orders.create_order, wish)

    def _begin_page(self, request: PaymentRequest) -> PaymentResult:
        wallet: words.Json = {"experience_context": experience(request.return_url) | {"user_action": "PAY_NOW"}}
        if request.save_method:
            vault = {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}
            wallet["attributes"] = {"vault": vault}
        with self._calling():
            return words.order(self._begin(request, {"paypal": wallet}))

    def _take(
        self, order_id: str, key: str, source: words.Json | None = None, *, captures: bool = True
    ) -> PaymentResult:
        """Capture or authorize an order. A decline comes as an error, or as a capture that was declined."""
        verb = self._client.orders.capture_order if captures else self._client.orders.authorize_order
        body = {"payment_source": source} if source else {}
        wish = {"id": order_id, "body": body, "paypal_request_id": f"{key}-take", "prefer": WHOLE}
        try:
            return words.order(said(verb, wish))
        except ApiException as error:
            if "ORDER_ALREADY_CAPTURED" in issues(error) or "ORDER_ALREADY_AUTHORIZED" in issues(error):
                return words.order(self._order_by_id(order_id))
            codes = declines(error)
        with suppress(GatewayError), self._calling():  # the payment was declined, whether or not we can note it
            self._mark(self._order_by_id(order_id), codes[0])
        return PaymentResult(PaymentStatus.FAILED, words.order_ref(order_id), decline=words.decline(*codes))

    def _mark(self, order: words.Json, why: str) -> None:
        """Note in an order that it is over. One that has been captured in the meantime stays as it is."""
        unit = order["purchase_units"][0]
        path = f"/purchase_units/@reference_id=='{unit.get('reference_id', 'default')}'/custom_id"
        patch = [{"op": "replace", "path": path, "value": words.marked(words.key_of(unit), why)}]
        try:
            said(self._client.orders.patch_order, {"id": order["id"], "body": patch})
        except ApiException as error:
            if error.response_code != 422:
                raise

    def _unless_moved_on(self, order_id: str, verb: Callable[..., Any], params: words.Json) -> PaymentResult:
        """Capture or void what is authorized; PayPal's own status guards against doing it twice or too late."""
        try:
            said(verb, params)
        except ApiException as error:
            stands = words.order(self._order_by_id(order_id))
            if error.response_code != 422 or stands.status is PaymentStatus.AUTHORIZED:
                raise
            return stands
        return words.order(self._order_by_id(order_id))

    def _refund_params(self, request: RefundRequest) -> words.Json:
        body = {"amount": words.amount(request.amount), "custom_id": request.key, "invoice_id": request.key}
        if request.reason:
            body["note_to_payer"] = request.reason[:255]
        capture_id = self._capture_id(request.payment)
        return {"capture_id": capture_id, "body": body, "paypal_request_id": request.key, "prefer": WHOLE}

    def _listed(self, since: datetime, until: datetime) -> list[words.Json]:
        """The rows of the transaction list, which is asked for 31 days at a time and by whole seconds."""
        rows: list[words.Json] = []
        first, last = since.replace(microsecond=0), until + timedelta(seconds=1)
        while first < last:
            end = min(first + LONGEST_SPAN, last)
            rows += self._listed_span(first, end)
            first = end
        return list({row["transaction_info"]["transaction_id"]: row for row in rows}.values())

    def _disputes(self, since: datetime) -> list[words.Json]:
        """The disputes that something happened to since then, or within half a year, which is how far PayPal lists."""
        first, rows = max(since, datetime.now(UTC) - OLDEST_DISPUTE), list[words.Json]()
        wish = urlencode({"update_time_after": _written(first), "page_size": 50})
        path: str | None = f"/v1/customer/disputes?{wish}"
        while path:
            answer = said(plainly, self._client, path)
            rows += answer.get("items") or []
            path = next((_path(link["href"]) for link in answer.get("links") or () if link["rel"] == "next"), None)
        return rows

    def _listed_span(self, first: datetime, last: datetime) -> list[words.Json]:
        rows: list[words.Json] = []
        page, pages = 1, 1
        while page <= pages:
            wish: dict[str, Any] = {"start_date": _written(first), "end_date": _written(last), "page": page}
            wish |= {"fields": "transaction_info", "page_size": 500}
            answer = said(self._client.transaction_search.search_transactions, wish)
            rows += answer.get("transaction_details") or []
            page, pages = page + 1, answer.get("total_pages", 1)
        return rows

    # Results

    def _finished(self, order: words.Json, key: str) -> PaymentResult:
        """An order as it stands, after taking what its payer approved and nobody gave up."""
        result = words.order(order)
        if order["status"] == "APPROVED" and result.status is PaymentStatus.REQUIRES_ACTION:
            unit_key = words.key_of(order["purchase_units"][0])
            return self._take(order["id"], key or unit_key, captures=order["intent"] == "CAPTURE")
        return result

    def _order(self, ref: PaymentRef) -> words.Json | None:
        """The order behind a reference. None: nothing was ever captured under our key, and nothing will be."""
        kind, _, order_id = (ref.gateway_ref or "").partition("/")
        if kind == "order":
            return self._order_by_id(order_id)
        if kind:
            capture = said(self._client.payments.get_captured_payment, {"capture_id": kind})
            return self._order_by_id(capture["supplementary_data"]["related_ids"]["order_id"])
        return self._look_up(ref)

    def _look_up(self, ref: PaymentRef) -> words.Json | None:
        """By our key. A page whose address never arrived can be paid by nobody."""
        if ref.request is None or ref.started_at is None:
            raise OutcomeUnknown("PayPal can only be asked about a payment together with what was asked for, and when.")
        if not ref.request.token:
            return None
        if datetime.now(UTC) - ref.started_at < KEY_LIFETIME - KEY_MARGIN:
            return self._order_by_id(self._begin(replace(ref.request, key=ref.key))["id"])
        listed = map(words.transaction, self._listed(ref.started_at - CREATED_BEFORE, ref.started_at + CREATED_AFTER))
        found = next((row for row in listed if row and (row.kind, row.key) == ("payment", ref.key)), None)
        return self._order(PaymentRef(ref.key, found.gateway_ref)) if found else None

    def _known_order(self, ref: PaymentRef) -> words.Json:
        order = self._order(ref)
        if order is None:
            raise GatewayRefused("PayPal knows no such payment.")
        return order

    def _order_by_id(self, order_id: str) -> words.Json:
        return said(self._client.orders.get_order, {"id": order_id})

    def _capture_id(self, ref: PaymentRef) -> str:
        if ref.gateway_ref and "/" not in ref.gateway_ref:
            return ref.gateway_ref
        captured = words.order(self._known_order(ref)).gateway_ref or ""
        if "/" in captured:
            raise GatewayRefused("Nothing of this payment was taken yet.")
        return captured


def _path(address: str) -> str:
    """The address without the server, which is the account's own."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
