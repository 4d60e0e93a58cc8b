"""What came of a gateway call, answer or none, as one value that the record step writes down."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.db import let_go
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, RateLimited
from app.logs import logger

Answer = TypeVar("Answer")

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody knows how it stands: to be asked about, never to be repeated blindly.

    `limited`, `retry_after`: as of what was not executed.
    """

    message: str
    limited: bool = False
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class NotExecuted:
    """The call surely did nothing. `ours` says that our request or credentials are to blame.

    `limited`: there were too many requests, and the gateway wants none for `retry_after` seconds, if it says.
    `lost`: it never left us, because whoever was to send it died.
    """

    message: str
    ours: bool = False
    lost: bool = False
    limited: bool = False
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """We wait for the payer no more, though the gateway cannot take the payment back: money may still come."""


def call(verb: Callable[[], Answer]) -> Answer | NoAnswer | NotExecuted:
    """Have a gateway move money, with no transaction open and no connection held; whatever happens becomes a value.

    Anything unforeseen after the request may have left counts as no answer: a bad reply must not
    become a second charge.
    """
    let_go()
    try:
        return verb()
    except RateLimited as error:
        return NotExecuted(str(error), limited=True, retry_after=error.retry_after)
    except GatewayUnavailable as error:
        return NotExecuted(str(error))
    except GatewayRefused as error:
        log.error("gateway refused our request", error=str(error))
        return NotExecuted(str(error), ours=True)
    except Exception as error:
        return _no_answer(error)


def ask(verb: Callable[[], Answer]) -> Answer | NoAnswer:
    """Ask a gateway about money that was moved before, likewise.

    A question that cannot be asked says nothing about the money: neither a cut line nor a refusal is an answer here.
    """
    let_go()
    try:
        return verb()
    except Exception as error:
        return _no_answer(error)


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, RateLimited):
        return NoAnswer(str(error), limited=True, retry_after=error.retry_after)
    if isinstance(error, GatewayError):
        return NoAnswer(str(error))
    log.error("unforeseen error in a gateway call", exc_info=error)
    return NoAnswer("The gateway's answer could not be understood.")
