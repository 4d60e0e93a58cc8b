"""Group commit: what requests of this process bring at the same moment is written together.

Who comes while nobody writes, writes at once. Who comes meanwhile waits, and one of those then writes for all of them.
So there is no thread besides those of the requests: nothing to start after a fork, nothing left over at the end.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from threading import Lock
from typing import Generic, TypeVar

from psycopg import OperationalError

Item = TypeVar("Item")


class Part(Enum):
    """What somebody had in the writing: others wrote, or they did, and somebody or nobody writes on after them."""

    NONE = auto()
    WROTE = auto()
    WROTE_LAST = auto()


class _Waiting(Generic[Item]):
    """What one request brought, and how it went. The lock is let go of when it is its turn: cheaper than an event."""

    __slots__ = ("error", "item", "turn", "written")

    def __init__(self, item: Item) -> None:
        self.item, self.turn = item, Lock()
        self.turn.acquire()
        self.written, self.error = False, None  # type: bool, BaseException | None


class Gathering(Generic[Item]):
    """Gathers items for `write`, which keeps all it is given for good, or nothing and raises.

    It may be given an item twice: alone, after it failed in company.
    """

    def __init__(self, write: Callable[[Sequence[Item]], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._waiting: list[_Waiting[Item]] = []
        self._writing = False

    def keep(self, item: Item) -> Part:
        """Returns once the item is written. Raises what `write` raised for it."""
        mine = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            wait, self._writing = self._writing, True
        if wait:
            mine.turn.acquire()
        part = Part.NONE if mine.written or mine.error else self._write_waiting()
        if mine.error:
            raise mine.error
        return part

    def _write_waiting(self) -> Part:
        """Write what waits, one's own among it, and let whoever came meanwhile write next."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._write_each(batch)
        except BaseException as error:  # this thread is to end: nobody may wait for it for ever
            for one in batch:
                one.error = one.error or (None if one.written else error)
            raise
        finally:
            with self._lock:
                self._writing = bool(self._waiting)
                following = self._waiting[:1]
            for one in (*batch, *following):
                one.turn.release()
        return Part.WROTE if following else Part.WROTE_LAST

    def _write_each(self, batch: Sequence[_Waiting[Item]]) -> None:
        """Write all together; where that fails, each alone, so that a bad one is bad for itself only."""
        try:
            self._write([one.item for one in batch])
        except Exception as error:
            # Without the database nobody does better alone.
            if len(batch) > 1 and not isinstance(error, OperationalError):
                for one in batch:
                    self._write_each([one])
                return
            for one in batch:
                one.error = error
        else:
            for one in batch:
                one.written = True
