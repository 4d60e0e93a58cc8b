"""Gapless numbers, a counter a name and tenant."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import text

from app.db import current_tenant_id, session
from app.ids import to_uuid

_TAKE = text("""
INSERT INTO number_sequences AS s (tenant_id, name, last)
SELECT :tenant, name, taken FROM unnest(CAST(:names AS text[]), CAST(:counts AS bigint[])) AS n (name, taken)
ON CONFLICT (tenant_id, name) DO UPDATE SET last = s.last + excluded.last RETURNING name, last
""")


def take(name: str, count: int = 1) -> int:
    """The first of the next `count` numbers. Others wait for our commit; a rollback gives the numbers back."""
    return take_each({name: count})[name]


def take_each(counts: Mapping[str, int]) -> dict[str, int]:
    """The first of the next so many numbers of each counter, taken in the order of their names."""
    names = sorted(counts)
    given = {"tenant": to_uuid("ten", current_tenant_id()), "names": names, "counts": [counts[name] for name in names]}
    return {name: last - counts[name] + 1 for name, last in session().execute(_TAKE, given)}


def in_order(names: Sequence[str]) -> list[int]:
    """One number for each of the names, counted up by name: ["a", "b", "a"] gives 1, 1 and 2 of new counters."""
    following = take_each(Counter(names)) if names else {}
    found = []
    for name in names:
        found.append(following[name])
        following[name] += 1
    return found
