"""Stripe, where the money is: payment intents and their charges, refunds, disputes, and the balance they move."""

import time
from typing import Any

from simulators import stripe_fields
from simulators.books import Taken, new_ref
from simulators.calls import Answer, Call, Json, Refusal
from simulators.frame import action, route
from simulators.stripe_base import StripeBase, refusal
from simulators.stripe_cards import CODES, GENERIC

FEE_PER_MILLE, FEE_FIXED = 29, 30
SMALLEST = {"usd": 50, "cad": 50, "eur": 50, "gbp": 30}
STEPS = {"ugx": 100, "isk": 100, "kwd": 10, "bhd": 10, "jod": 10, "omr": 10, "tnd": 10}
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
EVIDENCE_DAYS = 7


class StripePayments(StripeBase):
    """Payment intents and what comes of them."""

    def taken(self) -> list[Taken]:
        return [
            Taken(
                intent["metadata"].get("key", ""),
                intent["id"],
                intent["amount_received"] or intent["amount_capturable"] or intent["amount"],
                intent["currency"].upper(),
                intent["status"],
                sum(refund["amount"] for refund in self._refunds_that_count(intent)),
            )
            for intent in self.books.tables["intents"].values()
            if intent["status"] in ("succeeded", "requires_capture", "processing")
        ]

    @route("POST", "/v1/payment_intents")
    def create_intent(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.INTENT)
        _check_amount(wish["amount"], wish["currency"])
        _check_confirmation(wish)
        intent = self.new_intent(wish)
        return self._confirm(intent, wish, call) if wish.get("confirm") else self.shown(intent, wish)

    @route("GET", "/v1/payment_intents")
    def list_intents(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.INTENTS)
        known = {"customer": wish["customer"]} if "customer" in wish else {}
        return self.listed(self.books.rows("intents", **known), wish, "/v1/payment_intents")

    @route("GET", "/v1/payment_intents/{id}")
    def retrieve_intent(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "pi", "intent"), self.wish(call, stripe_fields.RETRIEVE))

    @route("POST", "/v1/payment_intents/{id}/capture")
    def capture_intent(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.CAPTURE)
        intent = self.row(call.parts["id"], "pi", "intent")
        if intent["status"] != "requires_capture":
            raise _unexpected(intent, "captured")
        part = wish.get("amount_to_capture", intent["amount"])
        if not 0 < part <= intent["amount_capturable"]:
            raise refusal(400, "The amount to capture is more than what is capturable.", param="amount_to_capture")
        self.succeed(intent, part)
        return self.shown(intent, wish)

    @route("POST", "/v1/payment_intents/{id}/cancel")
    def cancel_intent(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.CANCEL)
        intent = self.row(call.parts["id"], "pi", "intent")
        if intent["status"] not in CANCELABLE:
            raise _unexpected(intent, "canceled")
        intent |= {"status": "canceled", "canceled_at": int(time.time()), "amount_capturable": 0, "next_action": None}
        self.tell("payment_intent.canceled", intent)
        return self.shown(intent, wish)

    @route("POST", "/v1/refunds")
    def create_refund(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.REFUND)
        intent = self.row(wish["payment_intent"], "pi", "payment_intent")
        charge = self.books.tables["charges"].get(intent["latest_charge"] or "")
        if intent["status"] != "succeeded" or charge is None:
            raise refusal(400, "This PaymentIntent has no successful charge to refund.", param="payment_intent")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if not left:
            raise refusal(400, "The charge has already been refunded.", code="charge_already_refunded")
        amount = wish.get("amount", left)
        if not 0 < amount <= left:
            raise refusal(400, f"Refund amount ({amount}) is greater than unrefunded amount ({left})", param="amount")
        return self.shown(self._new_refund(intent, charge, amount, wish), wish)

    @route("GET", "/v1/refunds")
    def list_refunds(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.REFUNDS)
        known = {name: wish[name] for name in ("payment_intent", "charge") if name in wish}
        return self.listed(self.books.rows("refunds", **known), wish, "/v1/refunds")

    @route("GET", "/v1/refunds/{id}")
    def retrieve_refund(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "re", "id"), self.wish(call, stripe_fields.RETRIEVE))

    @route("GET", "/v1/disputes/{id}")
    def retrieve_dispute(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "dp", "dispute"), self.wish(call, stripe_fields.RETRIEVE))

    @route("GET", "/v1/balance_transactions")
    def list_transactions(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.BALANCE_TRANSACTIONS)
        known = {name: wish[name] for name in ("type", "source", "currency") if name in wish}
        return self.listed(self.books.rows("transactions", **known), wish, "/v1/balance_transactions")

    @action
    def settle(self, ref: str, succeeds: bool = True) -> None:
        """A bank debit arrives, or comes back."""
        intent = self.row(ref, "pi", "ref")
        if succeeds:
            self.succeed(intent)
        else:
            self.decline(intent, ("insufficient_funds", "insufficient_funds", "try_again_later"))

    @action
    def settle_refund(self, ref: str, succeeds: bool = True) -> None:
        """A refund that was on its way arrives, or comes back."""
        refund = self.row(ref, "re", "ref")
        if succeeds:
            refund["status"] = "succeeded"
            self.tell("refund.updated", refund)
            return
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        self.books.tables["charges"][refund["charge"]]["amount_refunded"] -= refund["amount"]
        self._move("refund_failure", refund["amount"], 0, refund["currency"], refund["id"])
        self.tell("refund.failed", refund)

    @action
    def dispute(self, ref: str, reason: str = "fraudulent") -> str:
        """The payer tells their bank that they never bought this; gives the dispute's id."""
        intent = self.row(ref, "pi", "ref")
        now = int(time.time())
        row = {
            "id": new_ref("dp_"),
            "object": "dispute",
            "amount": intent["amount"],
            "balance_transactions": [],
            "charge": intent["latest_charge"],
            "created": now,
            "currency": intent["currency"],
            "evidence_details": {"due_by": now + EVIDENCE_DAYS * 86400, "has_evidence": False, "submission_count": 0},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": ref,
            "reason": reason,
            "status": "needs_response",
        }
        self._move("adjustment", -intent["amount"], 1500, intent["currency"], row["id"])
        self.tell("charge.dispute.created", self.books.put("disputes", row))
        return str(row["id"])

    @action
    def close_dispute(self, ref: str, won: bool) -> None:
        """The payer's bank decides."""
        dispute = self.row(ref, "dp", "ref")
        dispute["status"] = "won" if won else "lost"
        if won:
            self._move("adjustment", dispute["amount"], 0, dispute["currency"], ref)
        self.tell("charge.dispute.closed", dispute)

    def new_intent(self, wish: dict[str, Any]) -> Json:
        """A payment intent that waits for its method."""
        ref, method = new_ref("pi_"), wish.get("payment_method")
        row: Json = {
            "id": ref,
            "object": "payment_intent",
            "amount": wish["amount"],
            "amount_capturable": 0,
            "amount_received": 0,
            "automatic_payment_methods": wish.get("automatic_payment_methods"),
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": wish.get("capture_method", "automatic_async"),
            "client_secret": f"{ref}_secret_{new_ref()}",
            "confirmation_method": "automatic",
            "created": int(time.time()),
            "currency": wish["currency"].lower(),
            "customer": wish.get("customer"),
            "description": wish.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": wish.get("metadata", {}),
            "next_action": None,
            "payment_method": self.method(method, wish.get("customer"))["id"] if method else None,
            "payment_method_types": ["card"],
            "receipt_email": wish.get("receipt_email"),
            "setup_future_usage": wish.get("setup_future_usage"),
            "statement_descriptor_suffix": wish.get("statement_descriptor_suffix"),
            "status": "requires_confirmation" if method else "requires_payment_method",
        }
        return self.books.put("intents", row)

    def pay(self, intent: Json, *, present: bool, decline: str | None = None) -> Json | None:
        """The payer's bank decides on an intent's method; gives the error when it says no."""
        card = self.card(self.books.tables["methods"][intent["payment_method"]])
        refused = (CODES.get(decline, "card_declined"), decline, "") if decline else card.decline
        if card.authenticates and not present:
            refused = ("authentication_required", "authentication_required", "")
        if refused:
            return self.decline(intent, refused)
        if card.authenticates:
            intent |= {"status": "requires_action", "next_action": self._approval(intent)}
            self.tell("payment_intent.requires_action", intent)
        elif card.delayed:
            intent |= {"status": "processing", "latest_charge": self._charge(intent, "pending")["id"]}
            self.tell("payment_intent.processing", intent)
        else:
            self.approve(intent)
        return None

    def approve(self, intent: Json) -> None:
        """The bank says yes: the money is held or taken, as the intent wants it."""
        if intent["capture_method"] != "manual":
            self.succeed(intent)
            return
        held = self._charge(intent, "succeeded")
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"], "latest_charge": held["id"]}
        intent["next_action"] = None
        self.tell("payment_intent.amount_capturable_updated", intent)

    def succeed(self, intent: Json, part: int | None = None) -> None:
        """The money is taken: all of it, or a part of what was authorized."""
        taken = part or intent["amount"]
        charge = self.books.tables["charges"].get(intent["latest_charge"] or "") or self._charge(intent, "succeeded")
        fee = (taken * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED
        moved = self._move("charge", taken, fee, intent["currency"], charge["id"])
        charge |= {"status": "succeeded", "captured": True, "paid": True, "balance_transaction": moved["id"]}
        charge["amount_captured"] = taken
        intent |= {"status": "succeeded", "amount_received": taken, "amount_capturable": 0}
        intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
        if intent["setup_future_usage"] and intent["customer"]:
            self.attach(self.books.tables["methods"][intent["payment_method"]], intent["customer"])
        self.tell("payment_intent.succeeded", intent)

    def _confirm(self, intent: Json, wish: dict[str, Any], call: Call) -> Answer:
        self.books.put("return_urls", {"id": intent["id"], "url": wish.get("return_url", "")})
        error = self.pay(intent, present=not wish.get("off_session"), decline=call.decline)
        return Answer({"error": error}, 402) if error else self.shown(intent, wish)

    def decline(self, intent: Json, refused: tuple[str, str, str]) -> Json:
        """The money is not taken: (code, decline_code, advice_code); gives Stripe's error."""
        code, decline_code, advice = refused
        charge = self._charge(intent, "failed")
        charge |= {"failure_code": code, "failure_message": GENERIC}
        error: Json = {"type": "card_error", "code": code, "decline_code": decline_code, "message": GENERIC}
        error |= {"charge": charge["id"], "advice_code": advice or None}
        intent |= {"status": "requires_payment_method", "next_action": None, "latest_charge": charge["id"]}
        intent["last_payment_error"] = error | {
            "payment_method": self.books.tables["methods"][intent["payment_method"]]
        }
        intent["payment_method"] = None
        self.tell("payment_intent.payment_failed", intent)
        return error | {"payment_intent": dict(intent)}

    def _approval(self, intent: Json) -> Json:
        back = self.books.tables["return_urls"][intent["id"]]["url"]
        if not back:  # the form's own script asks
            return {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        url = f"{self.url}/authenticate/{intent['id']}"
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": url}}

    def _charge(self, intent: Json, status: str) -> Json:
        method = self.books.tables["methods"][intent["payment_method"]]
        checks = {"cvc_check": "pass", "address_line1_check": None, "address_postal_code_check": "pass"}
        row: Json = {
            "id": new_ref("ch_"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "balance_transaction": None,
            "captured": False,
            "created": int(time.time()),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "outcome": {"type": "authorized", "risk_level": "normal", "network_status": "approved_by_network"},
            "paid": status == "succeeded",
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {
                "type": method["type"],
                method["type"]: {**method[method["type"]], **({"checks": checks} if method["type"] == "card" else {})},
            },
            "refunded": False,
            "status": status,
        }
        return self.books.put("charges", row)

    def _new_refund(self, intent: Json, charge: Json, amount: int, wish: dict[str, Any]) -> Json:
        method = self.books.tables["methods"][charge["payment_method"]]
        ref = new_ref("re_")
        moved = self._move("refund", -amount, 0, intent["currency"], ref)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        row: Json = {
            "id": ref,
            "object": "refund",
            "amount": amount,
            "balance_transaction": moved["id"],
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": intent["currency"],
            "metadata": wish.get("metadata", {}),
            "payment_intent": intent["id"],
            "reason": wish.get("reason"),
            "receipt_number": None,
            "status": self.card(method).refund,
        }
        self.tell("refund.created", self.books.put("refunds", row))
        return row

    def _move(self, kind: str, amount: int, fee: int, currency: str, source: str) -> Json:
        now = int(time.time())
        row: Json = {
            "id": new_ref("txn_"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + 2 * 86400,
            "created": now,
            "currency": currency,
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "reporting_category": kind,
            "source": source,
            "status": "pending",
            "type": kind,
        }
        return self.books.put("transactions", row)

    def _refunds_that_count(self, intent: Json) -> list[Json]:
        rows = self.books.rows("refunds", payment_intent=intent["id"])
        return [row for row in rows if row["status"] in ("succeeded", "pending")]


def _check_amount(amount: int, currency: str) -> None:
    if amount < SMALLEST.get(currency, 1):
        raise refusal(400, "Amount must be at least the smallest one.", code="amount_too_small", param="amount")
    if amount % STEPS.get(currency, 1):
        raise refusal(
            400,
            f"Amounts of {currency} must be evenly divisible by {STEPS[currency]}.",
            code="parameter_invalid_integer",
            param="amount",
        )


def _check_confirmation(wish: dict[str, Any]) -> None:
    """What Stripe refuses about confirming at once."""
    faults = {
        "payment_method": wish.get("confirm") and "payment_method" not in wish,
        "off_session": "off_session" in wish and not wish.get("confirm"),
        "setup_future_usage": wish.get("off_session") and "setup_future_usage" in wish,
        "return_url": _needs_return_url(wish) != ("return_url" in wish),
    }
    for param, wrong in faults.items():
        if wrong:
            raise refusal(400, f"{param} does not go with the other parameters.", param=param)


def _needs_return_url(wish: dict[str, Any]) -> bool:
    redirects = wish.get("automatic_payment_methods", {}).get("allow_redirects", "always") == "always"
    return bool(wish.get("confirm")) and redirects


def _unexpected(intent: Json, verb: str) -> Refusal:
    return refusal(
        400,
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
    )
