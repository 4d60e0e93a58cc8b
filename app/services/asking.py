"""Asking an account's gateway, which may want to be left in peace for a while: then nobody asks until that is over."""

from collections.abc import Callable
from typing import TypeVar

from app.db import transaction
from app.models import GatewayAccount
from app.services import breakers
from app.services.outcomes import NoAnswer, ask

Answer = TypeVar("Answer")

WAITS = NoAnswer("The gateway takes no more requests for now, and is asked later.", limited=True)


def ask_at(account: GatewayAccount, verb: Callable[[], Answer], *, now_or_never: bool = False) -> Answer | NoAnswer:
    """As `outcomes.ask`. “Too many requests” makes everybody wait as long as the gateway wants; opens a transaction for
    that alone. `now_or_never`: asked all the same, because nobody can ask this later."""
    if not now_or_never and breakers.state(account) == "waiting":
        return WAITS
    account_id = account.id
    found = ask(verb)
    if isinstance(found, NoAnswer) and found.limited:
        with transaction():
            breakers.note(account_id, found)
    return found
