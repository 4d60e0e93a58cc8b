"""Money that came to addresses on chains: above all what a person has to decide about, each with what to do."""

from typing import NamedTuple

from flask import Blueprint, Response

from app.models import Deposit
from app.permissions import Permission
from app.queries import deposits
from app.web.admin import listing
from app.web.auth_guard import requires

pages = Blueprint("deposits", __name__, url_prefix="/deposits")


class Matter(NamedTuple):
    """What is special about a deposit, and what somebody does about it."""

    title: str
    advice: str


LATE = Matter(
    "Came too late",
    "The price was not held any more. Credit it at today's price, or send it back from your wallet and put it aside.",
)
OTHER = Matter(
    "Another asset than asked for",
    "You take this one, too. Credit it at today's price, or send it back from your wallet and put it aside.",
)
FOREIGN = Matter(
    "An asset that you do not take",
    "It lies at this address of your wallet and counts for nothing. Send it back from there if the customer asks, and"
    " put it aside.",
)
SHORT = Matter(
    "Less than was asked for",
    "The time is over, so it is the customer's balance, and the invoice is still owed. Nothing to do, unless they want"
    " it back: refund the payment.",
)
OVER = Matter(
    "More than was asked for",
    "What is over is the customer's balance. Nothing to do, unless they want it back: refund the payment.",
)
GONE = Matter("Taken back by the chain", "It counts for nothing, unless it comes again in another block.")
STATES = [("to_decide", "To decide"), ("short", "Too little"), ("over", "Too much"), ("gone", "Taken back")]


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All deposits, or those that somebody has to look at."""
    listed = deposits.deposits(listing.asked("q", "state"), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/deposits/list.html", listed, ("deposit", "deposits"), states=STATES, matter_of=matter_of
    )


def matter_of(row: Deposit) -> Matter | None:
    """What is special about it; None for what came as it was asked for, or was decided."""
    if row.status == "reorged":
        return GONE
    if row.verdict == "foreign":
        return FOREIGN
    if row.verdict == "review":
        return LATE if row.contract == row.quote.contract else OTHER
    came = row.payment.received_minor
    if row.verdict != "quoted" or came is None or came == row.quote.amount_minor:
        return None
    return SHORT if came < row.quote.amount_minor else OVER
