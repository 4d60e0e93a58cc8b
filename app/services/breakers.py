"""The circuit breaker of each gateway account. Closed: calls go through. Open: they do not, until the pause is over.
Then it is half open: one call tries it, and its outcome closes the breaker or opens it for longer.

The state stands in the account's row, by the database's clock, and is written only when it changes.
"""

from datetime import timedelta
from typing import Literal

from sqlalchemy import func, select, update

from app.db import session
from app.domain.breaker import pause_after, wait_for
from app.logs import logger
from app.models import GatewayAccount
from app.queries.base import get
from app.services.outcomes import NoAnswer, NotExecuted

State = Literal["closed", "open", "half_open", "waiting"]
PROBE_SECONDS = 60  # a probe that never reports back blocks the next one no longer

log = logger(__name__)


def lets_through(account: GatewayAccount) -> bool:
    """Whether a call may be made now with an account that was just read. Of those that ask when the pause is over one
    is let through, as the probe."""
    if account.paused_until is None:
        return True
    probing = (
        update(GatewayAccount)
        .where(GatewayAccount.id == account.id, GatewayAccount.paused_until <= func.now())
        .values(paused_until=func.now() + timedelta(seconds=PROBE_SECONDS))
        .returning(GatewayAccount.id)
    )
    return session().scalar(probing) is not None


def note(account_id: str, outcome: object) -> None:
    """What a call says about its gateway: an answer closes the breaker, no answer counts towards opening it.

    That our request was refused says nothing. “Too many requests” makes everybody wait as long as the gateway asks.
    """
    if isinstance(outcome, NotExecuted | NoAnswer) and outcome.limited:
        _pause(account_id, wait_for(outcome.retry_after))
    elif isinstance(outcome, NoAnswer) or (isinstance(outcome, NotExecuted) and not outcome.ours):
        _failed(account_id)
    else:
        _answered(account_id)


def state(account: GatewayAccount) -> State:
    """How it stands, for people."""
    if account.paused_until is None:
        return "closed"
    if session().scalar(select(GatewayAccount.paused_until <= func.now()).where(GatewayAccount.id == account.id)):
        return "half_open"
    return "open" if pause_after(account.failures) else "waiting"


def _failed(account_id: str) -> None:
    account = get(GatewayAccount, account_id, lock=True)
    account.failures += 1
    if pause := pause_after(account.failures):
        log.error("a gateway is left alone", account=account_id, failures=account.failures, seconds=pause.seconds)
        account.paused_until = func.now() + pause


def _pause(account_id: str, wait: timedelta) -> None:
    log.warning("a gateway asks us to wait", account=account_id, seconds=wait.seconds)
    get(GatewayAccount, account_id, lock=True).paused_until = func.now() + wait


def _answered(account_id: str) -> None:
    account = get(GatewayAccount, account_id)
    if account.failures or account.paused_until:
        account.failures, account.paused_until = 0, None
