"""Gapless numbers, a counter a name and tenant."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy.dialects.postgresql import insert

from app.db import current_tenant_id, session
from app.models import NumberSequence


def take(name: str, count: int = 1) -> int:
    """The first of the next `count` numbers. Others wait for our commit; a rollback gives the numbers back."""
    return take_each({name: count})[name]


def take_each(counts: Mapping[str, int]) -> dict[str, int]:
    """The first of the next so many numbers of each counter, taken in the order of their names."""
    rows = [{"tenant_id": current_tenant_id(), "name": name, "last": counts[name]} for name in sorted(counts)]
    added = insert(NumberSequence).values(rows)
    statement = added.on_conflict_do_update(
        index_elements=["tenant_id", "name"], set_={"last": NumberSequence.last + added.excluded.last}
    ).returning(NumberSequence.name, NumberSequence.last)
    return {name: last - counts[name] + 1 for name, last in session().execute(statement)}


def in_order(names: Sequence[str]) -> list[int]:
    """One number for each of the names, counted up by name: ["a", "b", "a"] gives 1, 1 and 2 of new counters."""
    following = take_each(Counter(names)) if names else {}
    found = []
    for name in names:
        found.append(following[name])
        following[name] += 1
    return found
