"""Why a payer's bank said no, in our own words. Each gateway's adapter maps its codes onto these."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """A reason for a decline. A hard one is not tried again until the customer changes the method or acts.

    `message` is said to the customer. A payer must not learn from it that a card is reported or suspected, so
    those reasons share one neutral sentence.
    """

    code: str
    hard: bool
    message: str


_ASK_THE_BANK = "Your bank declined the payment. Please ask your bank, or pay with another method."
_CHECK_CARD = "Your bank did not recognise the card details. Please check them or use another card."

_SOFT = {
    "insufficient_funds": "There was not enough money in the account. We will try again later.",
    "limit_exceeded": "The payment is over the limit of this method. Raise it or use another method.",
    "card_declined": _ASK_THE_BANK,
    "do_not_honor": _ASK_THE_BANK,
    "issuer_unavailable": "Your bank could not be reached. We will try again; nothing was charged.",
    "processing_error": "The payment could not be completed. We will try again; nothing was charged.",
    "payment_undone": "The network your payment was sent on has undone it. Please look into your wallet and pay again.",
    "not_received": "The payment that we noted for it did not come in after all. Please pay it, or write to us.",
    "payer_canceled": "The payment was not approved. You can start it again at any time.",
}
_HARD = {
    "authentication_required": "Your bank asks you to approve this payment. Please pay the invoice online.",
    "authentication_failed": "Your bank could not confirm that it was you. Please try again.",
    "expired_card": "The card has expired. Please add a new one.",
    "incorrect_number": _CHECK_CARD,
    "incorrect_cvc": _CHECK_CARD,
    "incorrect_address": "The billing address does not match the card. Please check it or use another card.",
    "lost_card": _ASK_THE_BANK,
    "stolen_card": _ASK_THE_BANK,
    "suspected_fraud": _ASK_THE_BANK,
    "account_closed": "The account behind this method is closed. Please add another method.",
    "mandate_revoked": "The permission to charge this method was withdrawn. Please add a method or renew it.",
    "not_permitted": "This method is not allowed for this kind of payment. Please use another method.",
    "no_payment_method": "There is no payment method to charge. Please add one, or pay the invoice online.",
    "not_supported": "This method cannot pay in this currency or at this shop. Please use another method.",
}

DECLINES: Mapping[str, Decline] = {
    code: Decline(code, hard, message)
    for hard, table in ((False, _SOFT), (True, _HARD))
    for code, message in table.items()
}
UNKNOWN = DECLINES["card_declined"]


def decline_for(code: str | None) -> Decline:
    """The decline behind one of our words; no word or an unknown one is a soft `card_declined`.

    Soft, because trying again costs little and giving up on a good card costs the sale (issue 4, decline
    codes).
    """
    return DECLINES.get(code or "", UNKNOWN)
