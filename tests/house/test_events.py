"""Events: every one that is emitted is known and described, and everybody who listens has something to listen to."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from app.domain.events import EVENTS
from app.jobs.subscribers import SUBSCRIBERS, WORKERS
from tests.house.sources import matched, patterns, trees


def emitted() -> Iterator[str]:
    """The types that services emit, as regular expressions: what stands first in emit() and Fact(), and whatever text
    of a service is the name of a known event."""
    for tree in trees("services").values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in ("emit", "Fact") and node.args:
                yield from patterns(node.args[0])


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@cache
def texts() -> set[str]:
    """The texts of services, as regular expressions."""
    return {pattern for tree in trees("services").values() for pattern in patterns(tree)}


def test_every_type_that_is_emitted_is_known() -> None:
    """A new one gets a line in app/domain/events.py, which says what it means to those who are told."""
    assert [pattern for pattern in set(emitted()) if not any(matched(name, {pattern}) for name in EVENTS)] == []


@pytest.mark.parametrize("name", EVENTS)
def test_every_known_type_is_emitted(name: str) -> None:
    assert matched(name, texts())


@pytest.mark.parametrize("name", EVENTS)
def test_a_type_is_a_noun_and_what_happened_to_it(name: str) -> None:
    noun, _, happened = name.partition(".")
    assert noun
    assert happened
    assert EVENTS[name].endswith(".")


def test_whoever_listens_listens_to_a_known_type() -> None:
    assert SUBSCRIBERS.keys() <= EVENTS.keys()


def test_all_work_that_is_asked_for_has_somebody_who_does_it_and_the_other_way_round() -> None:
    assert {name for names in SUBSCRIBERS.values() for name in names} == set(WORKERS)


def test_whatever_changes_access_makes_it_forget() -> None:
    changing = {name for name in EVENTS if name.startswith(("subscription.", "payment.")) and name not in UNRELATED}
    assert [name for name in changing if "refresh_access" not in SUBSCRIBERS.get(name, ())] == []


# What changes neither a subscription's status nor whether money is on its way, or comes along with what does.
UNRELATED = {
    "payment.attested",
    "payment.succeeded",
    "payment.taken_back",
    "payment.unapplied",
    "subscription.parked",
}
