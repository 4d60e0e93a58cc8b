"""What can differ between a gateway's list and our books, and what to do about each of it."""

from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of difference: in few words, and what somebody does about it."""

    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "payment_unknown": Kind(
        "Taken, but unknown here",
        "Look it up at the gateway. If another system of yours took it, dismiss this. Otherwise refund it there, or"
        " give the customer the amount as balance.",
    ),
    "payment_missing": Kind(
        "Paid here, but not at the gateway",
        "Look for it at the gateway. If it was never taken, the invoice is not paid: have the gateway asked again from"
        " the payment's page, and take the matter up with them.",
    ),
    "payment_amount": Kind(
        "Another amount was taken",
        "Nothing was booked if the payment is still open: accept the amount on its page, or refund it at the gateway.",
    ),
    "payment_status": Kind(
        "Taken at the gateway, but not paid here",
        "The gateway was asked and did not confirm it. Ask again from the payment's page.",
    ),
    "payment_fee": Kind("Fee was not booked", "It is booked by itself as soon as the payment is."),
    "refund_unknown": Kind(
        "Refunded at the gateway, but unknown here",
        "Find the payment that it belongs to. If another system of yours made it, dismiss this.",
    ),
    "refund_missing": Kind(
        "Refunded here, but not at the gateway",
        "Look for it at the gateway: the customer may not have got their money.",
    ),
    "refund_amount": Kind("Another amount was refunded", "Correct the customer's balance by the difference."),
    "refund_status": Kind(
        "Refunded at the gateway, but not done here", "The gateway was asked and did not confirm it yet."
    ),
    "dispute_unknown": Kind(
        "Disputed, but unknown here",
        "Answer it at the gateway before its deadline. If another system of yours took the payment, dismiss this.",
    ),
    "payout_unbooked": Kind("Payout was not booked", "It is booked by itself."),
    "fee_unbooked": Kind("Fee of the account was not booked", "It is booked by itself."),
}
