"""The daily comparison of each account's list with our books, and of any other period on request.

A day is compared once it is over and has had time to settle, and again every day while it has open differences.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from app.db import current_tenant_id, let_go, session, transaction
from app.domain.errors import BillingError, Conflict
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.errors import GatewayError
from app.ids import new_id
from app.logs import logger
from app.models import Difference, GatewayAccount, Reconciliation
from app.queries import reconciliation as books
from app.queries.base import get
from app.queries.disputes import running_at
from app.services import disputes, gateway_accounts, leases, mending
from app.services.comparing import Day, Found, compare
from app.services.history import audit

DAY = timedelta(days=1)
SETTLES = timedelta(hours=2)  # after the end of a day; lists may lag behind
CAUGHT_UP = 30  # days, when nobody compared for longer
BACK_OFF = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))

log = logger(__name__)


def plan(at: datetime) -> int:
    """Write down which days have to be compared by `at`, in the tenant in scope; gives how many are new or due again.
    Any number of workers may do it."""
    with transaction():
        rows = [row for account in books.accounts() if lists(account) for row in _days(account, at)]
        made = 0
        if rows:
            statement = insert(Reconciliation).on_conflict_do_nothing().returning(Reconciliation.id)
            made = len(session().execute(statement, rows).all())
        return made + _plan_again(at)


def compare_due(at: datetime) -> int:
    """Compare every day of the tenant in scope that is due; gives how many were compared."""
    return sum(run(run_id, at) for run_id in leases.due(Reconciliation, "reconciliations", at))


def run(run_id: str, at: datetime) -> bool:
    """Lease a comparison, make it, and record how it went. False when it was not there to take, or failed."""
    with transaction():
        row = leases.take(Reconciliation, run_id, len(BACK_OFF) + 1)
        if row is None:
            return False
    try:
        listed, _ = reconcile(row.gateway_account_id, row.since, row.until, at)
    except Exception as error:
        expected = isinstance(error, GatewayError | BillingError)
        log.warning("books were not compared", run=run_id, why=str(error), exc_info=None if expected else error)
        with transaction():
            leases.failed(get(Reconciliation, run_id, lock=True), error, at, BACK_OFF)
        return False
    with transaction():
        done = get(Reconciliation, run_id, lock=True)
        leases.done(done)
        done.listed, done.compared_at = listed, at
    return True


def reconcile(account_id: str, since: datetime, until: datetime, at: datetime) -> tuple[int, Sequence[Difference]]:
    """Compare an account's list over [since, until), put right what can be, and keep the rest as differences.

    Gives the number of rows listed, and all differences that were found, also those that are resolved now. Opens its
    own transactions; doing it twice finds the same. Raises GatewayError when the list cannot be had, and Conflict for a
    gateway that has none.
    """
    account = get(GatewayAccount, account_id)
    if not lists(account):
        raise Conflict(f"{account.name} is at a gateway that lists nothing.", code="unsupported")
    gateway = gateway_accounts.connect(account)
    let_go()
    day = Day(account_id, since, until, gateway.list_transactions(since, until))
    for dispute in running_at(account_id):
        disputes.look(account_id, dispute.gateway_ref, at)
    seen = compare(day)
    confirmed = {_name(found) for found in seen if mending.mend(account_id, found, at)}
    left = {_name(found) for found in compare(day)} - confirmed
    with transaction():
        return len(day.listed), _keep(day, [found for found in seen if _name(found) not in confirmed], left, at)


def dismiss(difference_id: str, at: datetime, *, reason: str) -> None:
    """Put away an open difference: it is explained. Raises Conflict for any other."""
    row = get(Difference, difference_id, lock=True)
    if row.state != "open":
        raise Conflict(f"This difference is {row.state} already.", code="difference_not_open")
    row.state, row.ended_at = "dismissed", at
    audit("difference.dismiss", row.id, at, reason=reason, reference=row.reference)


def _keep(day: Day, seen: Sequence[Found], left: set[tuple[str, str]], at: datetime) -> Sequence[Difference]:
    """Write down what was seen, and what of it is left. What was open before and is not seen any more is resolved."""
    get(GatewayAccount, day.account_id, lock=True)
    for row in books.open_between(day.account_id, day.since, day.until):
        if (row.kind, row.reference) not in left:
            row.state, row.ended_at = "resolved", at
    return [_write(day.account_id, found, _name(found) in left, at) for found in seen]


def _write(account_id: str, found: Found, is_left: bool, at: datetime) -> Difference:
    row = session().scalar(
        select(Difference).where(
            Difference.gateway_account_id == account_id,
            Difference.kind == found.kind,
            Difference.reference == found.reference,
        )
    )
    if row is None:
        row = Difference(gateway_account_id=account_id, kind=found.kind, reference=found.reference, created_at=at)
        row.state = "open"
        session().add(row)
    row.subject_id, row.detail, row.at, row.seen_at = found.subject_id, found.detail, found.at, at
    row.theirs_minor, row.theirs_currency = _columns(found.theirs)
    row.ours_minor, row.ours_currency = _columns(found.ours)
    if row.state != "dismissed":
        row.state, row.ended_at = ("open", None) if is_left else ("resolved", at)
    session().flush()
    return row


def _columns(amount: Any) -> tuple[int | None, str | None]:
    return (amount.minor, amount.currency) if amount else (None, None)


def _name(found: Found) -> tuple[str, str]:
    return found.kind, found.reference


def lists(account: GatewayAccount) -> bool:
    """Whether the account's gateway has a list to compare with."""
    return Capability.LIST_TRANSACTIONS in gateway_class(account.gateway).capabilities


def unlisted() -> list[GatewayAccount]:
    """The accounts of the tenant in scope that nothing can be compared with: their gateway has no list."""
    return [account for account in books.accounts() if not lists(account)]


def _days(account: GatewayAccount, at: datetime) -> list[dict[str, Any]]:
    """The days up to the last that has settled, from where comparing ended or the account was connected."""
    end = datetime.combine((at - SETTLES).astimezone(UTC).date(), time(), UTC)
    connected = datetime.combine(account.created_at.astimezone(UTC).date(), time(), UTC)
    first = max(books.last_until(account.id) or connected, end - CAUGHT_UP * DAY)
    return [_row(account.id, first + n * DAY, at) for n in range((end - first) // DAY)]


def _row(account_id: str, since: datetime, at: datetime) -> dict[str, Any]:
    return {
        "tenant_id": current_tenant_id(),
        "id": new_id("rec"),
        "gateway_account_id": account_id,
        "since": since,
        "until": since + DAY,
        "due_at": at,
        "created_at": at,
    }


def _plan_again(at: datetime) -> int:
    """Days with open differences are compared again, a day after the last time."""
    open_ones = exists().where(
        Difference.tenant_id == Reconciliation.tenant_id,
        Difference.gateway_account_id == Reconciliation.gateway_account_id,
        Difference.state == "open",
        Difference.at >= Reconciliation.since,
        Difference.at < Reconciliation.until,
    )
    query = select(Reconciliation).where(
        Reconciliation.state == "done",
        Reconciliation.compared_at <= at - DAY,
        Reconciliation.until > at - CAUGHT_UP * DAY,
        open_ones,
    )
    rows = session().scalars(query.with_for_update(skip_locked=True)).all()
    for row in rows:
        leases.again(row, at)
    return len(rows)
