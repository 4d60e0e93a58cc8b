"""Which fields Square takes, for the requests that Quittance makes; anything else is an unknown parameter there too."""

from simulators.shapes import Fields, flag, many, upto, whole, word

_MONEY = Fields({"amount": whole, "currency": upto(3)})
PAYMENT = Fields(
    {"source_id": upto(16384), "idempotency_key": upto(45), "amount_money": _MONEY},
    {
        "autocomplete": flag,
        "buyer_email_address": upto(255),
        "customer_details": Fields({}, {"customer_initiated": flag, "seller_keyed_in": flag}),
        "customer_id": upto(191),
        "location_id": upto(50),
        "note": upto(500),
        "reference_id": upto(40),
        "verification_token": upto(16384),
    },
)
REFUND = Fields({"idempotency_key": upto(45), "amount_money": _MONEY, "payment_id": upto(192)}, {"reason": upto(192)})
CARD = Fields(
    {"idempotency_key": upto(45), "source_id": upto(16384), "card": Fields({"customer_id": upto(191)})},
    {"verification_token": upto(16384)},
)
CUSTOMER = Fields(
    {"idempotency_key": upto(45)},
    {"given_name": upto(300), "email_address": upto(254), "reference_id": upto(100)},
)
_EXACT = Fields({"filter": Fields({"reference_id": Fields({"exact": upto(100)})})})
SEARCH = Fields({"query": _EXACT}, {"limit": whole})
_LINE = Fields({"name": upto(512), "quantity": word("1"), "base_price_money": _MONEY})
_ORDER = Fields({"location_id": upto(50), "line_items": many(_LINE)}, {"reference_id": upto(40)})
_ACCEPTED = Fields({}, dict.fromkeys(("apple_pay", "google_pay", "cash_app_pay", "afterpay_clearpay"), flag))
LINK = Fields(
    {"idempotency_key": upto(192), "order": _ORDER},
    {
        "checkout_options": Fields({}, {"redirect_url": upto(2048), "accepted_payment_methods": _ACCEPTED}),
        "payment_note": upto(500),
        "pre_populated_data": Fields({}, {"buyer_email": upto(256)}),
    },
)
KEY = Fields({"idempotency_key": upto(45)})
