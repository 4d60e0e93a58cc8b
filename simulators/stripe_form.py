"""Stripe's form on merchants' pages (Stripe.js), the setups that it finishes, and the bank that asks."""

import time
from typing import ClassVar
from urllib.parse import urlencode

from simulators import stripe_fields
from simulators.books import new_ref
from simulators.calls import Answer, Call, Json
from simulators.card_form import CardForm
from simulators.frame import action, route
from simulators.pages import page, send_back, tell_opener
from simulators.stripe_base import PUBLISHABLE_KEY
from simulators.stripe_cards import CARDS, NUMBERS, SHOWN
from simulators.stripe_payments import StripePayments

NOT_APPROVED = "We are unable to authenticate your payment method. Please choose a different one and try again."
_APPROVALS = {"pi": "payment_intent_authentication_failure", "seti": "setup_intent_authentication_failure"}


class StripeForm(CardForm, StripePayments):
    """What payers do on a form: an intent is paid or kept by its client secret, with a card entered in our frame."""

    shown_cards: ClassVar = SHOWN

    @route("GET", "/v3/", public=True)
    def stripe_js(self, call: Call) -> Answer:
        return self.script("frames.js", "stripe.js")

    @route("POST", "/v3/confirm", public=True)
    def confirm_form(self, call: Call) -> Answer:
        intent = self._intent_of(call)
        if intent is None or intent["status"] not in ("requires_payment_method", "requires_action"):
            return _error("invalid_request_error", "payment_intent_unexpected_state", "This is not open any more.")
        name = NUMBERS.get(call.json["card"]["number"])
        if name is None:
            return _error("validation_error", "incorrect_number", "Your card number is invalid.")
        return self._told(intent, self._fill(intent, name))

    @route("POST", "/v3/outcome", public=True)
    def outcome_of_form(self, call: Call) -> Answer:
        intent = self._intent_of(call)
        if intent is None or intent["status"] == "requires_payment_method":
            return _error("card_error", "authentication_failure", NOT_APPROVED)
        return self._told(intent, None)

    @route("POST", "/v1/setup_intents")
    def create_setup(self, call: Call) -> Answer:
        wish = self.wish(call, stripe_fields.SETUP)
        setup = self.new_setup(wish.get("customer"), wish.get("metadata", {}))
        if wish.get("confirm"):
            error = self.keep(setup, wish["payment_method"], call.decline)
            if error:
                return Answer({"error": error}, 402)
        return self.shown(setup, wish)

    @route("GET", "/v1/setup_intents/{id}")
    def retrieve_setup(self, call: Call) -> Answer:
        return self.shown(self.row(call.parts["id"], "seti", "intent"), self.wish(call, stripe_fields.RETRIEVE))

    @route("GET", "/authenticate/{id}", public=True)
    def show_approval(self, call: Call) -> Answer:
        intent = self._named(call.parts["id"])
        sentence = "Your bank asks: keep this card?"
        if "amount" in intent:
            sentence = f"Your bank asks: {intent['amount']} {intent['currency'].upper()} (in the smallest units)?"
        return page("Your bank", sentence, {"approve": "Approve", "refuse": "Refuse"})

    @route("POST", "/authenticate/{id}", public=True)
    def answer_approval(self, call: Call) -> Answer:
        intent = self._named(call.parts["id"])
        if intent["status"] == "requires_action":
            self._decide(intent, approved=call.form.get("choice") == "approve")
        back = self.books.tables["return_urls"][intent["id"]]["url"]
        if not back:
            return tell_opener()
        outcome = "succeeded" if intent["status"] == "succeeded" else "failed"
        query = {"payment_intent": intent["id"], "redirect_status": outcome}
        return send_back(f"{back}{'&' if '?' in back else '?'}{urlencode(query)}")

    @action
    def fill_form(self, client_secret: str, method: str = "pm_card_visa") -> str | None:
        """The payer fills in the form on the merchant's page; gives the error code when the bank says no."""
        error = self._fill(self._named(client_secret.partition("_secret_")[0]), method)
        return error["code"] if error else None

    def new_setup(self, customer: str | None, metadata: Json) -> Json:
        """A setup that waits for its method."""
        ref = new_ref("seti_")
        row: Json = {
            "id": ref,
            "object": "setup_intent",
            "client_secret": f"{ref}_secret_{new_ref()}",
            "created": int(time.time()),
            "customer": customer,
            "last_setup_error": None,
            "livemode": False,
            "metadata": metadata,
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
            "usage": "off_session",
        }
        return self.books.put("setups", row)

    def keep(self, setup: Json, name: str, decline: str | None = None) -> Json | None:
        """Attach a method to the setup's customer; gives the error when the bank will not have it."""
        method = self.method(name, setup["customer"])
        card = self.card(method)
        refused = (card.decline if card.refuses_setup else None) or (decline and ("card_declined", decline, ""))
        if refused:
            return self._refuse_setup(setup, refused[0], refused[1], "Your card was declined.")
        self.attach(method, setup["customer"])
        setup |= {"status": "succeeded", "payment_method": method["id"], "next_action": None}
        self.tell("setup_intent.succeeded", setup)
        return None

    def _refuse_setup(self, setup: Json, code: str, decline_code: str, message: str) -> Json:
        error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
        setup |= {"status": "requires_payment_method", "next_action": None, "last_setup_error": error}
        self.tell("setup_intent.setup_failed", setup)
        return error | {"setup_intent": dict(setup)}

    def _fill(self, intent: Json, name: str) -> Json | None:
        """The form is sent with this method. Whoever filled it in is there, so that the bank may ask them."""
        self.books.put("return_urls", {"id": intent["id"], "url": ""})
        if intent["object"] == "payment_intent":
            intent["payment_method"] = self.method(name, intent["customer"])["id"]
            return self.pay(intent, present=True)
        if CARDS[name].authenticates:
            self.books.put("asked_about", {"id": intent["id"], "name": name})
            intent |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
            return None
        return self.keep(intent, name)

    def _decide(self, intent: Json, *, approved: bool) -> None:
        """The payer's answer to their bank."""
        kind = intent["id"].partition("_")[0]
        if kind == "pi" and approved:
            self.approve(intent)
        elif kind == "pi":
            self.decline(intent, (_APPROVALS[kind], "", ""))
        elif approved:
            self.keep(intent, self.books.tables["asked_about"][intent["id"]]["name"])
        else:
            self._refuse_setup(intent, _APPROVALS[kind], "", NOT_APPROVED)

    def _intent_of(self, call: Call) -> Json | None:
        """The intent of a browser's request, which has to know its whole secret and our key."""
        wish = call.json
        intent = self._named(str(wish["client_secret"]).partition("_secret_")[0])
        known = wish["key"] == PUBLISHABLE_KEY and intent["client_secret"] == wish["client_secret"]
        return intent if known else None

    def _named(self, ref: str) -> Json:
        return self.row(ref, ref.partition("_")[0] if ref.partition("_")[0] in _APPROVALS else "pi", "client_secret")

    def _told(self, intent: Json, error: Json | None) -> Answer:
        """What the script hears, and gives back to the merchant's page."""
        if error:
            return Answer({"error": {name: error[name] for name in ("type", "code", "message")}})
        if intent["status"] == "requires_action":
            return Answer({"approval": f"/authenticate/{intent['id']}"})
        kind = intent["object"]
        query = {kind: intent["id"], f"{kind}_client_secret": intent["client_secret"], "redirect_status": "succeeded"}
        return Answer({"query": query})


def _error(kind: str, code: str, message: str) -> Answer:
    return Answer({"error": {"type": kind, "code": code, "message": message}})
