"""BTCPay Server, the ground floor: its protocol, its errors, its rate and its webhooks."""

import hmac
import json
import time
from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from hashlib import sha256
from typing import Any

from simulators.books import new_ref
from simulators.calls import Call, Json, Refusal
from simulators.frame import Simulator
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable, many, text, texts, upto, word

API_KEY = "btcpay_simulator"
WEBHOOK_SECRET = "btcpay_simulator_webhooks"  # noqa: S105 (signs nothing but this simulator's webhooks)
STORE = "S1"
METHODS = ("BTC-CHAIN", "BTC-LN")
BITCOIN = Decimal("0.00000001")

_TROUBLE: Mapping[str, str] = {
    "rate_limited": "rate-limited",
    "server_error": "generic-error",
    "not_found": "not-found",
    "key_reused": "generic-error",
}


def decimal(value: Any) -> Decimal:
    """An amount as BTCPay takes it: a decimal in a string, above zero."""
    found = Decimal(text(value, 40))
    if not found.is_finite() or found <= 0:
        raise ValueError("not an amount")
    return found


def address(value: Any) -> str:
    """A web address to come back to."""
    if not str(value).startswith(("http://", "https://")):
        raise ValueError("not a web address")
    return text(value)


def truthful(value: Any) -> bool:
    """True or false of JSON."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


INVOICE = Fields(
    {"amount": decimal, "currency": upto(8)},
    {
        "metadata": texts,
        "checkout": Fields({}, {"redirectURL": address, "redirectAutomatically": truthful}),
    },
)
MARK = Fields({"status": word("Invalid", "Settled")})
REFUND = Fields(
    {"refundVariant": word("Custom"), "customAmount": decimal, "customCurrency": upto(8)},
    {"name": upto(50), "description": text, "payoutMethods": many(word(*METHODS))},
)


class BTCPayBase(Simulator):
    """What all of BTCPay's resources have in common."""

    name = "btcpay"
    rate = Decimal("50000")  # of one bitcoin, in whatever currency an invoice has

    def account(self) -> dict[str, str]:
        return {
            "base_url": self.url,
            "store_id": STORE,
            "api_key": API_KEY,
            "webhook_secrets": WEBHOOK_SECRET,
        }

    def authenticate(self, call: Call) -> None:
        """A wrong key comes back in the message, so that nobody may log it as it is."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if (scheme, key) != ("token", API_KEY):
            raise refusal(401, "unauthenticated", f"Authentication is required; {key} is not known.")
        if call.parts.get("store", STORE) != STORE:
            raise refusal(403, "missing-permission", "Insufficient API permissions for this store.")

    def idempotency_key(self, call: Call) -> str | None:
        return None

    def trouble(self, status: int, code: str) -> Refusal:
        return refusal(status, _TROUBLE[code], _TROUBLE[code].replace("-", " "))

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.signed(event, route.secret or WEBHOOK_SECRET)

    @staticmethod
    def signed(event: Event, secret: str) -> Delivery:
        """A delivery: indented JSON, and a signature over exactly these bytes."""
        content = json.dumps(event.body, indent=2).encode()
        mark = hmac.new(secret.encode(), content, sha256).hexdigest()
        return Delivery({"Content-Type": "application/json", "BTCPay-Sig": f"sha256={mark}"}, content)

    def wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal with the list of what is wrong, as BTCPay has it."""
        try:
            return fields.cleaned(call.json)
        except Unacceptable as fault:
            raise Refusal(422, [{"path": fault.path, "message": f"{fault.path} is {fault.problem}."}]) from None
        except ValueError:
            raise Refusal(422, [{"path": "", "message": "The body must be JSON."}]) from None

    def row(self, table: str, ref: str) -> Json:
        """An object by its id; raises Refusal when there is none."""
        if ref not in self.books.tables[table]:
            raise refusal(404, f"{table.rstrip('s')}-not-found", f"The {table.rstrip('s')} was not found.")
        return self.books.tables[table][ref]

    def tell(self, what: str, about: Json) -> None:
        """Announce an event about an invoice or a payout."""
        ref = new_ref()
        head = {"deliveryId": ref, "webhookId": "W1", "originalDeliveryId": ref, "isRedelivery": False}
        body = head | {"type": what, "timestamp": now(), "storeId": STORE} | about
        self.announce(Event(ref, what, body))

    def bitcoins(self, amount: Decimal) -> Decimal:
        """So much of the invoice's currency in bitcoins, rounded up to the last of its eight decimals."""
        return (amount / self.rate).quantize(BITCOIN, ROUND_UP)


def refusal(status: int, code: str, message: str) -> Refusal:
    """BTCPay's error document."""
    return Refusal(status, {"code": code, "message": message})


def now() -> int:
    """This instant as BTCPay writes it."""
    return int(time.time())
