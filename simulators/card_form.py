"""A card form for merchants' pages: a script of the gateway's, and a frame from here in which the card is entered."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import ClassVar

from simulators.calls import Answer, Call
from simulators.frame import Simulator, route

BROWSER = Path(__file__).parent / "browser"


class CardForm(Simulator):
    """`shown_cards` are the test cards that stand below the field, and what each does."""

    shown_cards: ClassVar[Mapping[str, str]]

    @route("GET", "/browser/card", public=True)
    def card_field(self, call: Call) -> Answer:
        hints = (f"<li><code>{escape(card)}</code> {escape(does)}</li>" for card, does in self.shown_cards.items())
        page = (BROWSER / "card_field.html").read_text()
        return Answer(page.format(title=escape(self.name.title()), cards="".join(hints)))

    @route("GET", "/browser/card_field.js", public=True)
    def card_field_script(self, call: Call) -> Answer:
        return self.script("card_field.js")

    @staticmethod
    def script(*names: str) -> Answer:
        """Scripts, one after the other."""
        return Answer("\n".join((BROWSER / name).read_text() for name in names), kind="text/javascript")
