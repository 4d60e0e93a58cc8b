"""The work on kept notices: leased, done, tried again with back-off, laid aside for a person in the end."""

from datetime import datetime, timedelta

from app.db import transaction
from app.domain.errors import Conflict
from app.logs import follow_trail, logger
from app.models import InboxNotice
from app.queries.base import get
from app.services import inbox, leases, notice_effects
from app.services.history import audit

# A notice may overtake the answer to our own call by a moment, and a gateway may be away for a day.
BACK_OFF = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
NEVER_BETTER = ("foreign_notice",)
UNMATCHED = "unknown_subject"  # nothing here is what a notice names, and nothing came to be in all that time

log = logger(__name__)


def follow_due(at: datetime) -> int:
    """Work on every notice of the tenant in scope that is due, oldest first; gives how many are done."""
    return sum(follow(notice_id, at) for notice_id in leases.due(InboxNotice, "notices", at))


def follow(notice_id: str, at: datetime) -> bool:
    """Lease a notice, do what it asks for, and record how that went. False when it was not there to take, or failed."""
    with transaction():
        row = leases.take(InboxNotice, notice_id, len(BACK_OFF) + 1)
        if row is None:
            return False
    try:
        with follow_trail(row.request_id):
            subject_id = notice_effects.follow(row.gateway_account_id, inbox.letter(row).notice, at)
    except Exception as error:
        _tell(row, error)
        with transaction():
            _failed(get(InboxNotice, notice_id, lock=True), error, at)
        return False
    with transaction():
        done = get(InboxNotice, notice_id, lock=True)
        leases.done(done)
        done.subject_id, done.worked_at = subject_id, at
    return True


def replay(notice_id: str, at: datetime) -> None:
    """Take up again a notice that was laid aside or dismissed, or look once more after one that is done.

    Raises Conflict for one that waits already.
    """
    row = get(InboxNotice, notice_id, lock=True)
    if row.state == "due":
        raise Conflict("This notice waits to be worked on already.", code="notice_due")
    leases.again(row, at)
    audit("notice.replay", row.id, at, account=row.gateway_account_id)


def dismiss(notice_id: str, at: datetime, *, reason: str = "") -> None:
    """Put away a notice that was laid aside: nothing is going to be done about it. Raises Conflict for any other."""
    row = get(InboxNotice, notice_id, lock=True)
    if row.state != "dead":
        raise Conflict("Only a notice that was laid aside can be dismissed.", code="notice_not_dead")
    row.state = "dismissed"
    audit("notice.dismiss", row.id, at, account=row.gateway_account_id, reason=reason)


def _tell(row: InboxNotice, error: Exception) -> None:
    expected = isinstance(error, notice_effects.EXPECTED)
    log.warning("notice not worked on", notice=row.id, why=str(error), exc_info=None if expected else error)


def _failed(row: InboxNotice, error: Exception, at: datetime) -> None:
    leases.failed(row, error, at, BACK_OFF)
    code = UNMATCHED if isinstance(error, notice_effects.Unmatched) else getattr(error, "code", "")
    if code in NEVER_BETTER:
        row.state = "dead"
    if row.state == "dead" and code in (UNMATCHED, *NEVER_BETTER):
        audit("notice.refuse", row.id, at, account=row.gateway_account_id, code=code)
