"""Forms in which nobody can leave a card number: it is refused at its field, not shown again, and kept nowhere."""

from collections.abc import Sequence
from typing import Any

from wtforms import Field

from app.domain.errors import InvalidInput
from app.services.payment_methods import refuse_card_number
from app.web.forms import Form

REFUSAL = "That looks like a card number. Nothing was kept of it; never write one into a field of this page."


class CardlessForm(Form):
    """Base of the forms that customers fill in where they pay."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether it is filled in well, and holds no card number anywhere."""
        well_filled = bool(super().validate(extra_validators))
        with_a_number = [field for field in self if _refused(field)]
        return well_filled and not with_a_number


def _refused(field: Field) -> bool:
    """Whether a card number stands in the field, which then forgets it."""
    typed: Sequence[Any] = field.raw_data or ()
    try:
        for text in typed:
            refuse_card_number(str(text), field.name)
    except InvalidInput:
        field.data, field.raw_data, field.errors = None, None, [REFUSAL]
        return True
    return False
