"""Adyen, the ground floor: its protocol, its errors, its keys' lifetime and its signed webhooks."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from simulators.calls import Call, Json, Refusal
from simulators.frame import Simulator
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable

API_KEY, MERCHANT = "adyen_simulator", "QuittanceSimulator"
HMAC_KEY = sha256(b"adyen_simulator").hexdigest()
LOGIN = "adyen:adyen_simulator_webhooks"
KEY_SECONDS = 7 * 86400
# Adyen's own examples of these name the payment by the merchant's reference alone.
LAST_WORDS = ("CHARGEBACK_REVERSED", "SECOND_CHARGEBACK", "PREARBITRATION_WON", "PREARBITRATION_LOST")

_TROUBLE: Mapping[str, tuple[str, str]] = {
    "rate_limited": ("902", "Too many requests"),
    "server_error": ("905", "Payment details are not supported at this moment"),
    "not_found": ("901", "Not found"),
    "key_reused": ("704", "request already processed or in progress"),
}


class AdyenBase(Simulator):
    """What all of Adyen's resources have in common."""

    name = "adyen"

    def account(self) -> dict[str, str]:
        return {
            "api_key": API_KEY,
            "merchant_account": MERCHANT,
            "hmac_keys": HMAC_KEY,
            "webhook_login": LOGIN,
            "base_url": self.url,
        }

    def authenticate(self, call: Call) -> None:
        """An API key; a wrong one comes back in the message, so that nobody may log it as it is."""
        given = call.headers.get("x-api-key", "")
        if given != API_KEY:
            raise refusal(401, "000", f"HTTP Status Response - Unauthorized: {given}", "security")

    def idempotency_key(self, call: Call) -> str | None:
        key = call.headers.get("idempotency-key")
        if key and len(key) > 64:
            raise refusal(422, "704", "The idempotency key is too long.")
        return key if call.method == "POST" else None

    def key_lifetime(self, call: Call) -> float:
        return KEY_SECONDS

    def trouble(self, status: int, code: str) -> Refusal:
        number, message = _TROUBLE[code]
        return refusal(422 if code == "key_reused" else status, number, message)

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.signed(event, route.secret or HMAC_KEY)

    @staticmethod
    def signed(event: Event, key: str, login: str = LOGIN) -> Delivery:
        """A delivery; each item is signed by itself, with a key that is written in hexadecimal."""
        items = [{"NotificationRequestItem": _with_signature(item, key)} for item in event.body["items"]]
        content = json.dumps({"live": "false", "notificationItems": items}).encode()
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        return Delivery(headers, content)

    def wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal for the first field that Adyen would refuse."""
        try:
            wish = fields.cleaned(call.json)
        except Unacceptable as fault:
            raise refusal(422, "14_0408", f"Invalid field: {fault}") from None
        except ValueError:
            raise refusal(400, "702", "Structure of the request is not valid JSON.") from None
        if wish.get("merchantAccount", MERCHANT) != MERCHANT:
            raise refusal(403, "901", "Invalid Merchant Account", "security")
        return wish

    def row(self, table: str, ref: str) -> Json:
        """An object by its id; raises Refusal when there is none."""
        if ref not in self.books.tables[table]:
            raise refusal(422, "167", "Original pspReference required for this operation")
        return self.books.tables[table][ref]

    def tell(self, code: str, payment: Json, *, success: bool = True, **changes: Any) -> None:
        """Announce an event about a payment: with `ref` it is about a modification or a dispute of it."""
        ref, about = changes.pop("ref", None), {}
        if ref and code not in LAST_WORDS:
            about = {"originalReference": payment["id"]}
        item: Json = {
            "pspReference": ref or payment["id"],
            "merchantAccountCode": MERCHANT,
            "merchantReference": payment["reference"],
            "amount": payment["amount"],
            "eventCode": code,
            "eventDate": now(),
            "success": "true" if success else "false",
            "paymentMethod": "visa",
            "reason": "",
            "additionalData": {},
            **about,
            **changes,
        }
        self.announce(Event(f"{item['pspReference']}:{code}", code, {"items": [item]}))


def refusal(status: int, code: str, message: str, kind: str = "validation") -> Refusal:
    """Adyen's error document."""
    body = {"status": status, "errorCode": code, "message": message, "errorType": kind, "pspReference": new_psp()}
    return Refusal(status, body)


def new_psp() -> str:
    """A PSP reference."""
    return uuid4().hex[:16].upper()


def now() -> str:
    """This instant as Adyen writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _with_signature(item: Json, key: str) -> Json:
    amount = item["amount"]
    values = [item.get(name, "") for name in ("pspReference", "originalReference")]
    values += [item["merchantAccountCode"], item["merchantReference"], amount["value"], amount["currency"]]
    text = ":".join(map(str, [*values, item["eventCode"], item["success"]]))
    mark = base64.b64encode(hmac.new(bytes.fromhex(key), text.encode(), sha256).digest()).decode()
    return item | {"additionalData": item["additionalData"] | {"hmacSignature": mark}}
