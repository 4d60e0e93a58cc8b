"""Jenga of Finserve and Equity Bank, by its API 3.0 (developer.jengahq.io): prompts on Kenyan phones.

The payer gets a prompt of M-Pesa or Equitel on their phone and answers it with their PIN. Jenga finds a payment by the
reference it was asked with: 12 letters and digits that are derived from our key, see `jenga_words.reference`. Every
call is signed with the merchant's private key. Notices (IPN) come with a name and a password and are not signed, so
each is a hint only: how a payment stands is always asked for. There are no refunds and no list that names payments.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.domain.money import Money
from app.gateways import jenga_words as words
from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.errors import GatewayRefused, GatewayUnavailable, InvalidSignature, OutcomeUnknown
from app.gateways.plain_http import Client, Json, Refusal, if_there
from app.gateways.tokens import Token, Tokens, name_of
from app.gateways.types import (
    Notice,
    NoticeKind,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    PhonePrompt,
    RawRequest,
)

LIVE = "https://api.finserve.africa"
SANDBOX = "https://uat.finserve.africa"
LOGIN = "/authentication/api/v3/authenticate/merchant"
PUSH = "/v3-apis/payment-api/v3.0/stkussdpush/initiate"
DETAILS = "/v3-apis/transaction-api/v3.0/transactions/details/"
TOKEN_SECONDS = 600  # of the quarter of an hour that a token lives
NAIROBI = ZoneInfo("Africa/Nairobi")
Answer = TypeVar("Answer")

_tokens = Tokens()


class JengaGateway(Gateway):
    """One merchant account at Equity Bank in Kenya, paid from M-Pesa and Equitel."""

    name = "jenga"
    title = "Jenga"
    currencies = frozenset({"KES"})
    capabilities = Capability.HOSTED | Capability.PHONE | Capability.WEBHOOKS
    credentials = (
        CredentialField("merchant_code", "Merchant code", secret=False),
        CredentialField("merchant_name", "Merchant name", secret=False, help="Payers read it on their phone."),
        CredentialField("account_number", "Account number", secret=False, help="Where the money goes."),
        CredentialField("api_key", "API key"),
        CredentialField("consumer_secret", "Consumer secret"),
        CredentialField(
            "private_key",
            "Private key",
            help="RSA, as PEM, without a passphrase; its public key stands in JengaHQ.",
        ),
        CredentialField("webhook_url", "Webhook address", secret=False, help="Where Jenga tells of payments."),
        CredentialField(
            "webhook_logins",
            "Webhook name and password",
            required=False,
            help="As entered in JengaHQ: name:password. While one replaces another: both, with a space between them.",
        ),
        CredentialField("base_url", "Address", secret=False, required=False, help=f"Empty for {LIVE}; or {SANDBOX}."),
    )

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the keys do not work."""
        self._signature("connection-test")
        self._with_token(lambda _headers: None)

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Have the payer's phone ask for the money. Raises OutcomeUnknown when Jenga has this reference already."""
        number, ref = words.msisdn(request.phone), words.reference(request.key)
        push = self._push(request, number, ref)
        merchant, payment = push["merchant"], push["payment"]
        signed = (payment[name] for name in ("ref", "mobileNumber", "telco", "amount", "currency"))
        try:
            self._call(lambda client, headers: client.post(PUSH, headers, push), merchant["accountNumber"], *signed)
        except Refusal as refusal:
            if refusal.code != words.DUPLICATE:
                raise
            raise OutcomeUnknown("Jenga has a payment with this reference already.") from None
        return PaymentResult(PaymentStatus.REQUIRES_ACTION, ref, next_action=PhonePrompt(number))

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By the reference, which our key gives if need be. None: Jenga answers 404.

        Raises OutcomeUnknown for a transaction over another amount, and for one that Jenga is unsure about itself.
        """
        reference = ref.gateway_ref or words.reference(ref.key)
        answer: Json | None = if_there(
            lambda: self._call(lambda client, headers: client.get(DETAILS + reference, headers), reference)
        )
        if answer is None:
            return None
        prompt = PhonePrompt(words.msisdn(ref.request.phone)) if ref.request and ref.request.phone else None
        result = words.payment(answer["data"], reference, prompt)
        if ref.request and result.amount and result.amount != ref.request.amount:
            raise OutcomeUnknown(f"Jenga has {result.amount} under {reference}, and that is not what was asked for.")
        return result

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """The hint in an IPN that came with the right name and password; one about nothing of ours gives no notice."""
        self._check_login(request)
        told = _ipn(request.body)
        paid, payer = told.get("transaction") or {}, told.get("customer") or {}
        ref = next(filter(words.is_reference, (paid.get("billNumber"), payer.get("reference"))), None)
        if ref is None:
            return []
        dedupe = f"{ref}:{paid.get('reference')}:{paid.get('status')}"
        return [Notice(NoticeKind.PAYMENT, dedupe, PaymentRef(request.query.get("key", ""), ref))]

    # Requests

    @property
    def _client(self) -> Client:
        base_url = self.secrets.get("base_url") or LIVE
        return Client(self.title, base_url, self.timeout, words.fault, self._without_secrets)

    def _call(self, call: Callable[[Client, Mapping[str, str]], Any], *signed: str) -> Any:
        """A call with its token, and the signature over the fields that Jenga wants signed, in its order."""
        signature = self._signature("".join(signed))
        return self._with_token(lambda headers: call(self._client, {**headers, "Signature": signature}))

    def _with_token(self, call: Callable[[Mapping[str, str]], Answer]) -> Answer:
        account = name_of(self._client.base_url, *(self.secrets[name] for name in ("api_key", "consumer_secret")))
        return _tokens.calling(account, self._token, lambda token: call({"Authorization": f"Bearer {token}"}))

    def _token(self) -> Token:
        """Nothing is done by asking for one, so it may be asked for again."""
        wish = {"merchantCode": self.secrets["merchant_code"], "consumerSecret": self.secrets["consumer_secret"]}
        headers = {"Api-Key": self.secrets["api_key"]}
        return Token(
            self._client.post(LOGIN, headers, wish, no_answer=GatewayUnavailable)["accessToken"], TOKEN_SECONDS
        )

    def _push(self, request: PaymentRequest, number: str, ref: str) -> Json:
        return {
            "merchant": {
                "accountNumber": self.secrets["account_number"],
                "countryCode": "KE",
                "name": self.secrets["merchant_name"],
            },
            "payment": {
                "ref": ref,
                "mobileNumber": number,
                "telco": words.telco(number),
                "amount": _written(request.amount),
                "currency": request.amount.currency,
                "date": f"{datetime.now(NAIROBI):%Y-%m-%d}",
                "callBackUrl": f"{self.secrets['webhook_url']}?{urlencode({'key': request.key})}",
                "pushType": "STK",
            },
        }

    # Signatures

    def _signature(self, text: str) -> str:
        """developer.jengahq.io, signatures: base64 of RSA with PKCS #1 v1.5 and SHA-256."""
        key = _key_of(self.secrets["private_key"])
        return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def _check_login(self, request: RawRequest) -> None:
        given = request.headers.get("authorization", "").encode()
        logins = self.secrets.get("webhook_logins", "").split()
        expected = [b"Basic " + base64.b64encode(login.encode()) for login in logins]
        if not any(hmac.compare_digest(ours, given) for ours in expected):
            raise InvalidSignature("This webhook came without the name and password of the account.")


@lru_cache(maxsize=128)
def _key_of(pem: str) -> RSAPrivateKey:
    """The key in a PEM, read once. Raises GatewayRefused for anything else."""
    try:
        key = load_pem_private_key(pem.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise GatewayRefused("The private key in the gateway account is no RSA key in PEM without a passphrase.")
    return key


def _written(amount: Money) -> str:
    """Whole shillings, as `"1130.00"`. Jenga would round cents up, so an amount with cents is refused instead."""
    if amount.currency != "KES" or amount.minor % 100:
        raise GatewayRefused(f"Jenga cannot take {amount}: it takes whole Kenyan shillings only.")
    return f"{amount.amount:f}"


def _ipn(body: bytes) -> Json:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise InvalidSignature("This is no notice of Jenga.")
    return told
