"""No card number gets in: it is refused at its field or in the address, not shown again, and kept nowhere."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, request
from wtforms import Field, PasswordField

from app.domain.errors import InvalidInput
from app.services.payment_methods import refuse_card_number

REFUSAL = "That looks like a card number. Nothing was kept of it; never write one into a field of this page."


def register(app: Flask) -> None:
    """Look at the query of every request, of the API too, before anything else does."""
    app.before_request(_look_at_query)


def held_back(field: Field) -> bool:
    """Whether a card number stands in a field of a form, which then forgets it. Passwords are whatever they are."""
    if isinstance(field, PasswordField):
        return False
    typed: Sequence[Any] = field.raw_data or ()
    try:
        for text in typed:
            refuse_card_number(str(text), field.name)
    except InvalidInput:
        field.data, field.raw_data, field.errors = None, None, [REFUSAL]
        return True
    return False


def _look_at_query() -> None:
    for name, text in request.args.items(multi=True):
        refuse_card_number(name, "query")
        refuse_card_number(text, name)
