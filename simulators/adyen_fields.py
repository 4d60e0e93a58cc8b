"""Which fields Adyen takes, for the requests that Quittance makes."""

from simulators.shapes import Fields, flag, text, texts, upto, whole, word

_AMOUNT = Fields({"currency": upto(3), "value": whole})
_MODEL = word("CardOnFile", "Subscription", "UnscheduledCardOnFile")
_OURS = {"merchantAccount": upto(80)}
_ASKING = Fields({}, {"nativeThreeDS": word("preferred", "disabled")})
ASKED = Fields(_OURS)
PAYMENT = Fields(
    {
        **_OURS,
        "amount": _AMOUNT,
        "reference": upto(80),
        "returnUrl": upto(1024),
        "paymentMethod": Fields({"type": word("scheme"), "storedPaymentMethodId": upto(64)}),
    },
    {
        "additionalData": texts,
        "authenticationData": Fields(
            {}, {"attemptAuthentication": word("always", "never"), "threeDSRequestData": _ASKING}
        ),
        "channel": word("iOS", "Android", "Web"),
        "recurringProcessingModel": _MODEL,
        "shopperInteraction": word("Ecommerce", "ContAuth", "Moto", "POS"),
        "shopperReference": upto(256),
    },
)
DETAILS = Fields({"details": Fields({"redirectResult": upto(10000)})})
CHANGE = Fields({**_OURS, "amount": _AMOUNT}, {"reference": upto(80)})
CANCEL = Fields(_OURS, {"reference": upto(80)})
CANCEL_BY_REFERENCE = Fields({**_OURS, "paymentReference": upto(80)}, {"reference": upto(80)})
LINK = Fields(
    {**_OURS, "amount": _AMOUNT, "reference": upto(80)},
    {
        "description": upto(280),
        "manualCapture": flag,
        "recurringProcessingModel": _MODEL,
        "returnUrl": upto(8000),
        "shopperEmail": text,
        "shopperReference": upto(256),
        "storePaymentMethodMode": word("askForConsent", "disabled", "enabled"),
    },
)
EXPIRE = Fields({"status": word("expired")})
