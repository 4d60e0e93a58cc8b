"""Stripe: payments, kept methods and the pages that payers see, for the calls that Quittance makes.

Declared by the names of Stripe's own test methods (`stripe_cards`). The secret key is `sk_test_simulator`.
"""

import time
from typing import Any

from simulators import stripe_fields
from simulators.books import new_ref
from simulators.calls import Answer, Call, Json
from simulators.frame import route
from simulators.pages import page, send_back
from simulators.stripe_base import refusal
from simulators.stripe_form import StripeForm

DAY_SECONDS = 86400
PAYING = {"pm_card_visa": "Pay by card", "pm_card_chargeDeclined": "Pay by a card that is declined"}
DELAYED = {"pm_usBankAccount": "Pay from a bank account"}


class StripeSimulator(StripeForm):
    """All of Stripe that there is here."""

    @route("POST", "/v1/checkout/sessions")
    def create_session(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.SESSION)
        if wish["mode"] == "payment" and "line_items" not in wish:
            raise refusal(400, "Missing line_items.", code="parameter_missing", param="line_items")
        if wish["mode"] == "setup" and "currency" not in wish:
            raise refusal(400, "Missing currency.", code="parameter_missing", param="currency")
        session = self._new_session(wish)
        self.books.put("session_wishes", {"id": session["id"], "wish": wish})
        return self.shown(session, wish)

    @route("GET", "/v1/checkout/sessions/{id}")
    def retrieve_session(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "cs", "session"), self.wish(call, stripe_fields.RETRIEVE))

    @route("POST", "/v1/checkout/sessions/{id}/expire")
    def expire_session(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.RETRIEVE)
        session = self.row(call.parts["id"], "cs", "session")
        if session["status"] != "open":
            raise refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        session |= {"status": "expired", "url": None}
        self.tell("checkout.session.expired", session)
        return self.shown(session, wish)

    @route("GET", "/pay/{id}", public=True)
    def show_session(self, call: Call) -> Answer:
        session = self.row(call.parts["id"], "cs", "session")
        if session["status"] != "open":
            return page("Stripe", "There is nothing to pay here any more.", {})
        if session["mode"] == "setup":
            return page("Stripe", "Keep a card for later payments.", {"pm_card_visa": "Keep this card"})
        sentence = f"{session['amount_total']} {session['currency'].upper()} (in the smallest units)"
        return page("Stripe", sentence, PAYING | DELAYED | {"cancel": "Go back"})

    @route("POST", "/pay/{id}", public=True)
    def answer_session(self, call: Call) -> Answer:
        session = self.row(call.parts["id"], "cs", "session")
        choice = call.form.get("choice", "")
        if choice == "cancel" or session["status"] != "open":
            return send_back(session["cancel_url"] or session["success_url"])
        if session["mode"] == "setup":
            self._finish_setup(session, choice)
        elif not self._finish_payment(session, choice):
            return page("Stripe", "The card was declined.", PAYING | DELAYED | {"cancel": "Go back"})
        return send_back(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))

    def _new_session(self, wish: dict[str, Any]) -> Json:
        ref, now = new_ref("cs_test_"), int(time.time())
        prices = [(item["price_data"], item["quantity"]) for item in wish.get("line_items", [])]
        row: Json = {
            "id": ref,
            "object": "checkout.session",
            "automatic_tax": {"enabled": False, "status": None},
            "amount_total": sum(price["unit_amount"] * quantity for price, quantity in prices) or None,
            "cancel_url": wish.get("cancel_url"),
            "client_reference_id": wish.get("client_reference_id"),
            "created": now,
            "currency": prices[0][0]["currency"] if prices else wish.get("currency"),
            "customer": wish.get("customer"),
            "custom_fields": [],
            "custom_text": {"shipping_address": None, "submit": None},
            "expires_at": wish.get("expires_at", now + DAY_SECONDS),
            "livemode": False,
            "metadata": wish.get("metadata", {}),
            "mode": wish["mode"],
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid" if prices else "no_payment_required",
            "setup_intent": None,
            "shipping_options": [],
            "status": "open",
            "success_url": wish["success_url"],
            "url": f"{self.url}/pay/{ref}",
        }
        return self.books.put("sessions", row)

    def _finish_payment(self, session: Json, method: str) -> bool:
        """Pay on the hosted page; False when the bank says no and the payer may try again."""
        wish = self.books.tables["session_wishes"][session["id"]]["wish"].get("payment_intent_data", {})
        known = {"amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"]}
        first = session["payment_intent"] is None
        intent = self.new_intent(known | wish) if first else self.row(session["payment_intent"], "pi", "intent")
        intent["payment_method"] = self.method(method, session["customer"])["id"]
        session["payment_intent"] = intent["id"]
        if self.pay(intent, present=True):
            return False
        paid = intent["status"] == "succeeded"
        session |= {"status": "complete", "url": None, "payment_status": "paid" if paid else "unpaid"}
        self.tell("checkout.session.completed", session)
        return True

    def _finish_setup(self, session: Json, method: str) -> None:
        wish = self.books.tables["session_wishes"][session["id"]]["wish"].get("setup_intent_data", {})
        setup = self.new_setup(session["customer"], wish.get("metadata", {}))
        self.keep(setup, method)
        session |= {"status": "complete", "url": None, "setup_intent": setup["id"]}
        self.tell("checkout.session.completed", session)
