"""Square's form on merchants' pages (Web Payments SDK): a card becomes a nonce, for one payment or one card kept."""

from collections.abc import Mapping
from typing import ClassVar

from simulators.books import new_ref
from simulators.calls import Answer, Call, Json
from simulators.card_form import CardForm
from simulators.frame import route
from simulators.pages import page, tell_opener
from simulators.square_base import APPLICATION, LOCATION, SquareBase, refusal

# Test card → the code that it is declined with, or nothing (developer.squareup.com/docs/devtools/sandbox/payments).
NUMBERS: Mapping[str, str] = {
    "4111111111111111": "",
    "5105105105105100": "",
    "4310000000201019": "",
    "4000000000000002": "GENERIC_DECLINE",
}
ASKED_ABOUT = "4310000000201019"  # its bank asks


class SquareForm(CardForm, SquareBase):
    """What payers do on a form."""

    shown_cards: ClassVar = {
        "4111 1111 1111 1111": "is charged",
        "4310 0000 0020 1019": "has the bank ask",
        "4000 0000 0000 0002": "is declined",
    }

    @route("GET", "/v1/square.js", public=True)
    def square_js(self, call: Call) -> Answer:
        return self.script("frames.js", "square.js")

    @route("POST", "/v1/tokenize", public=True)
    def tokenize(self, call: Call) -> Answer:
        wish = call.json
        number = wish["card"]["number"]
        if (wish["application"], wish["location"]) != (APPLICATION, LOCATION):
            return _errors("The application or the location is not known.")
        if number not in NUMBERS:
            return _errors("Enter a valid card number.")
        nonce = {"id": new_ref("cnon:"), "refused": NUMBERS[number], "last_4": number[-4:], "used": False}
        nonce["approved"] = number != ASKED_ABOUT
        self.books.put("nonces", nonce)
        return Answer(_told(nonce) if nonce["approved"] else _told(nonce) | {"approval": f"/challenge/{nonce['id']}"})

    @route("POST", "/v1/tokenized", public=True)
    def outcome_of_challenge(self, call: Call) -> Answer:
        nonce = self.row("nonces", call.json["token"])
        return Answer(_told(nonce)) if nonce["approved"] else _errors("The bank could not confirm that it is you.")

    @route("GET", "/challenge/{id}", public=True)
    def show_challenge(self, call: Call) -> Answer:
        self.row("nonces", call.parts["id"])
        return page("Your bank", "Your bank asks: is this you?", {"approve": "Approve", "refuse": "Refuse"})

    @route("POST", "/challenge/{id}", public=True)
    def answer_challenge(self, call: Call) -> Answer:
        self.row("nonces", call.parts["id"])["approved"] = call.form.get("choice") == "approve"
        return tell_opener()

    def refusal_of(self, nonce_id: str) -> str | None:
        """The code that a nonce is declined with, if it is. Raises Refusal for one that was used before."""
        nonce = self.row("nonces", nonce_id)
        if nonce["used"]:
            raise refusal(400, "INVALID_REQUEST_ERROR", "CARD_TOKEN_USED", "The card nonce was used.", "source_id")
        return nonce["refused"] or (None if nonce["approved"] else "CARD_DECLINED_VERIFICATION_REQUIRED")

    def use(self, source: str) -> None:
        """From now on a nonce is worth nothing."""
        if source in self.books.tables["nonces"]:
            self.books.tables["nonces"][source]["used"] = True


def _told(nonce: Json) -> Json:
    return {"token": nonce["id"]}


def _errors(message: str) -> Answer:
    return Answer({"errors": [{"type": "VALIDATION_ERROR", "message": message}]})
