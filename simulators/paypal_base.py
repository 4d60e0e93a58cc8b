"""PayPal, the ground floor: access tokens, its errors, the lifetimes of its keys, and its signed webhooks."""

import base64
import json
import time
import zlib
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from simulators.calls import Answer, Call, Json, Refusal
from simulators.frame import Simulator, action, route
from simulators.paypal_keys import pem, signing
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable

CLIENT_ID, CLIENT_SECRET = "paypal_simulator", "paypal_simulator_secret"
TOKEN = "A21AA_simulator_"  # noqa: S105 (what all of ours begin with, and holds after a restart)
WEBHOOK_ID = "1JE4291016473214C"
CERTIFICATES = "/v1/notifications/certs"
HOUR, DAY = 3600, 86400
LIFETIMES: Mapping[str, float] = {"/v2/checkout": 6 * HOUR, "/v2/payments": 45 * DAY, "/v3/vault": 3 * HOUR}

_PROBLEMS: Mapping[str, str] = {
    "missing": "MISSING_REQUIRED_PARAMETER",
    "unknown": "MALFORMED_REQUEST_JSON",
    "invalid": "INVALID_PARAMETER_VALUE",
}
_MESSAGES: Mapping[int, str] = {
    400: "Request is not well-formed, syntactically incorrect, or violates schema.",
    404: "The specified resource does not exist.",
    422: "The requested action could not be performed, semantically incorrect, or failed business validation.",
}
_TROUBLE: Mapping[str, tuple[str, str]] = {
    "rate_limited": ("RATE_LIMIT_REACHED", ""),
    "server_error": ("INTERNAL_SERVER_ERROR", "INTERNAL_SERVICE_ERROR"),
    "not_found": ("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"),
    "key_reused": ("UNPROCESSABLE_ENTITY", "DUPLICATE_REQUEST_ID"),
}


class PaypalBase(Simulator):
    """What all of PayPal's resources have in common."""

    name = "paypal"

    def account(self) -> dict[str, str]:
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "webhook_ids": WEBHOOK_ID,
            "base_url": self.url,
            "certificate_address": self.url + CERTIFICATES,
            "certificate_root": pem(signing()[1].certificate),
        }

    def authenticate(self, call: Call) -> None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.startswith(TOKEN) or token in self.books.tables["revoked_tokens"]:
            raise Refusal(401, {"error": "invalid_token", "error_description": "Token signature verification failed"})

    def idempotency_key(self, call: Call) -> str | None:
        given = call.headers.get("paypal-request-id")
        if given and len(given) > 108:
            raise refusal(400, "INVALID_REQUEST", "INVALID_STRING_MAX_LENGTH", "PayPal-Request-Id")
        return f"{call.path} {given}" if given and call.method == "POST" else None

    def key_lifetime(self, call: Call) -> float:
        return next((kept for path, kept in LIFETIMES.items() if call.path.startswith(path)), 0)

    def trouble(self, status: int, code: str) -> Refusal:
        name, issue = _TROUBLE[code]
        return refusal(422 if code == "key_reused" else status, name, issue)

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.signed(event, route.secret or WEBHOOK_ID)

    def signed(self, event: Event, webhook_id: str, age: float = 0, key: RSAPrivateKey | None = None) -> Delivery:
        """A delivery for a webhook, first sent `age` seconds ago, signed with our key or another."""
        content, sent, ref = json.dumps(event.body).encode(), stamp(time.time() - age), str(uuid4())
        text = f"{ref}|{sent}|{webhook_id}|{zlib.crc32(content)}"
        signature = base64.b64encode((key or signing()[0]).sign(text.encode(), PKCS1v15(), SHA256())).decode()
        headers = {
            "Content-Type": "application/json",
            "PAYPAL-TRANSMISSION-ID": ref,
            "PAYPAL-TRANSMISSION-TIME": sent,
            "PAYPAL-TRANSMISSION-SIG": signature,
            "PAYPAL-CERT-URL": f"{self.url}{CERTIFICATES}/CERT-1",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }
        return Delivery(headers, content)

    @route("POST", "/v1/oauth2/token", public=True)
    def create_access_token(self, call: Call) -> Answer:
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            raise Refusal(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        if call.form.get("grant_type") != "client_credentials":
            raise Refusal(400, {"error": "unsupported_grant_type", "error_description": "Unsupported grant type"})
        token = f"{TOKEN}{uuid4().hex}"
        self.books.put("access_tokens", {"id": token})
        return Answer({"access_token": token, "token_type": "Bearer", "expires_in": 9 * HOUR, "scope": "", "nonce": ""})

    @action
    def revoke_tokens(self) -> None:
        """Every access token given out so far is no longer good."""
        self.books.tables["revoked_tokens"] |= self.books.tables["access_tokens"]

    @route("GET", CERTIFICATES + "/{id}", public=True)
    def get_certificate(self, call: Call) -> Answer:
        key, authority = signing()
        return Answer(pem(authority.issue(key.public_key())))

    def wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal for the first field that PayPal would refuse."""
        try:
            return fields.cleaned(call.json)
        except Unacceptable as fault:
            raise refusal(400, "INVALID_REQUEST", _PROBLEMS[fault.problem], str(fault)) from None
        except ValueError:
            raise refusal(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON") from None

    def row(self, table: str, ref: str) -> Json:
        """An object by its id; raises Refusal when there is none."""
        if ref not in self.books.tables[table]:
            raise self.trouble(404, "not_found")
        return self.books.tables[table][ref]

    def tell(self, kind: str, resource_type: str, row: Json) -> None:
        """Announce an event about an object as it is now."""
        ref = f"WH-{uuid4().hex[:17].upper()}"
        body = {"id": ref, "event_version": "1.0", "create_time": now(), "event_type": kind, "summary": kind}
        body |= {"resource_type": resource_type, "resource": deepcopy(row)}
        self.announce(Event(ref, kind, body))

    def link(self, path: str, rel: str, method: str = "GET") -> Json:
        """A link of an object."""
        return {"href": self.url + path, "rel": rel, "method": method}


def refusal(status: int, name: str, issue: str, field: str = "") -> Refusal:
    """PayPal's error document."""
    detail = {"issue": issue} | ({"field": field} if field else {})
    message = _MESSAGES.get(status, name.replace("_", " ").lower())
    body = {"name": name, "message": message, "debug_id": uuid4().hex[:13], "details": [detail] if issue else []}
    return Refusal(status, body)


def unprocessable(issue: str) -> Refusal:
    """What is well-formed and yet cannot be done."""
    return refusal(422, "UNPROCESSABLE_ENTITY", issue)


def new_id(length: int = 17) -> str:
    """An id as PayPal writes them."""
    return uuid4().hex[:length].upper()


def now() -> str:
    """This instant as PayPal writes it."""
    return stamp(time.time())


def stamp(seconds: float) -> str:
    """An instant as PayPal writes it: RFC 3339, by whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def instant(written: str) -> float:
    """The instant that PayPal wrote."""
    return datetime.fromisoformat(written).timestamp()
