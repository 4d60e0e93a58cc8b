"""Jenga: tokens, signed calls, prompts on payers' phones, and notices, for the calls that Quittance makes.

The merchant is `M1`, the API key `jenga_simulator`, the secret `jenga_simulator_secret`; the private key is made when
the simulator first starts, and stands in its account. A payer's phone is a page, `/phone/254712345678`, with a button
for each prompt; `press` does the same from a test. A reference is taken once for ever.
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from simulators.books import Taken, new_ref
from simulators.calls import Answer, Call, Refusal
from simulators.frame import Simulator, action, route
from simulators.pages import page, send_back
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Rule, Unacceptable, text, upto, word

MERCHANT, ACCOUNT = "M1", "1450160649886"
API_KEY, CONSUMER_SECRET = "jenga_simulator", "jenga_simulator_secret"
WEBHOOK_LOGIN = "jenga:jenga_simulator_webhooks"
TOKEN_SECONDS = 900
CHOICES: Mapping[str, str] = {"0": "Enter the PIN", "104103": "There is not enough money", "103999": "Press cancel"}
SIGNED = ("ref", "mobileNumber", "telco", "amount", "currency")


def like(pattern: str) -> Rule:
    """A text of this form."""

    def rule(value: Any) -> str:
        if not re.fullmatch(pattern, text(value)):
            raise ValueError("another form")
        return str(value)

    return rule


LOGIN = Fields({"merchantCode": upto(20), "consumerSecret": upto(100)})
PUSH = Fields(
    {
        "merchant": Fields({"accountNumber": like(r"\d{6,14}"), "countryCode": word("KE"), "name": upto(100)}),
        "payment": Fields(
            {
                "ref": like(r"[0-9A-Za-z]{6,12}"),
                "mobileNumber": like(r"254[17]\d{8}"),
                "telco": word("Safaricom", "Equitel"),
                "amount": like(r"[1-9]\d*\.\d\d"),
                "currency": word("KES"),
                "date": like(r"\d{4}-\d\d-\d\d"),
                "callBackUrl": like(r"https?://.+"),
                "pushType": word("STK", "USSD"),
            }
        ),
    }
)


class JengaSimulator(Simulator):
    """One merchant with one account."""

    name = "jenga"

    def __init__(self, books: Path | None = None) -> None:
        super().__init__(books)
        if not self.books.tables["keys"]:
            self.books.put("keys", {"id": "private", "pem": _new_key()})
            self.books.save()

    def account(self) -> dict[str, str]:
        return {
            "merchant_code": MERCHANT,
            "merchant_name": "Acme",
            "account_number": ACCOUNT,
            "api_key": API_KEY,
            "consumer_secret": CONSUMER_SECRET,
            "private_key": self.books.tables["keys"]["private"]["pem"],
            "webhook_logins": WEBHOOK_LOGIN,
            "base_url": self.url,
        }

    def authenticate(self, call: Call) -> None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.books.tables["tokens"].get(token, {"until": 0})["until"] < time.time():
            raise refusal(401, 401101, f"The token {token} is not known.")

    def idempotency_key(self, call: Call) -> str | None:
        return None

    def trouble(self, status: int, code: str) -> Refusal:
        return refusal(status, 103108 if status >= 500 else status, code.replace("_", " "))

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.sealed(event, route.secret or WEBHOOK_LOGIN)

    @staticmethod
    def sealed(event: Event, login: str) -> Delivery:
        """A delivery with a name and a password, and no signature."""
        sender = base64.b64encode(login.encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {sender}"}
        return Delivery(headers, json.dumps(event.body).encode())

    def taken(self) -> list[Taken]:
        return [
            Taken(row["key"], row["id"], int(Decimal(row["amount"]) * 100), "KES", "Success")
            for row in self.books.rows("pushes", stateCode=2)
        ]

    @route("POST", "/authentication/api/v3/authenticate/merchant", public=True)
    def log_in(self, call: Call) -> Answer:
        wish, key = self._wish(call, LOGIN), call.headers.get("api-key", "")
        if (key, wish["merchantCode"], wish["consumerSecret"]) != (API_KEY, MERCHANT, CONSUMER_SECRET):
            raise refusal(401, 401101, f"Unauthorized: {key}, {wish['consumerSecret']}")
        token = new_ref("ey")
        self.books.put("tokens", {"id": token, "until": time.time() + TOKEN_SECONDS})
        return Answer({"accessToken": token, "refreshToken": new_ref(), "expiresIn": "", "tokenType": "Bearer"})

    @route("POST", "/v3-apis/payment-api/v3.0/stkussdpush/initiate")
    def push(self, call: Call) -> Answer:
        wish = self._wish(call, PUSH)
        merchant, payment = wish["merchant"], wish["payment"]
        self._check_signature(call, merchant["accountNumber"], *(payment[name] for name in SIGNED))
        if merchant["accountNumber"] != ACCOUNT:
            raise refusal(400, 900101, "Another merchant's account.")
        if payment["telco"] == "Safaricom" and not payment["amount"].endswith(".00"):
            raise refusal(400, 103107, "M-Pesa takes whole shillings.")
        if payment["ref"] in self.books.tables["pushes"]:
            raise refusal(400, 400101, "Duplicate reference.")
        key = parse_qs(urlsplit(payment["callBackUrl"]).query).get("key", [""])[0]
        row = {"id": payment["ref"], "key": key, "amount": payment["amount"], "phone": payment["mobileNumber"]}
        self.books.put("pushes", row | {"stateCode": 0, "code": 0})
        return Answer({"status": True, "code": 0, "message": "Success", "reference": payment["ref"]})

    @route("GET", "/v3-apis/transaction-api/v3.0/transactions/details/{ref}")
    def details(self, call: Call) -> Answer:
        ref = call.parts["ref"]
        self._check_signature(call, ref)
        row = self.books.tables["pushes"].get(ref)
        if row is None:
            raise refusal(404, 404, "No such transaction.")
        told = {"stateCode": row["stateCode"], "code": row["code"], "dateCreated": "", "serviceName": "STK Push"}
        told |= {"state": {0: "Pending", 1: "Failed", 2: "Success"}[row["stateCode"]], "message": ""}
        told |= {"amount": int(Decimal(row["amount"])), "charge": 0, "transactionReference": ref}
        return Answer({"status": True, "code": 0, "message": "success", "data": told})

    @route("GET", "/phone/{number}", public=True)
    def show_phone(self, call: Call) -> Answer:
        waiting = self.books.rows("pushes", phone=call.parts["number"], stateCode=0)
        asked = [(row["id"], row["amount"], code, says) for row in waiting for code, says in CHOICES.items()]
        choices = {f"{ref} {code}": f"KES {amount}: {says}" for ref, amount, code, says in asked}
        sentence = "Acme asks for money." if waiting else "There is nothing to answer."
        return page(f"Phone {call.parts['number']}", sentence, choices)

    @route("POST", "/phone/{number}", public=True)
    def answer_phone(self, call: Call) -> Answer:
        ref, _, code = call.form.get("choice", "").partition(" ")
        self.press(ref, int(code or 0))
        return send_back(f"{self.url}/phone/{call.parts['number']}")

    @action
    def press(self, ref: str, code: int = 0) -> None:
        """The payer answers the prompt; `code` is why nothing was paid, 0 that it was."""
        row = self.books.tables["pushes"].get(ref)
        if row is None or row["stateCode"]:
            raise self.trouble(404, "not_found")
        row |= {"stateCode": 1 if code else 2, "code": code}
        paid = {"reference": new_ref(), "billNumber": ref, "amount": row["amount"], "currency": "KES", "date": ""}
        paid |= {"paymentMode": "MPESA", "status": "FAILED" if code else "SUCCESS", "serviceCharge": "0.00"}
        payer = {"name": "A B", "mobileNumber": row["phone"], "reference": ref}
        bank = {"reference": new_ref(), "transactionType": "C", "account": ACCOUNT}
        body = {"callbackType": "IPN", "customer": payer, "transaction": paid, "bank": bank}
        self.announce(Event(new_ref(), "IPN", body))

    def _check_signature(self, call: Call, *signed: str) -> None:
        try:
            given = base64.b64decode(call.headers.get("signature", ""), validate=True)
            self._key.public_key().verify(given, "".join(signed).encode(), PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature):
            raise refusal(401, 900101, "The signature does not fit.") from None

    @property
    def _key(self) -> RSAPrivateKey:
        key = load_pem_private_key(self.books.tables["keys"]["private"]["pem"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return key

    @staticmethod
    def _wish(call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal for the first field that is wrong."""
        try:
            return fields.cleaned(call.json)
        except (Unacceptable, ValueError) as fault:
            raise refusal(400, 103107, str(fault)) from None


def refusal(status: int, code: int, message: str) -> Refusal:
    """Jenga's error document."""
    return Refusal(status, {"status": False, "code": code, "message": message})


@cache
def _new_key() -> str:
    """One key for all simulators of a process: making one takes a while."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
