"""What the crash test finds when books differ: a line for each difference, under the right heading."""

import pytest

from crashtest.books import Books, Ours, Theirs, compare

PAID = Ours("pay_1", "inv_1", "stripe", "succeeded", 10_00)
TAKEN = Theirs("pay_1", 10_00)
SENT_BACK = Ours("pay_1", "inv_1", "stripe", "succeeded", 10_00, 3_00)


def books(theirs: list[Theirs], ours: list[Ours], status: str = "paid", *waiting: str) -> Books:
    return Books(theirs, ours, {"inv_1": status}, waiting)


@pytest.mark.parametrize(
    ("found", "twice", "lost", "unresolved"),
    [
        (books([TAKEN], [PAID]), 0, 0, 0),
        (books([Theirs("pay_1", 10_00, 3_00)], [SENT_BACK]), 0, 0, 0),
        (books([TAKEN, TAKEN], [PAID]), 1, 1, 0),  # twice by one key: 20.00 came, of which we know 10.00
        (books([TAKEN, Theirs("pay_2", 10_00)], [PAID, Ours("pay_2", "inv_1", "square", "succeeded", 10_00)]), 1, 0, 0),
        (books([Theirs("pay_1", 10_00, 3_00)], [PAID]), 1, 0, 0),  # sent back, and sent back again when it is tried
        (books([TAKEN], [Ours("pay_1", "inv_1", "stripe", "failed", 10_00)]), 0, 1, 0),
        (books([], [PAID]), 0, 1, 0),
        (books([Theirs("pay_1", 9_99)], [PAID]), 0, 1, 0),
        (books([Theirs("", 10_00)], [], "paid"), 0, 1, 0),
        (books([TAKEN], [SENT_BACK]), 0, 1, 0),
        (books([], [], "open"), 0, 0, 1),
        (books([TAKEN], [PAID], "paid", "ref_1 is unknown"), 0, 0, 1),
    ],
)
def test_each_difference_is_found_once(found: Books, twice: int, lost: int, unresolved: int) -> None:
    differences = compare(found)
    assert (len(differences.twice), len(differences.lost), len(differences.unresolved)) == (twice, lost, unresolved)
    assert bool(differences) == bool(twice or lost or unresolved)
