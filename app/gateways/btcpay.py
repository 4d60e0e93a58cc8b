"""BTCPay Server, one store, by its Greenfield API (docs.btcpayserver.org/API/Greenfield/v1, server 2.4).

The payer pays an invoice of the server, on its own page or by a code that we show. Our key is the invoice's
`metadata.orderId`, by which invoices are found. BTCPay itself does not mind two of them with one order id, so one is
looked for before one is made. Refunds are pull payments, named by our key: the payer claims one with its link, a person
pays it out at BTCPay, and then it is final.

Money that comes late, or too little or too much of it, is told as what was received: see `btcpay_words`.
"""

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

from app.domain.money import Money
from app.gateways import btcpay_words as words
from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, InvalidSignature, OutcomeUnknown
from app.gateways.plain_http import Client, Json, if_there
from app.gateways.types import (
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

PAGE = 100


class BTCPayGateway(Gateway):
    """One store of a BTCPay Server: Bitcoin on chain, Lightning, and whatever else the store takes."""

    name = "btcpay"
    title = "BTCPay Server"
    capabilities = (
        Capability.HOSTED
        | Capability.ANY_AMOUNT
        | Capability.RESUME
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.MULTI_REFUND
        | Capability.WEBHOOKS
        | Capability.LIST_TRANSACTIONS
    )
    credentials = (
        CredentialField("base_url", "Address", secret=False, help="Of your own server: https://btcpay.example."),
        CredentialField("store_id", "Store ID", secret=False),
        CredentialField(
            "api_key",
            "API key",
            help="May view, create and modify invoices, and create pull payments and view payouts, of this store.",
        ),
        CredentialField(
            "webhook_secrets",
            "Webhook secrets",
            required=False,
            help="While one replaces another: both, with a space between them.",
        ),
        CredentialField(
            "code_method",
            "Code on our page",
            secret=False,
            required=False,
            help="BTC-CHAIN or BTC-LN: payers scan it on our page. Empty: they go to BTCPay's page.",
        ),
    )

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Ask the payer for money with an invoice: the one that has our key already, or a new one."""
        found = self._of_key(request.key, no_answer=GatewayUnavailable)
        if found and words.amount(found) != request.amount:
            raise OutcomeUnknown("BTCPay Server has an invoice over another amount under this key.")
        return self._told(found or self._new_invoice(request))

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By BTCPay's reference, else by our key."""
        invoice = self._invoice(ref.gateway_ref) if ref.gateway_ref else self._of_key(ref.key)
        return self._told(invoice) if invoice else None

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer is back from BTCPay's page. BTCPay, not the query, says what they did."""
        return self._told(self._known(ref))

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Mark an invoice that waits for money as invalid. Any other is given as it stands: money is on its way, came,
        or can come no more. What still arrives at its address is found when the invoice is asked about."""
        invoice = self._known(ref)
        if invoice["status"] == "New":
            path = f"{self._store}/invoices/{invoice['id']}/status"
            invoice = self._client.post(path, self._headers, {"status": "Invalid"})
        return self._told(invoice)

    def refund(self, request: RefundRequest) -> RefundResult:
        """Offer money back with a pull payment in the payer's currency. More than what is left is a failed refund."""
        invoice = self._known(request.payment)
        pull_payments = self._pull_payments(no_answer=GatewayUnavailable)
        made = next((row for row in pull_payments if row["name"] == request.key), None)
        if made is None and self._left(invoice, pull_payments) < request.amount:
            return RefundResult(RefundStatus.FAILED, message="More than what is left of this payment.")
        return self._refund_told(made or self._new_pull_payment(invoice, request))

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """By BTCPay's reference, else by our key among the store's pull payments."""
        if ref.gateway_ref:
            return self._refund_told(self._client.get(f"/api/v1/pull-payments/{ref.gateway_ref}", self._headers))
        found = next((row for row in self._pull_payments() if row["name"] == ref.key), None)
        return self._refund_told(found) if found else None

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """The store's invoices of [since, until) that took money, by when they were made, and the refunds that were
        paid out then: those made from here, and those of BTCPay's own pages."""
        told = [(invoice, self._told(invoice)) for invoice in self._invoices(since, until)]
        rows = [
            words.paid_transaction(invoice, result.amount)
            for invoice, result in told
            if result.status is PaymentStatus.SUCCEEDED and result.amount
        ]
        sent_back = self._sent_back(since, until)
        return [*(row for row in rows if since <= row.at < until), *sent_back]

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """What an event is about; events about nothing of ours give no notice."""
        self._check_signature(request)
        return words.notices(json.loads(request.body))

    # Requests

    @property
    def _client(self) -> Client:
        return Client(self.title, self.secrets["base_url"], self.timeout, words.fault, self._without_secrets)

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"token {self.secrets['api_key']}"}

    @property
    def _store(self) -> str:
        return f"/api/v1/stores/{self.secrets['store_id']}"

    def _new_invoice(self, request: PaymentRequest) -> Json:
        metadata = {
            "orderId": request.key,
            "itemDesc": request.description,
            "buyerName": request.payer.name,
            "buyerEmail": request.payer.email,
        }
        wish = {
            "amount": f"{request.amount.amount:f}",
            "currency": request.amount.currency,
            "metadata": {name: value for name, value in metadata.items() if value},
            "checkout": {"redirectURL": request.return_url, "redirectAutomatically": True},
        }
        invoice: Json = self._client.post(f"{self._store}/invoices", self._headers, wish)
        return invoice

    def _new_pull_payment(self, invoice: Json, request: RefundRequest) -> Json:
        wish = {
            "name": request.key,
            "description": f"{_refund_of(invoice)} {request.reason}".strip(),
            "refundVariant": "Custom",
            "customAmount": f"{request.amount.amount:f}",
            "customCurrency": request.amount.currency,
        }
        path = f"{self._store}/invoices/{invoice['id']}/refund"
        pull_payment: Json = self._client.post(path, self._headers, wish)
        return pull_payment

    # Results

    def _told(self, invoice: Json) -> PaymentResult:
        code_method = self.secrets.get("code_method", "")
        methods: list[Json] = []
        if words.needs_methods(invoice, code_method):
            path = f"{self._store}/invoices/{invoice['id']}/payment-methods"
            methods = self._client.get(path, self._headers)
        return words.payment(invoice, methods, datetime.now(UTC), code_method)

    def _refund_told(self, pull_payment: Json) -> RefundResult:
        path = f"/api/v1/pull-payments/{pull_payment['id']}/payouts"
        return words.refund(pull_payment, self._client.get(path, self._headers))

    def _known(self, ref: PaymentRef) -> Json:
        invoice = self._invoice(ref.gateway_ref) if ref.gateway_ref else self._of_key(ref.key)
        if invoice is None:
            raise GatewayRefused("BTCPay Server knows no such invoice.")
        return invoice

    def _invoice(self, ref: str) -> Json | None:
        return if_there(lambda: self._client.get(f"{self._store}/invoices/{ref}", self._headers))

    def _of_key(self, key: str, no_answer: type[GatewayError] = OutcomeUnknown) -> Json | None:
        """The invoice with our key; of several the one that took most, and the oldest of those."""
        query = {"orderId": key, "take": PAGE}
        found: list[Json] = self._client.get(f"{self._store}/invoices", self._headers, query, no_answer=no_answer)
        oldest_first = sorted(found, key=lambda invoice: int(invoice["createdTime"]))
        return max(oldest_first, key=lambda invoice: Decimal(invoice["paidAmount"]), default=None)

    def _invoices(self, since: datetime, until: datetime) -> Iterator[Json]:
        """The invoices made in a span; BTCPay counts in whole seconds and has the last one in it."""
        span = {"startDate": int(since.timestamp()), "endDate": int(until.timestamp()) + 1, "take": PAGE}
        skip = 0
        while True:
            page = self._client.get(f"{self._store}/invoices", self._headers, span | {"skip": skip})
            yield from page
            skip += PAGE
            if len(page) < PAGE:
                return

    def _pull_payments(self, no_answer: type[GatewayError] = OutcomeUnknown) -> list[Json]:
        query = {"includeArchived": "true"}
        path = f"{self._store}/pull-payments"
        found: list[Json] = self._client.get(path, self._headers, query, no_answer=no_answer)
        return found

    def _sent_back(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        """What was paid out of refunds; other pull payments of the store are none of ours."""
        made = {row["id"]: row for row in self._pull_payments()}
        for payout in self._client.get(f"{self._store}/payouts", self._headers):
            pull_payment = made.get(payout.get("pullPaymentId"))
            if pull_payment and payout["state"] == "Completed" and since <= words.instant(payout["date"]) < until:
                if words.is_ours(pull_payment):
                    yield words.refunded_transaction(pull_payment, payout)
                elif (ref := words.refunded_invoice(pull_payment)) and (invoice := self._invoice(ref)):
                    yield words.foreign_refund(pull_payment, payout, invoice, self._rates(invoice, payout))

    def _rates(self, invoice: Json, payout: Json) -> Mapping[str, Decimal]:
        """What an invoice took its coins for, as far as a payout needs it."""
        if payout["originalCurrency"] == invoice["currency"]:
            return {}
        path = f"{self._store}/invoices/{invoice['id']}/payment-methods"
        return {row["currency"]: Decimal(row["rate"]) for row in self._client.get(path, self._headers)}

    @staticmethod
    def _left(invoice: Json, pull_payments: Sequence[Json]) -> Money:
        """What of an invoice no refund has promised yet; one of BTCPay's own pages may be in coins, and does not count
        until it was compared."""
        promised = [
            Decimal(row["amount"])
            for row in pull_payments
            if not row["archived"] and row["currency"] == invoice["currency"] and _refunds(row, invoice)
        ]
        return words.received(invoice) - Money.rounded(sum(promised, Decimal(0)), invoice["currency"])

    # Signatures

    def _check_signature(self, request: RawRequest) -> None:
        """`BTCPay-Sig: sha256=…`, the lower-case hex of HMAC-SHA256 over the body as it came, and no time."""
        given = request.headers.get("btcpay-sig", "").encode()
        secrets = self.secrets.get("webhook_secrets", "").split()
        expected = [f"sha256={hmac.new(key.encode(), request.body, sha256).hexdigest()}".encode() for key in secrets]
        if not any(hmac.compare_digest(ours, given) for ours in expected):
            raise InvalidSignature("None of the account's webhook secrets fits this webhook.")


def _refunds(pull_payment: Json, invoice: Json) -> bool:
    ours = str(pull_payment["description"]).startswith(_refund_of(invoice))
    return ours or words.refunded_invoice(pull_payment) == invoice["id"]


def _refund_of(invoice: Json) -> str:
    return f"Refund of {invoice['id']}."
