"""Phone numbers, as gateways want them that ask the payer on the phone."""

import re

from app.domain.errors import InvalidInput

# ITU-T E.164: a country code, which never begins with 0, and a number; fifteen digits at most together.
_INTERNATIONAL = re.compile(r"(?:\+|00)?([1-9]\d{7,14})")
_DECORATION = re.compile(r"[ ./()\u00a0-]")


def international(text: str, field: str = "phone") -> str:
    """A number in international form without the plus: `+254 712 345-678` is 254712345678.

    Raises InvalidInput for anything else, a number without its country code among it: nobody guesses whose phone rings.
    """
    found = _INTERNATIONAL.fullmatch(_DECORATION.sub("", text))
    if not found:
        raise InvalidInput(
            "Give the phone number with its country code, such as +254 712 345678.", code="invalid_phone", field=field
        )
    return found[1]
