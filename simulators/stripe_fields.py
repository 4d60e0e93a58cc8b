"""Which fields Stripe takes, for the requests that Quittance makes; anything else is an unknown parameter there too."""

from collections.abc import Mapping

from simulators.shapes import Fields, Rule, digits, many, text, texts, truth, upto, word

_AUTOMATIC = Fields({"enabled": truth}, {"allow_redirects": word("always", "never")})
_OPTIONS = Fields({}, {"card": Fields({}, {"request_three_d_secure": word("any", "automatic", "challenge")})})
_CREATED = Fields({}, {"gte": digits, "gt": digits, "lt": digits, "lte": digits})
_EXPAND = many(text)
_PAGE: Mapping[str, Rule] = {"limit": digits, "starting_after": text, "ending_before": text, "expand": _EXPAND}
_USAGE = word("on_session", "off_session")
_CAPTURE = word("automatic", "automatic_async", "manual")

CUSTOMER = Fields({}, {"email": upto(512), "name": text, "metadata": texts, "description": text, "expand": _EXPAND})
CUSTOMERS = Fields({}, {"email": text, **_PAGE})

INTENT = Fields(
    {"amount": digits, "currency": upto(3)},
    {
        "automatic_payment_methods": _AUTOMATIC,
        "capture_method": _CAPTURE,
        "confirm": truth,
        "customer": text,
        "description": text,
        "expand": _EXPAND,
        "metadata": texts,
        "off_session": truth,
        "payment_method": text,
        "payment_method_options": _OPTIONS,
        "receipt_email": text,
        "return_url": upto(2000),
        "setup_future_usage": _USAGE,
        "statement_descriptor_suffix": upto(22),
    },
)
CAPTURE = Fields({}, {"amount_to_capture": digits, "expand": _EXPAND, "metadata": texts})
CANCEL = Fields(
    {},
    {
        "cancellation_reason": word("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
        "expand": _EXPAND,
    },
)
INTENTS = Fields({}, {"customer": text, "created": _CREATED, **_PAGE})
RETRIEVE = Fields({}, {"expand": _EXPAND})
NOTHING = Fields()

REFUND = Fields(
    {"payment_intent": text},
    {
        "amount": digits,
        "expand": _EXPAND,
        "metadata": texts,
        "reason": word("duplicate", "fraudulent", "requested_by_customer"),
    },
)
REFUNDS = Fields({}, {"payment_intent": text, "charge": text, "created": _CREATED, **_PAGE})

SETUP = Fields(
    {},
    {
        "automatic_payment_methods": _AUTOMATIC,
        "confirm": truth,
        "customer": text,
        "expand": _EXPAND,
        "metadata": texts,
        "payment_method": text,
        "return_url": upto(2000),
        "usage": _USAGE,
    },
)

_PRICE = Fields({"currency": upto(3), "unit_amount": digits, "product_data": Fields({"name": upto(5000)})})
SESSION = Fields(
    {"mode": word("payment", "setup"), "success_url": upto(5000)},
    {
        "cancel_url": upto(5000),
        "client_reference_id": upto(200),
        "currency": upto(3),
        "customer": text,
        "customer_email": upto(800),
        "expand": _EXPAND,
        "expires_at": digits,
        "line_items": many(Fields({"price_data": _PRICE, "quantity": digits})),
        "metadata": texts,
        "payment_method_options": _OPTIONS,
        "payment_intent_data": Fields(
            {},
            {"capture_method": _CAPTURE, "description": text, "metadata": texts, "setup_future_usage": _USAGE},
        ),
        "setup_intent_data": Fields({}, {"metadata": texts, "description": text}),
    },
)

BALANCE_TRANSACTIONS = Fields(
    {}, {"created": _CREATED, "type": text, "payout": text, "source": text, "currency": upto(3), **_PAGE}
)
