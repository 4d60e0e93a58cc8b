"""What can differ between a gateway's list and our books, and what to do about each of it."""

from collections.abc import Mapping
from typing import NamedTuple

# No list shows these: they come with the gateway's word, so comparing lists says nothing about them.
UNLISTED = ("payment_attested", "refund_attested", "refund_twice")


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
    "payment_attested": Kind(
        "Another outcome than somebody saw",
        "What the gateway says is booked. If the invoice was paid in another way meanwhile, the money is in the"
        " customer's balance: leave it there, or refund it.",
    ),
    "refund_attested": Kind(
        "Another outcome of a refund than somebody saw",
        "What the gateway says is booked. If another refund was made for it, take the excess off the customer's"
        " balance; if the customer got nothing, refund again.",
    ),
    "refund_twice": Kind(
        "More was sent back than was paid",
        "Nothing was booked for this refund. Look both up at the gateway, then take the excess off the customer's"
        " balance or ask them for it.",
    ),
    "payout_unbooked": Kind("Payout was not booked", "It is booked by itself."),
    "fee_unbooked": Kind("Fee of the account was not booked", "It is booked by itself."),
}
