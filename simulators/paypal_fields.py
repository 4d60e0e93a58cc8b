"""Which fields PayPal takes, for the requests that Quittance makes."""

import re
from typing import Any

from simulators.shapes import Fields, flag, many, text, upto, word

_VALUE = re.compile(r"\d{1,15}(\.\d+)?")


def value(given: Any) -> str:
    """A decimal in a string."""
    if not _VALUE.fullmatch(text(given)):
        raise ValueError("no decimal")
    return text(given)


_MONEY = Fields({"currency_code": upto(3), "value": value})
_EXPERIENCE = Fields(
    {"return_url": upto(4000), "cancel_url": upto(4000)},
    {"shipping_preference": word("NO_SHIPPING"), "user_action": word("CONTINUE", "PAY_NOW"), "brand_name": upto(127)},
)
_CUSTOMER = Fields({}, {"id": upto(22), "merchant_customer_id": upto(64)})
_VAULT = Fields({"store_in_vault": word("ON_SUCCESS"), "usage_type": word("MERCHANT", "PLATFORM")})
_WALLET = Fields(
    {"experience_context": _EXPERIENCE}, {"attributes": Fields({}, {"vault": _VAULT, "customer": _CUSTOMER})}
)
_UNIT = Fields({"amount": _MONEY}, {"custom_id": upto(127), "invoice_id": upto(127), "description": upto(127)})
ORDER = Fields(
    {"intent": word("CAPTURE", "AUTHORIZE"), "purchase_units": many(_UNIT)},
    {"payment_source": Fields({"paypal": _WALLET})},
)
_INITIATOR = {"payment_initiator": word("CUSTOMER", "MERCHANT"), "usage": word("FIRST", "SUBSEQUENT", "DERIVED")}
_BY_CARD = Fields({**_INITIATOR, "payment_type": word("ONE_TIME", "RECURRING", "UNSCHEDULED")})
_SOURCE = Fields(
    {},
    {
        "paypal": Fields({"vault_id": upto(255)}, {"stored_credential": Fields(_INITIATOR)}),
        "venmo": Fields({"vault_id": upto(255)}),
        "card": Fields({"vault_id": upto(255), "stored_credential": _BY_CARD}),
    },
)
TAKE = Fields({}, {"payment_source": _SOURCE})
_PATCH = Fields(
    {"op": word("replace"), "path": word("/purchase_units/@reference_id=='default'/custom_id")}, {"value": upto(127)}
)
PATCHES = Fields({"patches": many(_PATCH)})
CAPTURE = Fields({}, {"amount": _MONEY, "invoice_id": upto(127), "final_capture": flag})
REFUND = Fields({}, {"amount": _MONEY, "custom_id": upto(127), "invoice_id": upto(127), "note_to_payer": upto(255)})
_LEFT = Fields({"usage_type": word("MERCHANT", "PLATFORM"), "experience_context": _EXPERIENCE})
SETUP = Fields({"payment_source": Fields({"paypal": _LEFT})}, {"customer": _CUSTOMER})
_TOKEN = Fields({"id": upto(255), "type": word("SETUP_TOKEN")})
KEEP = Fields({"payment_source": Fields({"token": _TOKEN})}, {"customer": _CUSTOMER})
