"""Square, the ground floor: its protocol, its errors, its lists and its webhooks."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from simulators.books import new_ref
from simulators.calls import Answer, Call, Json, Refusal
from simulators.frame import Simulator
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable

ACCESS_TOKEN = "square_simulator"  # noqa: S105 (opens nothing but this simulator)
WEBHOOK_KEY = "square_simulator_webhooks"
APPLICATION = "sandbox-sq0idb-simulator"
LOCATION = "L1"
VERSION = "2026-09-16"

_PROBLEMS: Mapping[str, str] = {
    "missing": "MISSING_REQUIRED_PARAMETER",
    "unknown": "UNKNOWN_BODY_PARAMETER",
    "invalid": "INVALID_VALUE",
}
_TROUBLE: Mapping[str, tuple[str, str]] = {
    "rate_limited": ("RATE_LIMIT_ERROR", "RATE_LIMITED"),
    "server_error": ("API_ERROR", "INTERNAL_SERVER_ERROR"),
    "not_found": ("INVALID_REQUEST_ERROR", "NOT_FOUND"),
    "key_reused": ("INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED"),
}


class SquareBase(Simulator):
    """What all of Square's resources have in common."""

    name = "square"

    def account(self) -> dict[str, str]:
        return {
            "access_token": ACCESS_TOKEN,
            "location_id": LOCATION,
            "application_id": APPLICATION,
            "webhook_keys": WEBHOOK_KEY,
            "base_url": self.url,
        }

    def authenticate(self, call: Call) -> None:
        """A bearer token and a version; a wrong token comes back in the message, so that nobody may log it as it is."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token != ACCESS_TOKEN:
            raise refusal(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", f"The token {token} is not known.")
        if call.headers.get("square-version") != VERSION:
            raise refusal(400, "INVALID_REQUEST_ERROR", "INVALID_SQUARE_VERSION_FORMAT", "Another version.")

    def idempotency_key(self, call: Call) -> str | None:
        keyed = call.method == "POST" and call.path.startswith("/v2/") and "/cancel" not in call.path
        return _read(call).get("idempotency_key") if keyed else None

    def trouble(self, status: int, code: str) -> Refusal:
        category, word = _TROUBLE[code]
        return refusal(status, category, word, word.replace("_", " ").lower())

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.signed(event, route.secret or WEBHOOK_KEY, route.url)

    @staticmethod
    def signed(event: Event, key: str, url: str) -> Delivery:
        """A delivery to an address; the signature covers the address, and no time."""
        content = json.dumps(event.body).encode()
        mark = base64.b64encode(hmac.new(key.encode(), url.encode() + content, sha256).digest()).decode()
        return Delivery({"Content-Type": "application/json", "x-square-hmacsha256-signature": mark}, content)

    def wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal for the first field that Square would refuse."""
        try:
            return fields.cleaned(_read(call))
        except Unacceptable as fault:
            raise refusal(400, "INVALID_REQUEST_ERROR", _PROBLEMS[fault.problem], str(fault), fault.path) from None

    def row(self, table: str, ref: str) -> Json:
        """An object by its id; raises Refusal when there is none."""
        if ref not in self.books.tables[table]:
            raise refusal(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", f"{table} has no `{ref}`.")
        return self.books.tables[table][ref]

    def listed(self, name: str, rows: list[Json], call: Call) -> Answer:
        """A page of rows created between `begin_time` and `end_time`, oldest first."""
        wish = call.asked
        first, last = instant(wish.get("begin_time", stamp(0))), instant(wish.get("end_time", stamp(time.time())))
        within = [row for row in rows if first <= instant(row["created_at"]) <= last]
        start, limit = int(wish.get("cursor") or 0), int(wish.get("limit") or 100)
        following = {"cursor": str(start + limit)} if start + limit < len(within) else {}
        return Answer({name: within[start : start + limit], **following})

    def tell(self, subject: str, what: str, row: Json) -> None:
        """Announce an event about an object as it is now."""
        ref = new_ref()
        body = {"merchant_id": "M1", "location_id": LOCATION, "type": f"{subject}.{what}", "event_id": ref}
        body |= {"created_at": now()}
        seen = {"type": subject, "id": row["id"], "object": {subject: deepcopy(row)}}
        self.announce(Event(ref, f"{subject}.{what}", body | {"data": seen}))


def refusal(status: int, category: str, code: str, detail: str, field: str | None = None) -> Refusal:
    """Square's error document."""
    fault = {"category": category, "code": code, "detail": detail}
    return Refusal(status, {"errors": [fault | ({"field": field} if field else {})]})


def _read(call: Call) -> Json:
    try:
        body = call.json
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, "INVALID_REQUEST_ERROR", "EXPECTED_JSON_BODY", "The body must be a JSON object.")
    return body


def now() -> str:
    """This instant as Square writes it."""
    return stamp(time.time())


def stamp(seconds: float) -> str:
    """An instant as Square writes it, RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(written: str) -> float:
    """The instant that Square wrote."""
    return datetime.fromisoformat(written).timestamp()
