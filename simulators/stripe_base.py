"""Stripe, the ground floor: its protocol, its errors, its lists, customers and the methods they keep."""

import hmac
import json
import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Any

from simulators import stripe_fields
from simulators.books import new_ref
from simulators.calls import Answer, Call, Json, Refusal
from simulators.forms import nested
from simulators.frame import Simulator, action, route
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable
from simulators.stripe_cards import CARDS, Card

API_VERSION = "2026-10-28.endive"
SECRET_KEY = "sk_test_simulator"  # noqa: S105 (opens nothing but this simulator)
PUBLISHABLE_KEY = "pk_test_simulator"
WEBHOOK_SECRET = "whsec_simulator"  # noqa: S105 (signs nothing but its webhooks)
TABLES: Mapping[str, str] = {
    "cus": "customers",
    "pm": "methods",
    "pi": "intents",
    "ch": "charges",
    "txn": "transactions",
    "re": "refunds",
    "seti": "setups",
    "cs": "sessions",
    "dp": "disputes",
}
_TROUBLE: Mapping[str, tuple[str, str]] = {
    "rate_limited": ("invalid_request_error", "Too many requests hit the API too quickly."),
    "server_error": ("api_error", "Something went wrong on Stripe's end."),
    "not_found": ("invalid_request_error", "Unrecognized request URL."),
    "key_reused": ("idempotency_error", "Keys for idempotent requests can only be used with the same parameters."),
}
_PROBLEMS: Mapping[str, str] = {
    "missing": "parameter_missing",
    "unknown": "parameter_unknown",
    "invalid": "parameter_invalid",
}


class StripeBase(Simulator):
    """What all of Stripe's resources have in common."""

    name = "stripe"
    keeps_errors = True

    def account(self) -> dict[str, str]:
        keys = {"api_key": SECRET_KEY, "publishable_key": PUBLISHABLE_KEY, "webhook_secrets": WEBHOOK_SECRET}
        return keys | {"base_url": self.url}

    def authenticate(self, call: Call) -> None:
        """A bearer key and a version; a wrong key comes back in the message, so that nobody may log it as it is."""
        key = call.headers.get("authorization", "").removeprefix("Bearer ")
        if key != SECRET_KEY:
            raise refusal(401, f"Invalid API Key provided: {key}")
        if call.headers.get("stripe-version") != API_VERSION:
            raise refusal(400, "This simulator speaks one version only.", code="api_version_unknown")
        if call.method == "POST" and call.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise refusal(400, "The body must be a form.")

    def idempotency_key(self, call: Call) -> str | None:
        return call.headers.get("idempotency-key") if call.method == "POST" else None

    def trouble(self, status: int, code: str) -> Refusal:
        kind, message = _TROUBLE[code]
        return refusal(status, message, type=kind)

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.signed(event, [route.secret or WEBHOOK_SECRET], int(time.time()))

    @staticmethod
    def signed(event: Event, secrets: Iterable[str], at: int) -> Delivery:
        """A delivery with a signature for each secret; more than one while a secret is being replaced."""
        content = json.dumps(event.body).encode()
        stamped = f"{at}.".encode() + content
        marks = [f"v1={hmac.new(secret.encode(), stamped, sha256).hexdigest()}" for secret in secrets]
        headers = {"Content-Type": "application/json", "Stripe-Signature": ",".join([f"t={at}", *marks])}
        return Delivery(headers, content)

    def tell(self, kind: str, subject: Json) -> None:
        """Announce an event about an object as it is now."""
        ref = new_ref("evt_")
        self.announce(
            Event(
                ref,
                kind,
                {
                    "id": ref,
                    "object": "event",
                    "api_version": API_VERSION,
                    "created": int(time.time()),
                    "data": {"object": deepcopy(subject)},
                    "livemode": False,
                    "pending_webhooks": 1,
                    "request": {"id": None, "idempotency_key": None},
                    "type": kind,
                },
            )
        )

    def wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; raises Refusal for the first field that Stripe would refuse."""
        try:
            return fields.cleaned(nested(call.body.decode() if call.method == "POST" else call.query))
        except Unacceptable as fault:
            message = f"Received {fault.problem} parameter: {fault.path}"
            raise refusal(400, message, code=_PROBLEMS[fault.problem], param=fault.path) from None

    def row(self, ref: str, prefix: str, param: str) -> Json:
        """An object by its id; raises Refusal when there is none."""
        found = self.books.tables[TABLES[prefix]].get(ref)
        if found is None:
            raise refusal(404, f"No such {TABLES[prefix]}: '{ref}'", code="resource_missing", param=param)
        return found

    def shown(self, subject: Json, wish: Mapping[str, Any]) -> Answer:
        """An object, with those of its references written out that the request wants expanded."""
        answer = deepcopy(subject)
        for path in wish.get("expand", []):
            self._expand(answer, path.split("."))
        return Answer(answer)

    def listed(self, rows: Iterable[Json], wish: Mapping[str, Any], url: str) -> Answer:
        """A page of rows, newest first."""
        newest = [row for row in reversed(list(rows)) if _created_within(row, wish.get("created", {}))]
        after = wish.get("starting_after")
        start = next((n + 1 for n, row in enumerate(newest) if row["id"] == after), 0)
        end = start + min(wish.get("limit", 10), 100)
        page = {"object": "list", "url": url, "has_more": end < len(newest), "data": newest[start:end]}
        return self.shown(page, wish)

    @route("POST", "/v1/customers")
    def create_customer(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.CUSTOMER)
        row = {"id": new_ref("cus_"), "object": "customer", "created": int(time.time()), "livemode": False}
        for name in ("name", "email", "description"):
            row[name] = wish.get(name)
        return self.shown(self.books.put("customers", row | {"metadata": wish.get("metadata", {})}), wish)

    @route("GET", "/v1/customers")
    def list_customers(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.CUSTOMERS)
        known = {"email": wish["email"]} if "email" in wish else {}
        return self.listed(self.books.rows("customers", **known), wish, "/v1/customers")

    @route("GET", "/v1/customers/{id}")
    def retrieve_customer(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "cus", "id"), self.wish(call, stripe_fields.RETRIEVE))

    @route("GET", "/v1/payment_methods/{id}")
    def retrieve_method(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "pm", "payment_method"), self.wish(call, stripe_fields.RETRIEVE))

    @route("POST", "/v1/payment_methods/{id}/detach")
    def detach_method(self, call: Call) -> Answer:
        method = self.row(call.parts["id"], "pm", "payment_method")
        if method["customer"] is None:
            raise refusal(400, "The payment method is not attached to a customer.", param="payment_method")
        method["customer"] = None
        self.books.put("detached", {"id": method["id"]})
        self.tell("payment_method.detached", method)
        return self.shown(method, self.wish(call, stripe_fields.RETRIEVE))

    @action
    def update_card(self, ref: str, last4: str, exp_year: int) -> None:
        """The payer's bank sends a new card for a kept method."""
        method = self.row(ref, "pm", "id")
        method["card"] |= {"last4": last4, "exp_year": exp_year}
        self.tell("payment_method.automatically_updated", method)

    def method(self, ref: str, customer: str | None = None) -> Json:
        """The method a request names: a kept one, or a fresh one made from a test method's name."""
        if ref in CARDS:
            return self._fresh_method(ref)
        found = self.row(ref, "pm", "payment_method")
        if found["customer"] not in (None, customer):
            raise refusal(400, "The payment method belongs to another customer.", param="payment_method")
        if ref in self.books.tables["detached"]:
            raise refusal(400, "The payment method was detached and may not be used again.", param="payment_method")
        return found

    def card(self, method: Json) -> Card:
        """The card behind a method, and its bank."""
        return CARDS[self.books.tables["card_names"][method["id"]]["name"]]

    def attach(self, method: Json, customer: str) -> None:
        """Keep a method for a customer."""
        method["customer"] = customer
        self.tell("payment_method.attached", method)

    def _fresh_method(self, name: str) -> Json:
        card, ref = CARDS[name], new_ref("pm_")
        details: dict[str, Any] = {"last4": card.last4}
        if card.kind == "card":
            details |= {"brand": card.brand, "exp_month": 12, "exp_year": 2034, "funding": "credit", "country": "US"}
            details["fingerprint"] = f"fp_{card.brand}_{card.last4}"
        else:
            details |= {"bank_name" if card.kind == "us_bank_account" else "bank_code": card.brand}
        self.books.put("card_names", {"id": ref, "name": name})
        billing = {"address": None, "email": None, "name": None, "phone": None}
        row: Json = {"id": ref, "object": "payment_method", "type": card.kind, "customer": None, card.kind: details}
        row["billing_details"] = billing
        return self.books.put("methods", row | {"created": int(time.time()), "livemode": False, "metadata": {}})

    def _expand(self, subject: Any, path: list[str]) -> None:
        for inner in subject if isinstance(subject, list) else [subject]:
            name, *rest = path
            if isinstance(inner.get(name), str):
                inner[name] = deepcopy(self.books.tables[TABLES[inner[name].split("_")[0]]][inner[name]])
            if rest and inner.get(name):
                self._expand(inner[name], rest)


def refusal(status: int, message: str, *, type: str = "invalid_request_error", **more: Any) -> Refusal:
    """Stripe's error document."""
    return Refusal(status, {"error": {"type": type, "message": message, **more}})


def _created_within(row: Json, bounds: Mapping[str, int]) -> bool:
    created = int(row["created"])
    first, last = bounds.get("gte", bounds.get("gt", -1) + 1), bounds.get("lte", bounds.get("lt", created + 1) - 1)
    return first <= created <= last
