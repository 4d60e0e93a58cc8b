"""The comparison on request, for the command line: every account, or one, over some days, told in lines."""

from collections.abc import Iterator
from datetime import datetime

from app.domain.differences import KINDS
from app.domain.errors import NotFound
from app.gateways.errors import GatewayError
from app.models import Difference, GatewayAccount
from app.queries import reconciliation as books
from app.services.reconciling import lists, reconcile


def lines(account: str | None, since: datetime, until: datetime, at: datetime) -> Iterator[str]:
    """Compare the accounts of the tenant in scope (or the one of that name or id) over [since, until), and tell what
    differs. Raises NotFound for an account that is not there."""
    chosen = [row for row in books.accounts() if account in (None, row.id, row.name)]
    if account and not chosen:
        raise NotFound(f"There is no gateway account {account}.", code="unknown_account", field="account")
    for row in chosen:
        yield from _account(row, since, until, at)


def _account(row: GatewayAccount, since: datetime, until: datetime, at: datetime) -> Iterator[str]:
    if not lists(row):
        yield f"{row.name}: its gateway lists nothing to compare."
        return
    try:
        listed, found = reconcile(row.id, since, until, at)
    except GatewayError as error:
        yield f"{row.name}: not compared. {error}"
        return
    left = sum(one.state == "open" for one in found)
    yield f"{row.name}: {listed} listed, {len(found)} differed, {left} left."
    for one in found:
        yield from _told(one)


def _told(one: Difference) -> Iterator[str]:
    kind, there, here = KINDS[one.kind], one.theirs or "–", one.ours or "–"
    yield f"  {one.state:<10}{kind.title}: {one.reference}, there {there}, here {here}. {one.detail}".rstrip()
    if one.state == "open":
        yield f"{'':12}{kind.advice}"
