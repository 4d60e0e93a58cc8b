"""Many rows, each for itself: one that fails is put off, and does not hold up the others."""

from collections.abc import Callable, Iterable

from sqlalchemy.exc import OperationalError

from app.db import session, transaction
from app.logs import logger

log = logger(__name__)


def each(row_ids: Iterable[str], work: Callable[[str], object], put_off: Callable[[str], object]) -> int:
    """Do the work on each row, which opens its own transactions; gives how many were done.

    A row whose work fails is put off in a transaction of its own, so that it is not the first in line again next time.
    Raises OperationalError: without the database nothing else will do better.
    """
    return sum(_one(row_id, work, put_off) for row_id in row_ids)


def _one(row_id: str, work: Callable[[str], object], put_off: Callable[[str], object]) -> bool:
    try:
        work(row_id)
    except OperationalError:
        raise
    except Exception:
        log.exception("put off after an unforeseen error", row=row_id)
        session().rollback()
        with transaction():
            put_off(row_id)
        return False
    return True
