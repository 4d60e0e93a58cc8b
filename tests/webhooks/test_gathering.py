"""What requests bring at the same moment is written together, and each of them hears how its own went."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

from psycopg import OperationalError

from app.webhooks.gathering import Gathering, Part

AWAY = OperationalError("the database is away")


class Book:
    """Writes batches down. The first one waits until the others stand in line; some items cannot be written."""

    def __init__(self, bad: dict[int, Exception]) -> None:
        self.bad, self.batches, self.go = bad, [], Event()  # type: dict[int, Exception], list[list[int]], Event

    def write(self, items: Sequence[int]) -> None:
        self.batches.append(list(items))
        self.go.wait(5)
        for item in items:
            if item in self.bad:
                raise self.bad[item]


def brought(book: Book, many: int) -> list[BaseException | None]:
    """How it went for each of the items: 0 comes first, and the others while it is being written."""
    gathering: Gathering[int] = Gathering(book.write)
    with ThreadPoolExecutor(many) as pool:
        sent: list[Future[Part]] = [pool.submit(gathering.keep, 0)]
        until(lambda: bool(book.batches))
        sent += [pool.submit(gathering.keep, item) for item in range(1, many)]
        until(lambda: len(gathering._waiting) == many - 1)
        book.go.set()
        return [one.exception(5) for one in sent]


def until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + 5
    while not true():
        assert monotonic() < deadline
        sleep(0.001)


def test_who_comes_while_one_writes_is_written_together() -> None:
    book = Book({})
    assert brought(book, 6) == [None] * 6
    assert [sorted(batch) for batch in book.batches] == [[0], [1, 2, 3, 4, 5]]


def test_a_bad_one_is_bad_for_itself_only() -> None:
    bad = ValueError("not this one")
    book = Book({3: bad})
    assert brought(book, 6) == [None, None, None, bad, None, None]
    assert sorted(item for batch in book.batches[2:] for item in batch) == [1, 2, 3, 4, 5], (
        "after the batch failed, each alone"
    )


def test_without_the_database_nobody_is_tried_alone() -> None:
    book = Book({3: AWAY})
    assert brought(book, 6) == [None, *[AWAY] * 5]
    assert len(book.batches) == 2


def test_a_thread_that_must_end_leaves_nobody_waiting() -> None:
    """Those in its batch hear of the end; who comes after it is written."""
    book = Book({0: SystemExit(1)})  # type: ignore[dict-item]
    found = brought(book, 4)
    assert isinstance(found[0], SystemExit)
    assert found[1:] == [None] * 3


def test_nobody_waits_for_ever_and_nobody_is_forgotten() -> None:
    written: list[int] = []
    gathering: Gathering[int] = Gathering(written.extend)
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(gathering.keep, item) for item in range(320)]:
            one.result(5)
    assert sorted(written) == list(range(320))


def test_the_last_one_to_write_is_told_so() -> None:
    book = Book({})
    gathering: Gathering[int] = Gathering(book.write)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathering.keep, 0)
        until(lambda: bool(book.batches))
        others = [pool.submit(gathering.keep, item) for item in (1, 2)]
        until(lambda: len(gathering._waiting) == 2)
        book.go.set()
        assert first.result(5) is Part.WROTE
        assert {one.result(5) for one in others} == {Part.WROTE_LAST, Part.NONE}
