"""Fields that several forms of the staff have."""

import re
from typing import Any

from babel.numbers import NumberFormatError, parse_decimal
from wtforms import Field, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import StopValidation

from app.domain.exact import plain
from app.domain.money import Money
from app.services.formats import safe_locale
from app.web.auth_guard import person

PLAIN = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
SEPARATED = re.compile(r"-?[\d.,'’٬٫]+")
SPACES = str.maketrans("", "", " \xa0\u202f")
LONGEST = 40


class Whole(IntegerField):  # type: ignore[misc]
    """A whole number, with words for what is none. Nothing typed is None."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Reads digits; spaces between them do not matter."""
        text = valuelist[0].translate(SPACES) if valuelist else ""
        self.data = None
        if not text:
            return
        if len(text) > LONGEST or not re.fullmatch(r"-?\d+", text, re.ASCII):
            raise ValueError(f"{self.label.text} is a whole number, such as 12.")
        self.data = int(text)


class Between:
    """A number from `low` to `high`, both included; or none, where none is required."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, _form: Any, field: Field) -> None:
        if field.data is not None and not self.low <= field.data <= self.high:
            raise StopValidation(f"{field.label.text} is a whole number from {self.low:,} to {self.high:,}.")


class Number(StringField):  # type: ignore[misc]
    """An amount or a quantity as people write it where the reader lives: `1,234.50`, in French `1 234,50`.

    `data` is the number with a point and nothing else, or what was typed when that is no number.
    """

    def process_formdata(self, valuelist: list[str]) -> None:
        """A comma that could mean either is not guessed at: 12,50 is refused where a comma separates thousands."""
        self.data = typed = (valuelist[0] if valuelist else "").translate(SPACES)
        if typed and not PLAIN.fullmatch(typed):
            self.data = self._as_written_here(typed)

    def in_currency(self, currency: str) -> Money:
        """The amount in major units of a currency. Raises InvalidInput, naming this field."""
        return Money.parse(self.data or "", currency, self.name)

    def _as_written_here(self, typed: str) -> str:
        try:
            if not SEPARATED.fullmatch(typed):
                raise NumberFormatError(typed)
            return plain(parse_decimal(typed[:LONGEST], locale=safe_locale(person().locale), strict=True))
        except NumberFormatError:
            raise ValueError(f"{self.label.text} is a number, such as 12.50.") from None


class NotNegative:
    """A number that is zero or more. What is no number has been told already."""

    def __call__(self, _form: Any, field: Field) -> None:
        if str(field.data or "").startswith("-"):
            raise StopValidation(f"{field.label.text} is zero or more.")


def known_or_current(field: SelectField) -> None:
    """Keep a value that is in use though the field would not offer it, instead of changing it by accident."""
    offered, current = [choice.value for choice in field.choices], field.object_data
    if current and current not in offered:
        field.choices = [*field.choices, SelectChoice(current, current)]
