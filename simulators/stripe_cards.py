"""Stripe's test payment methods, by the names they have at Stripe, and what their banks do."""

from collections.abc import Mapping
from dataclasses import dataclass

GENERIC = "Your card was declined."


@dataclass(frozen=True, slots=True)
class Card:
    """A method and its bank. `decline` is Stripe's (code, decline_code, advice_code); `refuses_setup` says that it
    cannot even be saved; `refund` is how refunds to it go on."""

    last4: str = "4242"
    brand: str = "visa"
    kind: str = "card"
    decline: tuple[str, str, str] | None = None
    refuses_setup: bool = True
    authenticates: bool = False
    delayed: bool = False
    refund: str = "succeeded"


def _declining(last4: str, code: str, decline_code: str, advice: str = "try_again_later") -> Card:
    return Card(last4, decline=(code, decline_code, advice))


CARDS: Mapping[str, Card] = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card("4444", "mastercard"),
    "pm_card_amex": Card("8431", "amex"),
    "pm_card_chargeDeclined": _declining("0002", "card_declined", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": _declining("9995", "card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedVelocityLimitExceeded": _declining("6975", "card_declined", "card_velocity_exceeded"),
    "pm_card_chargeDeclinedProcessingError": _declining("0119", "processing_error", "processing_error"),
    "pm_card_chargeDeclinedExpiredCard": _declining("0069", "expired_card", "expired_card", "do_not_try_again"),
    "pm_card_chargeDeclinedIncorrectCvc": _declining("0127", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
    "pm_card_chargeDeclinedLostCard": _declining("9987", "card_declined", "lost_card", "do_not_try_again"),
    "pm_card_chargeDeclinedStolenCard": _declining("9979", "card_declined", "stolen_card", "do_not_try_again"),
    "pm_card_chargeDeclinedFraudulent": _declining("0019", "card_declined", "fraudulent", "do_not_try_again"),
    "pm_card_chargeCustomerFail": Card(
        "0341", decline=("card_declined", "generic_decline", "try_again_later"), refuses_setup=False
    ),
    "pm_card_authenticationRequired": Card("3184", authenticates=True),
    "pm_card_pendingRefund": Card("7726", refund="pending"),
    "pm_card_refundFail": Card("5126", refund="pending"),
    "pm_usBankAccount": Card("6789", "stripe_test_bank", "us_bank_account", delayed=True),
    "pm_sepaDebit": Card("3000", "37040044", "sepa_debit", delayed=True),
}

# The numbers of Stripe's test cards (docs.stripe.com/testing), for the form, and what each does.
NUMBERS: Mapping[str, str] = {
    "4242424242424242": "pm_card_visa",
    "5555555555554444": "pm_card_mastercard",
    "4000002760003184": "pm_card_authenticationRequired",
    "4000000000000002": "pm_card_chargeDeclined",
    "4000000000009995": "pm_card_chargeDeclinedInsufficientFunds",
    "4000000000000069": "pm_card_chargeDeclinedExpiredCard",
}
SHOWN: Mapping[str, str] = {
    "4242 4242 4242 4242": "is charged",
    "4000 0027 6000 3184": "has the bank ask",
    "4000 0000 0000 9995": "has not enough money on it",
}

# What Stripe says when a charge is refused by request, by decline code; the code is card_declined for all others.
CODES: Mapping[str, str] = {
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "incorrect_number": "incorrect_number",
    "processing_error": "processing_error",
    "authentication_required": "authentication_required",
}
